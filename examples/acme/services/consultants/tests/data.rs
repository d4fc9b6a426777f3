//! Storage, on every database and behind both caches.

use consultants::{
    biz::{Consultant, ConsultantChange, ConsultantRepository, Error},
    data::{ConsultantStore, schema},
    server::MIGRATIONS,
    service::FIELDS,
};
use platform::{
    database::Database,
    page::{ListQuery, ListRequest},
    time,
};
use uuid::Uuid;

macro_rules! on_every_backend {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$rule(super::ConsultantStore::new(database.clone(), &testkit::cache())).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            #[ignore = "needs REDIS_URL"]
            async fn $rule() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$rule(super::ConsultantStore::new(database.clone(), &testkit::redis())).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs DATABASE_URL"]
            async fn $rule() {
                let database = testkit::postgres(&super::MIGRATIONS).await;
                super::$rule(super::ConsultantStore::new(database.clone(), &testkit::cache())).await;
            })*
        }

        mod on_cockroachdb {
            $(#[tokio::test]
            #[ignore = "needs COCKROACH_URL"]
            async fn $rule() {
                let database = testkit::cockroachdb(&super::MIGRATIONS).await;
                super::$rule(super::ConsultantStore::new(database.clone(), &testkit::cache())).await;
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
    an_address_is_kept_as_written_and_found_in_any_letters,
    a_unique_value_is_taken_once,
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
    testkit::assert_same_columns(database, schema::consultants::table).await;
}

fn first() -> Consultant {
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

fn second() -> Consultant {
    let now = time::now();
    Consultant {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
        name: "name b".to_owned(),
        email: "b@example.com".to_owned(),
        born: Some("2000-02-29".parse().unwrap()),
        active: false,
    }
}

async fn what_is_inserted_is_found(store: ConsultantStore) {
    for given in [first(), second()] {
        assert!(store.insert(&given).await.unwrap());
        assert!(!store.insert(&given).await.unwrap());
        assert_eq!(store.find(given.id).await.unwrap(), Some(given));
    }
    assert_eq!(store.find(Uuid::new_v4()).await.unwrap(), None);
}

async fn a_change_is_stored_once(store: ConsultantStore) {
    let old = first();
    store.insert(&old).await.unwrap();
    assert_eq!(store.find(old.id).await.unwrap(), Some(old.clone()));

    let new = Consultant {
        id: old.id,
        version: 2,
        created_at: old.created_at,
        ..second()
    };
    let change = ConsultantChange {
        name: Some(new.name.clone()),
        email: Some(new.email.clone()),
        born: Some(new.born),
        active: Some(new.active),
    };
    let stored = store
        .update(old.id, Some(1), change.clone(), new.updated_at)
        .await;
    assert_eq!(stored.unwrap(), Some(new.clone()));
    let stale = store.update(old.id, Some(1), change, time::now()).await;
    assert_eq!(stale.unwrap(), None);
    assert_eq!(store.find(old.id).await.unwrap(), Some(new));

    let nothing = store
        .update(old.id, None, ConsultantChange::default(), time::now())
        .await;
    assert_eq!(nothing.unwrap().map(|stored| stored.version), Some(3));
}

async fn lists_are_what_they_are_asked_for(store: ConsultantStore) {
    let rows = vec![first(), second()];
    for row in &rows {
        store.insert(row).await.unwrap();
    }
    let orders = ["created_at", "created_at desc", "email", "email desc"];
    let filters = [
        "created_at < \"2000-01-01T00:00:00Z\" OR created_at > \"2001-01-01T00:00:00Z\"",
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
        let found = store.list(&query).await.unwrap();
        assert_eq!(found, query.select(rows.clone()), "{filter}; {order_by}");

        let page_token = &query.page(found).unwrap().next_page_token;
        let next = ListQuery::new(
            "consultants",
            FIELDS,
            ListRequest {
                page_token,
                ..request
            },
        )
        .unwrap();
        let found = store.list(&next).await.unwrap();
        assert_eq!(
            found,
            next.select(rows.clone()),
            "{filter}; {order_by}; second page"
        );
    }
}

async fn several_are_found_together(store: ConsultantStore) {
    let rows = [first(), second()];
    for row in &rows {
        store.insert(row).await.unwrap();
    }
    let ids = [rows[1].id, Uuid::new_v4(), rows[0].id];
    let found = store.find_many(&ids).await.unwrap();
    assert_eq!(found.len(), 2);
    assert!(rows.iter().all(|row| found.contains(row)));
}

async fn what_is_deleted_is_gone(store: ConsultantStore) {
    let given = first();
    store.insert(&given).await.unwrap();
    assert_eq!(store.find(given.id).await.unwrap(), Some(given.clone()));

    assert!(!store.delete(given.id, Some(7)).await.unwrap());
    assert!(store.delete(given.id, Some(1)).await.unwrap());
    assert!(!store.delete(given.id, None).await.unwrap());
    assert_eq!(store.find(given.id).await.unwrap(), None);
}

async fn what_was_looked_for_before_it_was_inserted_is_found(store: ConsultantStore) {
    let given = first();
    assert_eq!(store.find(given.id).await.unwrap(), None);
    store.insert(&given).await.unwrap();
    assert_eq!(store.find(given.id).await.unwrap(), Some(given));
}

async fn an_address_is_kept_as_written_and_found_in_any_letters(store: ConsultantStore) {
    let written = Consultant {
        email: first().email.to_uppercase(),
        ..first()
    };
    store.insert(&written).await.unwrap();
    assert_eq!(
        store.find(written.id).await.unwrap().as_ref(),
        Some(&written)
    );
    for filter in ["email = \"a@example.com\""] {
        let request = ListRequest {
            filter,
            ..ListRequest::default()
        };
        let query = ListQuery::new("consultants", FIELDS, request).unwrap();
        let found = store.list(&query).await.unwrap();
        assert_eq!(found, std::slice::from_ref(&written), "{filter}");
    }
}

async fn a_unique_value_is_taken_once(store: ConsultantStore) {
    store.insert(&first()).await.unwrap();

    let same = Consultant {
        email: first().email,
        ..second()
    };
    let refused = store.insert(&same).await;
    assert!(
        matches!(refused, Err(Error::AlreadyExists("email"))),
        "{refused:?}"
    );
    let spelled = Consultant {
        email: first().email.to_uppercase(),
        ..second()
    };
    let refused = store.insert(&spelled).await;
    assert!(
        matches!(refused, Err(Error::AlreadyExists("email"))),
        "{refused:?}"
    );
}
