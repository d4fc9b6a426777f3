//! Every query uses an index (no full table scan to find some of the rows) and also runs on CockroachDB.

use consultants::{
    biz::{Consultant, ConsultantChange, ConsultantRepository},
    data::ConsultantStore,
    server::MIGRATIONS,
    service::FIELDS,
};
use platform::{
    page::{ListQuery, ListRequest},
    time,
};
use testkit::Recording;
use uuid::Uuid;

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn every_query_has_an_index_and_is_portable() {
    let recording = Recording::start(&MIGRATIONS).await;
    let store = ConsultantStore::new(recording.database(), &testkit::cache());
    let given = given();

    store.insert(&given).await.unwrap();
    store.find(given.id).await.unwrap();
    store.find_many(&[given.id]).await.unwrap();
    for expected_version in [None, Some(1)] {
        let change = ConsultantChange {
            name: Some("name b".to_owned()),
            ..ConsultantChange::default()
        };
        store
            .update(given.id, expected_version, change, time::now())
            .await
            .unwrap();
    }
    list_in_every_way(&store, &given).await;
    for expected_version in [None, Some(1)] {
        store.delete(given.id, expected_version).await.unwrap();
    }

    recording.assert_portable();
    recording.assert_indexed().await;
}

async fn list_in_every_way(store: &ConsultantStore, given: &Consultant) {
    let orders = ["created_at", "created_at desc", "email", "email desc"];
    let filters = [
        "created_at >= \"2001-01-01T00:00:00Z\"",
        "email = \"a@example.com\"",
    ];
    let orders = orders.map(|order_by| (order_by, ""));
    let filters = filters.map(|filter| ("", filter));
    for (order_by, filter) in orders.into_iter().chain(filters) {
        let request = ListRequest {
            page_size: 1,
            filter,
            order_by,
            ..ListRequest::default()
        };
        let query = ListQuery::new("consultants", FIELDS, request).unwrap();
        store.list(&query).await.unwrap();
        // Two rows, so that there is a next page.
        let page = query.page(vec![given.clone(), given.clone()]).unwrap();
        let next = ListRequest {
            page_token: &page.next_page_token,
            ..request
        };
        store
            .list(&ListQuery::new("consultants", FIELDS, next).unwrap())
            .await
            .unwrap();
    }
}

fn given() -> Consultant {
    let now = time::now();
    Consultant {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
        name: "name a".to_owned(),
        email: "a@example.com".to_owned(),
        born: Some("1990-04-12".parse().unwrap()),
        active: true,
    }
}
