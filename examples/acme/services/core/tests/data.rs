//! Storage, on every database.

use std::time::Duration;

use core_service::{
    biz::{Beginning, SessionRepository, StoredSession, User, UserRepository},
    data::{SessionStore, UserStore, schema},
    server::MIGRATIONS,
};
use platform::{database::Database, time};
use uuid::Uuid;

macro_rules! on_every_database {
    ($($rule:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $rule() {
                let database = testkit::database(&super::MIGRATIONS).await;
                super::$rule(&database).await;
            })*
        }

        mod postgres {
            $(#[tokio::test]
            #[ignore = "needs DATABASE_URL"]
            async fn $rule() {
                let database = testkit::postgres(&super::MIGRATIONS).await;
                super::$rule(&database).await;
            })*
        }

        mod on_cockroachdb {
            $(#[tokio::test]
            #[ignore = "needs COCKROACH_URL"]
            async fn $rule() {
                let database = testkit::cockroachdb(&super::MIGRATIONS).await;
                super::$rule(&database).await;
            })*
        }
    };
}

on_every_database! {
    the_migrations_make_what_the_schema_says,
    a_session_is_kept_as_it_began,
    of_many_who_rotate_a_token_one_succeeds,
    a_session_ends_with_its_user,
    a_new_password_ends_the_other_sessions,
    a_password_that_is_changed_meanwhile_begins_no_session,
    expired_sessions_are_deleted_a_few_at_a_time,
    roles_are_granted_and_revoked,
}

async fn the_migrations_make_what_the_schema_says(database: &Database) {
    testkit::assert_repeatable(database, &MIGRATIONS).await;
    testkit::assert_same_columns(database, schema::users::table).await;
    testkit::assert_same_columns(database, schema::sessions::table).await;
    testkit::assert_same_columns(database, schema::user_roles::table).await;
}

async fn a_session_is_kept_as_it_began(database: &Database) {
    let user = register(database, "ada@example.com").await;
    let sessions = SessionStore::new(database.clone());
    let credentials = sessions
        .find_credentials("ada@example.com")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        (credentials.user_id, credentials.password_hash.as_str()),
        (user.id, HASH)
    );
    assert_eq!(
        sessions.find_password_hash(user.id).await.unwrap().unwrap(),
        HASH
    );
    assert!(
        sessions
            .find_credentials("eve@example.com")
            .await
            .unwrap()
            .is_none()
    );
    assert!(
        sessions
            .find_password_hash(Uuid::new_v4())
            .await
            .unwrap()
            .is_none()
    );

    let session = begin(database, &user).await;
    assert_eq!(
        sessions.find(session.id).await.unwrap(),
        Some(session.clone())
    );
    assert!(sessions.end(session.id).await.unwrap());
    assert!(!sessions.end(session.id).await.unwrap());
    assert_eq!(sessions.find(session.id).await.unwrap(), None);
}

async fn of_many_who_rotate_a_token_one_succeeds(database: &Database) {
    let user = register(database, "ada@example.com").await;
    let session = begin(database, &user).await;
    let mut rotations = tokio::task::JoinSet::new();
    for number in 0..8 {
        let (database, session) = (database.clone(), session.clone());
        rotations.spawn(async move {
            let sessions = SessionStore::new(database);
            let hash = [number; 32];
            let rotated = sessions.rotate(&session, &hash, session.expires_at);
            rotated.await.unwrap().then_some(number)
        });
    }
    let succeeded: Vec<u8> = rotations.join_all().await.into_iter().flatten().collect();
    let [winner] = succeeded[..] else {
        panic!("{succeeded:?} succeeded");
    };
    let stored = SessionStore::new(database.clone())
        .find(session.id)
        .await
        .unwrap();
    assert_eq!(stored.unwrap().token_hash, [winner; 32]);
}

async fn a_session_ends_with_its_user(database: &Database) {
    let (ada, bob) = (
        register(database, "ada@example.com").await,
        register(database, "bob@example.com").await,
    );
    let (of_ada, of_bob) = (begin(database, &ada).await, begin(database, &bob).await);
    let users = UserStore::new(database.clone(), &testkit::cache());
    users.grant("ada@example.com", "admin").await.unwrap();
    assert!(users.delete(ada.id, None).await.unwrap());

    let sessions = SessionStore::new(database.clone());
    assert_eq!(sessions.find(of_ada.id).await.unwrap(), None);
    assert_eq!(sessions.find(of_bob.id).await.unwrap(), Some(of_bob));
    assert!(sessions.roles(ada.id).await.unwrap().is_empty());
    let late = new_session(&ada);
    assert!(!sessions.begin(beginning(&late)).await.unwrap());
}

