//! What a transaction promises, on both databases.

use std::{
    sync::atomic::{AtomicU32, AtomicU64, Ordering},
    time::{Duration, Instant},
};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{
    Fault,
    database::{self, Database, Rollback, transaction, with_conn},
};
use testkit::Place;

diesel::table! {
    accounts (id) {
        id -> BigInt,
        balance -> BigInt,
    }
}

/// What the bodies of these tests fail with.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error("the account has too little")]
    Insufficient,
    #[error(transparent)]
    Platform(#[from] platform::Error),
}

/// Accounts with 100 each, in a database of their own.
struct Accounts {
    database: Database,
    /// How often the body of a transfer has run.
    attempts: AtomicU64,
    _place: Place,
}

impl Accounts {
    async fn sqlite(count: i64) -> Self {
        Self::open(Place::sqlite(), count).await
    }

    async fn postgres(count: i64) -> Self {
        Self::open(Place::postgres().await, count).await
    }

    async fn open(place: Place, count: i64) -> Self {
        let database = open(place.url());
        let create = "CREATE TABLE accounts (id INT8 PRIMARY KEY NOT NULL, balance INT8 NOT NULL)";
        execute(&database, create).await;
        for id in 0..count {
            let values = (accounts::id.eq(id), accounts::balance.eq(100));
            with_conn!(database, |conn| diesel::insert_into(accounts::table)
                .values(values)
                .execute(conn)
                .await)
            .unwrap();
        }
        Self {
            database,
            attempts: AtomicU64::new(0),
            _place: place,
        }
    }

    async fn transfer(&self, from: i64, to: i64, amount: i64) -> Result<(), Error> {
        transaction!(self.database, "transfer", |conn| {
            self.attempts.fetch_add(1, Ordering::Relaxed);
            let balance: i64 = accounts::table
                .find(from)
                .select(accounts::balance)
                .first(conn)
                .await?;
            if balance < amount {
                return Err(Rollback::Application(Error::Insufficient));
            }
            for (id, amount) in [(from, -amount), (to, amount)] {
                diesel::update(accounts::table.find(id))
                    .set(accounts::balance.eq(accounts::balance + amount))
                    .execute(conn)
                    .await?;
            }
            Ok(())
        })
    }

    async fn balances(&self) -> Vec<i64> {
        with_conn!(self.database, |conn| accounts::table
            .order(accounts::id)
            .select(accounts::balance)
            .load(conn)
            .await)
        .unwrap()
    }

    /// Lets `refuse()` fail with this SQLSTATE for the next `times` calls.
    async fn refuse(&self, code: &str, message: &str, times: u32) {
        execute(&self.database, "DROP SEQUENCE IF EXISTS calls").await;
        execute(&self.database, "CREATE SEQUENCE calls").await;
        let function = format!(
            "CREATE OR REPLACE FUNCTION refuse() RETURNS INT4 LANGUAGE plpgsql AS $$ BEGIN \
             IF nextval('calls') <= {times} THEN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}'; END IF; \
             RETURN 1; END $$"
        );
        execute(&self.database, &function).await;
    }
}

diesel::define_sql_function! {
    fn refuse() -> Integer;
}

fn open(url: &str) -> Database {
    Database::open(
        "test",
        &database::Config {
            wait_timeout: Duration::from_secs(60),
            ..database::Config::at(url).unwrap()
        },
    )
    .unwrap()
}

async fn execute(database: &Database, statement: &str) {
    with_conn!(database, |conn| diesel::sql_query(statement)
        .execute(conn)
        .await)
    .unwrap();
}

/// Moves money between random accounts, `clients` at a time, until the time is over; the sum must stay. Says how many
/// moves there were, and how many were given up.
async fn move_amounts(accounts: &Accounts, clients: u32, time: Duration) -> (u64, u64) {
    let (count, sum) = {
        let balances = accounts.balances().await;
        (balances.len() as i64, balances.iter().sum::<i64>())
    };
    let (done, given_up) = (AtomicU64::new(0), AtomicU64::new(0));
    let end = Instant::now() + time;
    let client = async || {
        while Instant::now() < end {
            let from = rand::random_range(0..count);
            let to = (from + rand::random_range(1..count)) % count;
            match accounts.transfer(from, to, 1).await {
                Ok(()) => done.fetch_add(1, Ordering::Relaxed),
                Err(Error::Insufficient) => 0,
                Err(Error::Platform(error)) if error.fault() == Fault::Contention => {
                    given_up.fetch_add(1, Ordering::Relaxed)
                }
                Err(error) => panic!("{error}"),
            };
        }
    };
    futures_util::future::join_all((0..clients).map(|_| client())).await;
    assert_eq!(accounts.balances().await.iter().sum::<i64>(), sum);
    (done.into_inner(), given_up.into_inner())
}

