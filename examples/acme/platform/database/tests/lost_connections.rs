//! What becomes of a transaction whose connection is lost.

mod line;

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{
    Fault,
    database::{self, Database, Rollback, transaction, with_conn},
};
use tonic::{Code, Status};
use uuid::Uuid;

use self::line::Line;

diesel::table! {
    accounts (id) {
        id -> BigInt,
        balance -> BigInt,
    }
}

/// Two accounts with 100 each, behind a line.
struct Accounts {
    database: Database,
    line: Line,
}

impl Accounts {
    async fn new() -> Self {
        let server = std::env::var("DATABASE_URL").expect("DATABASE_URL names a PostgreSQL");
        let schema = format!("lost_{}", Uuid::new_v4().simple());
        let (before, after) = server.split_once('@').expect("DATABASE_URL names a user");
        let (address, path) = after
            .split_once('/')
            .expect("DATABASE_URL names a database");
        let line = Line::to(address).await;
        let url = format!(
            "{before}@127.0.0.1:{}/{path}?options=-csearch_path%3D{schema}",
            line.port()
        );
        let database = Database::open("test", &database::Config::at(&url).unwrap()).unwrap();
        for statement in [
            &format!("CREATE SCHEMA {schema}"),
            "CREATE TABLE accounts (id INT8 PRIMARY KEY NOT NULL, balance INT8 NOT NULL)",
            "INSERT INTO accounts VALUES (0, 100), (1, 100)",
        ] {
            with_conn!(database, |conn| diesel::sql_query(statement)
                .execute(conn)
                .await)
            .unwrap();
        }
        Self { database, line }
    }

    /// Moves 40; in between, `meanwhile` happens.
    async fn transfer(&self, meanwhile: impl Fn()) -> Result<(), platform::Error> {
        transaction!(self.database, "transfer", |conn| {
            for (id, amount) in [(0, -40), (1, 40)] {
                diesel::update(accounts::table.find(id))
                    .set(accounts::balance.eq(accounts::balance + amount))
                    .execute(conn)
                    .await?;
                meanwhile();
            }
            Ok::<_, Rollback<platform::Error>>(())
        })
    }

    async fn balances(&self) -> Vec<i64> {
        let balances = with_conn!(self.database, |conn| accounts::table
            .order(accounts::id)
            .select(accounts::balance)
            .load(conn)
            .await);
        balances.unwrap()
    }
}

#[tokio::test]
#[ignore = "needs DATABASE_URL, a PostgreSQL"]
async fn lost_between_two_statements_it_is_done_again_as_a_whole() {
    let accounts = Accounts::new().await;
    let statements = AtomicU32::new(0);
    let transferred = accounts
        .transfer(|| {
            if statements.fetch_add(1, Ordering::Relaxed) == 0 {
                accounts.line.cut();
            }
        })
        .await;
    transferred.unwrap();
    assert_eq!(statements.into_inner(), 3);
    assert_eq!(accounts.balances().await, [60, 140]);
}

#[tokio::test]
#[ignore = "needs DATABASE_URL, a PostgreSQL"]
async fn lost_for_longer_nothing_is_done_and_the_caller_may_try_again() {
    let accounts = Accounts::new().await;
    let lost = accounts
        .transfer(|| {
            accounts.line.refuse(true);
            accounts.line.cut();
        })
        .await;
    assert_eq!(Status::from(lost.unwrap_err()).code(), Code::Unavailable);
    accounts.line.refuse(false);
    // One request in a while finds out that the server is back.
    tokio::time::sleep(Duration::from_millis(200)).await;
    assert_eq!(accounts.balances().await, [100, 100]);
    accounts.transfer(|| {}).await.unwrap();
    assert_eq!(accounts.balances().await, [60, 140]);
}

#[tokio::test]
#[ignore = "needs DATABASE_URL, a PostgreSQL"]
async fn lost_between_commit_and_answer_it_is_not_done_again() {
    let accounts = Accounts::new().await;
    accounts.line.cut_after("COMMIT");
    let unknown = accounts.transfer(|| {}).await.unwrap_err();
    assert_eq!(unknown.fault(), Fault::OutcomeUnknown, "{unknown:?}");
    assert_eq!(Status::from(unknown).code(), Code::Unavailable);
    assert_eq!(accounts.balances().await, [60, 140]);
}
