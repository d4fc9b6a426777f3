//! Every query has an index (no table is read as a whole to find some of its rows), and is one for CockroachDB, too.

use core_service::{
    biz::{Beginning, SessionRepository, StoredSession, User, UserChange, UserRepository},
    data::{SessionStore, UserStore},
    server::MIGRATIONS,
    service::USER_FIELDS,
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
    let store = UserStore::new(recording.database(), &testkit::cache());
    let now = time::now();
    let user = User {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
        email: "ada@example.com".to_owned(),
        name: "Ada".to_owned(),
    };

    store.insert(&user, "hash").await.unwrap();
    store.find(user.id).await.unwrap();
    for expected_version in [None, Some(1)] {
        let change = UserChange {
            email: Some(user.email.clone()),
            name: Some(user.name.clone()),
        };
        let updated = store.update(user.id, expected_version, &change, now).await;
        updated.unwrap();
    }
    list_in_every_way(&store, &user).await;
    store.grant(&user.email, "admin").await.unwrap();
    let sessions = SessionStore::new(recording.database());
    begin_and_end_sessions(&sessions, &user).await;
    store.revoke(&user.email, "admin").await.unwrap();
    for expected_version in [None, Some(1)] {
        store.delete(user.id, expected_version).await.unwrap();
    }

    recording.assert_portable();
    recording.assert_indexed().await;
}

async fn list_in_every_way(store: &UserStore, user: &User) {
    for (order_by, filter) in [
        ("", ""),
        ("created_at", ""),
        ("email", ""),
        ("email desc", ""),
        ("", "email = \"ada@example.com\""),
        ("", "created_at >= \"2001-01-01T00:00:00Z\""),
    ] {
        let request = ListRequest {
            page_size: 1,
            filter,
            order_by,
            ..ListRequest::default()
        };
        let query = ListQuery::new("users", USER_FIELDS, request).unwrap();
        store.list(&query).await.unwrap();
        // Two users, so that there is a next page.
        let page = query.page(vec![user.clone(), user.clone()]).unwrap();
        let next = ListRequest {
            page_token: &page.next_page_token,
            ..request
        };
        let next = ListQuery::new("users", USER_FIELDS, next).unwrap();
        store.list(&next).await.unwrap();
    }
}

async fn begin_and_end_sessions(store: &SessionStore, user: &User) {
    let now = time::now();
    store.find_credentials(&user.email).await.unwrap();
    store.find_password_hash(user.id).await.unwrap();
    store.roles(user.id).await.unwrap();
    let session = StoredSession {
        id: Uuid::new_v4(),
        user_id: user.id,
        created_at: now,
        expires_at: now,
        token_hash: [0; 32],
    };
    let beginning = Beginning {
        session: &session,
        checked_hash: "hash",
        new_hash: Some("another hash"),
        ends_others: true,
    };
    assert!(store.begin(beginning).await.unwrap());
    store.find(session.id).await.unwrap();
    store.rotate(&session, &[1; 32], now).await.unwrap();
    store.delete_expired(now, 1).await.unwrap();
    store.end(session.id).await.unwrap();
}
