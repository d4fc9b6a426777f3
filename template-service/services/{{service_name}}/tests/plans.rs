//! Every query uses an index (no full table scan to find some of the rows) and also runs on CockroachDB.

use {{service_crate}}::{
    biz::{ {{Resource}}, {{Resource}}Change, {{Resource}}Repository
{%- for field in field_list %}
{%- assign type = field[6] %}{% assign rust = field[7] %}
{%- if type == "enum" %}, {{rust}}{% endif %}
{%- endfor %} },
    data::{{Resource}}Store,
    server::MIGRATIONS,
    service::FIELDS,
};
use platform::{page::{ListQuery, ListRequest}, time};
use testkit::Recording;
use uuid::Uuid;

{% if has_owner -%}
const OWNER: &str = "ada";

{% endif -%}
#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn every_query_has_an_index_and_is_portable() {
    let recording = Recording::start(&MIGRATIONS).await{% if has_owner %}.of_owned_rows(){% endif %};
    let store = {{Resource}}Store::new(recording.database(), &testkit::cache());
    let given = given();

    store.insert(&given).await.unwrap();
    store.find(given.id).await.unwrap();
    store.find_many({{owner_sample}}&[given.id]).await.unwrap();
    for expected_version in [None, Some(1)] {
        let change = {{Resource}}Change { {{change_sample}} };
        store.update({{owner_sample}}given.id, expected_version, change, time::now()).await.unwrap();
    }
    list_in_every_way(&store, &given).await;
    for expected_version in [None, Some(1)] {
        store.delete({{owner_sample}}given.id, expected_version).await.unwrap();
    }

    recording.assert_portable();
    recording.assert_indexed().await;
}

async fn list_in_every_way(store: &{{Resource}}Store, given: &{{Resource}}) {
    let orders = [
        "created_at",
        "created_at desc",
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign traits = field[9] %}
{%- if traits contains "listed" and traits contains "required" %}
        "{{column}}",
        "{{column}} desc",
{%- endif %}
{%- endfor %}
    ];
    let filters = [
        "created_at >= \"2001-01-01T00:00:00Z\"",
{%- for field in field_list %}
{%- assign traits = field[9] %}{% assign filter = field[23] %}
{%- if traits contains "listed" %}
        {{filter}},
{%- endif %}
{%- endfor %}
    ];
    let orders = orders.map(|order_by| (order_by, ""));
    let filters = filters.map(|filter| ("", filter));
    for (order_by, filter) in orders.into_iter().chain(filters) {
        let request = ListRequest { page_size: 1, filter, order_by, ..ListRequest::default() };
        let query = ListQuery::new("{{table}}", FIELDS, request).unwrap();
        store.list({{owner_sample}}&query).await.unwrap();
        // Two rows, so that there is a next page.
        let page = query.page(vec![given.clone(), given.clone()]).unwrap();
        let next = ListRequest { page_token: &page.next_page_token, ..request };
        store.list({{owner_sample}}&ListQuery::new("{{table}}", FIELDS, next).unwrap()).await.unwrap();
    }
}

fn given() -> {{Resource}} {
    let now = time::now();
    {{Resource}} {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign samples = field[13] %}
        {{ident}}: {{samples[0][0]}},
{%- endfor %}
    }
}