#[tokio::test]
async fn an_error_of_the_application_undoes_everything() {
    let accounts = Accounts::sqlite(2).await;
    assert!(accounts.transfer(0, 1, 60).await.is_ok());
    let refused = accounts.transfer(0, 1, 60).await;
    assert!(matches!(refused, Err(Error::Insufficient)), "{refused:?}");
    assert_eq!(accounts.balances().await, [40, 160]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writers_to_one_file_wait_for_each_other() {
    let accounts = Accounts::sqlite(3).await;
    let (done, given_up) = move_amounts(&accounts, 16, Duration::from_secs(1)).await;
    assert!(done > 0 && given_up == 0, "{done}, {given_up}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs DATABASE_URL"]
async fn amounts_moved_at_random_add_up() {
    add_up(Accounts::postgres(10).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs COCKROACH_URL"]
async fn amounts_moved_at_random_add_up_on_cockroachdb() {
    add_up(Accounts::open(Place::cockroachdb().await, 10).await).await;
}

async fn add_up(accounts: Accounts) {
    // The long form is `TRANSACTIONS_SECONDS=30`.
    let seconds = std::env::var("TRANSACTIONS_SECONDS").ok();
    let seconds = seconds.map_or(5, |seconds| seconds.parse().unwrap());
    let (done, given_up) = move_amounts(&accounts, 32, Duration::from_secs(seconds)).await;
    let attempts = accounts.attempts.into_inner();
    println!("{done} moves in {attempts} attempts, {given_up} given up");
    assert!(done > 0);
    assert!(given_up * 20 < done, "{given_up} of {done} were given up");
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn what_both_read_and_one_changes_is_read_again() {
    // Write skew: each may only take from one account while the two together have 200.
    let accounts = Accounts::postgres(2).await;
    let both_have_read = tokio::sync::Barrier::new(2);
    let attempts = AtomicU32::new(0);
    let take = async |id: i64| -> Result<(), Error> {
        let mut first = true;
        let meet = async |first: bool| {
            if first {
                both_have_read.wait().await;
            }
        };
        transaction!(accounts.database, "take", |conn| {
            attempts.fetch_add(1, Ordering::Relaxed);
            let balances: Vec<i64> = accounts::table.select(accounts::balance).load(conn).await?;
            meet(std::mem::take(&mut first)).await;
            if balances.iter().sum::<i64>() < 200 {
                return Err(Rollback::Application(Error::Insufficient));
            }
            diesel::update(accounts::table.find(id))
                .set(accounts::balance.eq(0))
                .execute(conn)
                .await?;
            Ok(())
        })
    };
    let (one, other) = tokio::join!(take(0), take(1));
    assert!(one.is_ok() != other.is_ok(), "{one:?}, {other:?}");
    assert_eq!(attempts.into_inner(), 3);
    assert_eq!(accounts.balances().await.iter().sum::<i64>(), 100);
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn what_the_database_refuses_is_tried_again_but_not_for_ever() {
    let accounts = Accounts::postgres(1).await;
    let attempt = async || -> Result<i32, platform::Error> {
        transaction!(accounts.database, "refused", |conn| {
            let one: i32 = diesel::select(refuse()).get_result(conn).await?;
            Ok::<_, Rollback<platform::Error>>(one)
        })
    };
    for (code, message) in [
        ("40001", "restart transaction"),
        ("40P01", "deadlock detected"),
        ("55P03", "canceling statement due to lock timeout"),
    ] {
        accounts.refuse(code, message, 5).await;
        assert_eq!(attempt().await.unwrap(), 1, "{code}");
        accounts.refuse(code, message, 1000).await;
        let refused = attempt().await.unwrap_err();
        assert!(
            matches!(
                refused.cause(),
                Some(database::Error::Contention { attempts: 12 })
            ),
            "{refused:?}"
        );
        let status = tonic::Status::from(refused);
        assert_eq!(status.code(), tonic::Code::Aborted);
    }
    accounts.refuse("22012", "no", 1000).await;
    let failed = attempt().await.unwrap_err();
    assert!(
        matches!(failed.cause(), Some(database::Error::Query(_))),
        "{failed:?}"
    );
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn an_error_of_the_application_never_hides_one_to_be_tried_again() {
    let accounts = Accounts::postgres(1).await;
    accounts.refuse("40001", "restart transaction", 2).await;
    let ended: Result<i32, Error> = transaction!(accounts.database, "hiding", |conn| {
        let refused = diesel::select(refuse()).get_result::<i32>(conn).await;
        refused.map_err(|_| Rollback::Application(Error::Insufficient))
    });
    assert_eq!(ended.unwrap(), 1);
}

#[tokio::test]
#[ignore = "needs DATABASE_URL"]
async fn a_failed_query_that_is_ignored_is_no_success() {
    let accounts = Accounts::postgres(1).await;
    accounts.refuse("22012", "no", 1000).await;
    let ended: Result<(), Error> = transaction!(accounts.database, "ignoring", |conn| {
        diesel::update(accounts::table)
            .set(accounts::balance.eq(0))
            .execute(conn)
            .await?;
        let _ = diesel::select(refuse()).get_result::<i32>(conn).await;
        Ok(())
    });
    assert!(ended.is_err());
    assert_eq!(accounts.balances().await, [100]);
}
