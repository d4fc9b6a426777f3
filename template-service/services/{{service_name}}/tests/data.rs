//! Storage, on every database and behind both caches.

use {{service_crate}}::{
    biz::{ {{Resource}}, {{Resource}}Change, {{Resource}}Repository{% if has_unique %}, Error{% endif %}
{%- for field in field_list %}
{%- assign type = field[6] %}{% assign rust = field[7] %}
{%- if type == "enum" %}, {{rust}}{% endif %}
{%- endfor %} },
    data::{{'{'}}{{Resource}}Store, schema},
    server::MIGRATIONS,
    service::FIELDS,
};
use platform::{database::Database, page::{ListQuery, ListRequest}, time};
use uuid::Uuid;

{% if has_owner -%}
const OWNER: &str = "ada";

{% endif -%}
macro_rules! on_every_backend {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$rule(super::{{Resource}}Store::new(database.clone(), &testkit::cache())).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            #[ignore = "needs REDIS_URL"]
            async fn $rule() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$rule(super::{{Resource}}Store::new(database.clone(), &testkit::redis())).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs DATABASE_URL"]
            async fn $rule() {
                let database = testkit::postgres(&super::MIGRATIONS).await;
                super::$rule(super::{{Resource}}Store::new(database.clone(), &testkit::cache())).await;
            })*
        }

        mod on_cockroachdb {
            $(#[tokio::test]
            #[ignore = "needs COCKROACH_URL"]
            async fn $rule() {
                let database = testkit::cockroachdb(&super::MIGRATIONS).await;
                super::$rule(super::{{Resource}}Store::new(database.clone(), &testkit::cache())).await;
            })*
        }
    };
}

on_every_backend! {
    what_is_inserted_is_found,
    a_change_is_stored_once,
    lists_are_what_they_are_asked_for,
    several_are_found_together,
    what_is_deleted_is_gone,
    what_was_looked_for_before_it_was_inserted_is_found,
{%- if has_owner %}
    what_is_anothers_is_neither_listed_nor_changed,
{%- endif %}
{%- if has_caseless %}
    an_address_is_kept_as_written_and_found_in_any_letters,
{%- endif %}
{%- if has_unique %}
    a_unique_value_is_taken_once,
{%- endif %}
}

#[tokio::test]
async fn the_migrations_make_what_the_schema_says() {
    let database = testkit::database(&MIGRATIONS).await;
    check_migrations(&database).await;
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn the_migrations_make_what_the_schema_says_on_postgresql() {
    let database = testkit::postgres(&MIGRATIONS).await;
    check_migrations(&database).await;
}

#[tokio::test]
#[ignore = "needs COCKROACH_URL"]
async fn the_migrations_make_what_the_schema_says_on_cockroachdb() {
    let database = testkit::cockroachdb(&MIGRATIONS).await;
    check_migrations(&database).await;
}

async fn check_migrations(database: &Database) {
    testkit::assert_repeatable(database, &MIGRATIONS).await;
    testkit::assert_same_columns(database, schema::{{table}}::table).await;
}

fn first() -> {{Resource}} {
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

fn second() -> {{Resource}} {
    let now = time::now();
    {{Resource}} {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign samples = field[13] %}
        {{ident}}: {{samples[1][0]}},
{%- endfor %}
    }
}

async fn what_is_inserted_is_found(store: {{Resource}}Store) {
    for given in [first(), second()] {
        assert!(store.insert(&given).await.unwrap());
        assert!(!store.insert(&given).await.unwrap());
        assert_eq!(store.find(given.id).await.unwrap(), Some(given));
    }
    assert_eq!(store.find(Uuid::new_v4()).await.unwrap(), None);
}

async fn a_change_is_stored_once(store: {{Resource}}Store) {
    let old = first();
    store.insert(&old).await.unwrap();
    assert_eq!(store.find(old.id).await.unwrap(), Some(old.clone()));

    let new = {{Resource}} {
        id: old.id,
        version: 2,
        created_at: old.created_at,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign traits = field[9] %}
{%- if traits contains "immutable" %}
        {{ident}}: old.{{ident}}{% unless traits contains "copy" %}.clone(){% endunless %},
{%- endif %}
{%- endfor %}
        ..second()
    };
    let change = {{Resource}}Change {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign traits = field[9] %}
{%- if traits contains "changeable" %}
        {{ident}}: Some(new.{{ident}}{% unless traits contains "copy" %}.clone(){% endunless %}),
{%- endif %}
{%- endfor %}
    };
    let stored = store.update({{owner_sample}}old.id, Some(1), change.clone(), new.updated_at).await;
    assert_eq!(stored.unwrap(), Some(new.clone()));
    let stale = store.update({{owner_sample}}old.id, Some(1), change, time::now()).await;
    assert_eq!(stale.unwrap(), None);
    assert_eq!(store.find(old.id).await.unwrap(), Some(new));

    let nothing = store.update({{owner_sample}}old.id, None, {{Resource}}Change::default(), time::now()).await;
    assert_eq!(nothing.unwrap().map(|stored| stored.version), Some(3));
}

