//! Storage, on both databases.

use consultants::{
    biz::{Consultant, ConsultantChange, ConsultantRepository, Error},
    data::ConsultantStore,
    server::MIGRATIONS,
};
use platform::{page::Cursor, time};
use uuid::Uuid;

macro_rules! on_both_databases {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$rule(super::ConsultantStore::new(database.clone())).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs DATABASE_URL"]
            async fn $rule() {
                let database = testkit::postgres(&super::MIGRATIONS).await;
                super::$rule(super::ConsultantStore::new(database.clone())).await;
            })*
        }
    };
}

on_both_databases! {
    what_is_inserted_is_found,
    a_change_is_stored_once,
    lists_begin_with_the_newest,
    what_is_deleted_is_gone,
    a_unique_value_is_taken_once,
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
        store.insert(&given).await.unwrap();
        assert_eq!(store.find(given.id).await.unwrap(), Some(given));
    }
    assert_eq!(store.find(Uuid::new_v4()).await.unwrap(), None);
}

async fn a_change_is_stored_once(store: ConsultantStore) {
    let old = first();
    store.insert(&old).await.unwrap();

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

async fn lists_begin_with_the_newest(store: ConsultantStore) {
    let (older, newer) = (first(), second());
    store.insert(&older).await.unwrap();
    store.insert(&newer).await.unwrap();
    let mut expected = [older, newer];
    expected.sort_by_key(|given| std::cmp::Reverse((given.created_at, given.id)));

    assert_eq!(store.list(None, 10).await.unwrap(), expected);
    let after = Cursor {
        created_at: expected[0].created_at,
        id: expected[0].id,
    };
    assert_eq!(store.list(Some(after), 10).await.unwrap(), expected[1..]);
}

async fn what_is_deleted_is_gone(store: ConsultantStore) {
    let given = first();
    store.insert(&given).await.unwrap();

    assert!(!store.delete(given.id, Some(7)).await.unwrap());
    assert!(store.delete(given.id, Some(1)).await.unwrap());
    assert!(!store.delete(given.id, None).await.unwrap());
    assert_eq!(store.find(given.id).await.unwrap(), None);
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
}