async fn a_new_password_ends_the_other_sessions(database: &Database) {
    let (ada, bob) = (
        register(database, "ada@example.com").await,
        register(database, "bob@example.com").await,
    );
    let (before, of_bob) = (begin(database, &ada).await, begin(database, &bob).await);
    let after = new_session(&ada);
    let sessions = SessionStore::new(database.clone());
    let changing = Beginning {
        new_hash: Some("new"),
        ends_others: true,
        ..beginning(&after)
    };
    assert!(sessions.begin(changing).await.unwrap());

    assert_eq!(
        sessions.find_password_hash(ada.id).await.unwrap().unwrap(),
        "new"
    );
    assert_eq!(sessions.find(before.id).await.unwrap(), None);
    assert_eq!(sessions.find(after.id).await.unwrap(), Some(after));
    assert_eq!(sessions.find(of_bob.id).await.unwrap(), Some(of_bob));
    assert_eq!(
        sessions.find_password_hash(bob.id).await.unwrap().unwrap(),
        HASH
    );
}

/// When a log in and a change of the password happen at once, in whichever order, one session is left: that of the new
/// password.
async fn a_password_that_is_changed_meanwhile_begins_no_session(database: &Database) {
    for round in 0..20 {
        let user = register(database, &format!("ada{round}@example.com")).await;
        let (old, new) = (new_session(&user), new_session(&user));
        let sessions = SessionStore::new(database.clone());
        let changing = Beginning {
            new_hash: Some("new"),
            ends_others: true,
            ..beginning(&new)
        };
        let (log_in, change) = (sessions.begin(beginning(&old)), sessions.begin(changing));
        let changed = match round % 2 {
            0 => tokio::join!(log_in, change).1,
            _ => tokio::join!(change, log_in).0,
        };
        assert!(changed.unwrap());
        assert_eq!(sessions.find(old.id).await.unwrap(), None, "round {round}");
        assert_eq!(sessions.find(new.id).await.unwrap(), Some(new));
        let late = new_session(&user);
        assert!(!sessions.begin(beginning(&late)).await.unwrap());
    }
}

async fn expired_sessions_are_deleted_a_few_at_a_time(database: &Database) {
    let user = register(database, "ada@example.com").await;
    let sessions = SessionStore::new(database.clone());
    let now = time::now();
    let mut expired = Vec::new();
    for minutes in [3, 1, 2] {
        let session = StoredSession {
            expires_at: now - Duration::from_secs(60 * minutes),
            ..new_session(&user)
        };
        assert!(sessions.begin(beginning(&session)).await.unwrap());
        expired.push(session.id);
    }
    let lasting = begin(database, &user).await;

    sessions.delete_expired(now, 2).await.unwrap();
    let [oldest, newest, middle] = expired[..] else {
        unreachable!()
    };
    assert!(sessions.find(oldest).await.unwrap().is_none());
    assert!(sessions.find(middle).await.unwrap().is_none());
    assert!(sessions.find(newest).await.unwrap().is_some());
    for _ in 0..2 {
        sessions.delete_expired(now, 2).await.unwrap();
        assert!(sessions.find(newest).await.unwrap().is_none());
    }
    assert_eq!(sessions.find(lasting.id).await.unwrap(), Some(lasting));
}

async fn roles_are_granted_and_revoked(database: &Database) {
    let user = register(database, "ada@example.com").await;
    let users = UserStore::new(database.clone(), &testkit::cache());
    let sessions = SessionStore::new(database.clone());
    for role in ["staff", "admin", "staff"] {
        assert!(users.grant("ada@example.com", role).await.unwrap());
    }
    assert_eq!(sessions.roles(user.id).await.unwrap(), ["admin", "staff"]);
    for _ in 0..2 {
        assert!(users.revoke("ada@example.com", "admin").await.unwrap());
    }
    assert_eq!(sessions.roles(user.id).await.unwrap(), ["staff"]);
    assert!(!users.grant("eve@example.com", "admin").await.unwrap());
    assert!(!users.revoke("eve@example.com", "admin").await.unwrap());
}

const HASH: &str = "hash";

async fn register(database: &Database, email: &str) -> User {
    let now = time::now();
    let user = User {
        id: Uuid::new_v4(),
        version: 1,
        created_at: now,
        updated_at: now,
        email: email.to_owned(),
        name: "Ada".to_owned(),
    };
    let users = UserStore::new(database.clone(), &testkit::cache());
    users.insert(&user, HASH).await.unwrap();
    user
}

fn new_session(user: &User) -> StoredSession {
    let now = time::now();
    StoredSession {
        id: Uuid::new_v4(),
        user_id: user.id,
        created_at: now,
        expires_at: now + Duration::from_secs(60),
        token_hash: [255; 32],
    }
}

fn beginning(session: &StoredSession) -> Beginning<'_> {
    Beginning {
        session,
        checked_hash: HASH,
        new_hash: None,
        ends_others: false,
    }
}

async fn begin(database: &Database, user: &User) -> StoredSession {
    let session = new_session(user);
    let sessions = SessionStore::new(database.clone());
    assert!(sessions.begin(beginning(&session)).await.unwrap());
    session
}