async fn lists_are_what_they_are_asked_for(store: {{Resource}}Store) {
    let rows = vec![first(), second()];
    for row in &rows {
        store.insert(row).await.unwrap();
    }
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
        "created_at < \"2000-01-01T00:00:00Z\" OR created_at > \"2001-01-01T00:00:00Z\"",
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
        let found = store.list({{owner_sample}}&query).await.unwrap();
        assert_eq!(found, query.select(rows.clone()), "{filter}; {order_by}");

        let page_token = &query.page(found).unwrap().next_page_token;
        let next = ListQuery::new("{{table}}", FIELDS, ListRequest { page_token, ..request }).unwrap();
        let found = store.list({{owner_sample}}&next).await.unwrap();
        assert_eq!(found, next.select(rows.clone()), "{filter}; {order_by}; second page");
    }
}

async fn several_are_found_together(store: {{Resource}}Store) {
    let rows = [first(), second()];
    for row in &rows {
        store.insert(row).await.unwrap();
    }
    let ids = [rows[1].id, Uuid::new_v4(), rows[0].id];
    let found = store.find_many({{owner_sample}}&ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(rows.iter().all(|row| found.contains(row)));
}

async fn what_is_deleted_is_gone(store: {{Resource}}Store) {
    let given = first();
    store.insert(&given).await.unwrap();
    assert_eq!(store.find(given.id).await.unwrap(), Some(given.clone()));

    assert!(!store.delete({{owner_sample}}given.id, Some(7)).await.unwrap());
    assert!(store.delete({{owner_sample}}given.id, Some(1)).await.unwrap());
    assert!(!store.delete({{owner_sample}}given.id, None).await.unwrap());
    assert_eq!(store.find(given.id).await.unwrap(), None);
}

{% if has_owner -%}
async fn what_is_anothers_is_neither_listed_nor_changed(store: {{Resource}}Store) {
    let given = first();
    let others = [{{Resource}} { {{owner_ident}}: "eve".to_owned(), ..second() }];
    for row in others.iter().chain([&given]) {
        store.insert(row).await.unwrap();
    }

    let request = ListRequest { page_size: 1, ..ListRequest::default() };
    let query = ListQuery::new("{{table}}", FIELDS, request).unwrap();
    assert_eq!(store.list("eve", &query).await.unwrap(), others);
    let ids = [given.id, others[0].id];
    assert_eq!(store.find_many("eve", &ids).await.unwrap(), others);

    let changed = store.update("eve", given.id, None, {{Resource}}Change::default(), time::now()).await;
    assert_eq!(changed.unwrap(), None);
    assert!(!store.delete("eve", given.id, None).await.unwrap());
    assert_eq!(store.find(given.id).await.unwrap(), Some(given));
}

{% endif -%}
async fn what_was_looked_for_before_it_was_inserted_is_found(store: {{Resource}}Store) {
    let given = first();
    assert_eq!(store.find(given.id).await.unwrap(), None);
    store.insert(&given).await.unwrap();
    assert_eq!(store.find(given.id).await.unwrap(), Some(given));
}
{%- if has_caseless %}

async fn an_address_is_kept_as_written_and_found_in_any_letters(store: {{Resource}}Store) {
    let written = {{Resource}} {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign traits = field[9] %}
{%- if traits contains "caseless" %}
        {{ident}}: first().{{ident}}{% if traits contains "optional" %}.map(|text| text.to_uppercase()){% else %}.to_uppercase(){% endif %},
{%- endif %}
{%- endfor %}
        ..first()
    };
    store.insert(&written).await.unwrap();
    assert_eq!(store.find(written.id).await.unwrap().as_ref(), Some(&written));
    for filter in [
{%- for field in field_list %}
{%- assign traits = field[9] %}{% assign filter = field[23] %}
{%- if traits contains "caseless" %}
        {{filter}},
{%- endif %}
{%- endfor %}
    ] {
        let request = ListRequest { filter, ..ListRequest::default() };
        let query = ListQuery::new("{{table}}", FIELDS, request).unwrap();
        let found = store.list({{owner_sample}}&query).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&written), "{filter}");
    }
}
{%- endif %}
{%- if has_unique %}

async fn a_unique_value_is_taken_once(store: {{Resource}}Store) {
    store.insert(&first()).await.unwrap();
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign ident = field[1] %}{% assign traits = field[9] %}
{%- if traits contains "unique" %}

    let same = {{Resource}} { {{ident}}: first().{{ident}}, ..second() };
    let refused = store.insert(&same).await;
    assert!(matches!(refused, Err(Error::AlreadyExists("{{column}}"))), "{refused:?}");
{%- if traits contains "caseless" %}
    let spelled = {{Resource}} { {{ident}}: first().{{ident}}{% if traits contains "optional" %}.map(|text| text.to_uppercase()){% else %}.to_uppercase(){% endif %}, ..second() };
    let refused = store.insert(&spelled).await;
    assert!(matches!(refused, Err(Error::AlreadyExists("{{column}}"))), "{refused:?}");
{%- endif %}
{%- endif %}
{%- endfor %}
}
{%- endif %}
