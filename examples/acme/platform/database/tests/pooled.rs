//! A PostgreSQL behind PgBouncer in transaction mode, which may lead each transaction of a connection to another server
//! connection, and takes no `options`.
//!
//! `PGBOUNCER_URL` names one that serves any database (`* = …`) with fewer server connections than these tests open.

use std::time::Duration;

use diesel::prelude::*;
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use diesel_migrations::embed_migrations;
use platform::{
    Fault, Part,
    database::{
        self, Backend, Database, Migrations, Pooler, Rollback, ServiceDatabase, transaction,
        with_conn,
    },
};
use uuid::Uuid;

diesel::table! {
    accounts (id) {
        id -> BigInt,
        balance -> BigInt,
    }
}

static MIGRATIONS: Migrations = Migrations::new(
    embed_migrations!("tests/migrations/postgres"),
    embed_migrations!("tests/migrations/sqlite"),
);

fn server() -> String {
    std::env::var("PGBOUNCER_URL").expect("PGBOUNCER_URL names a PgBouncer")
}

fn open(url: &str, pooler: Pooler) -> Database {
    let config = database::Config {
        pooler,
        max_connections: 20,
        wait_timeout: Duration::from_secs(60),
        connect_timeout: Duration::from_secs(60),
        statement_timeout: Duration::from_millis(500),
        ..database::Config::at(url).unwrap()
    };
    Database::open("test", &config).unwrap()
}

/// Runs a statement that may be in no transaction.
async fn administer(statement: &str) {
    let database = open(&server(), Pooler::Transaction);
    let Backend::Postgres(pool) = database.backend() else {
        panic!("PGBOUNCER_URL names no PostgreSQL");
    };
    let mut connection = pool.get().await.unwrap();
    connection.batch_execute(statement).await.unwrap();
}

/// A database of its own for a test.
struct Place {
    name: String,
    url: String,
}

impl Place {
    async fn new() -> Self {
        let name = format!("pooled_{}", Uuid::new_v4().simple());
        administer(&format!("CREATE DATABASE {name}")).await;
        let server = server();
        let (address, _) = server
            .rsplit_once('/')
            .expect("PGBOUNCER_URL names a database");
        let url = format!("{address}/{name}");
        Self { name, url }
    }

    async fn delete(self) {
        administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)).await;
    }
}

#[tokio::test]
#[ignore = "needs PGBOUNCER_URL"]
async fn a_start_without_the_setting_ends_behind_a_pooler() {
    let database = open(&server(), Pooler::None);
    let part = ServiceDatabase::new("test", database, &MIGRATIONS, false);
    let refusal = part.start().await.unwrap_err().to_string();
    assert!(
        refusal.contains("set `database.pooler` to `transaction`"),
        "{refusal}"
    );
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PGBOUNCER_URL"]
async fn many_requests_share_few_connections_behind_a_pooler() {
    let place = Place::new().await;
    let url = format!("{}?pgbouncer=true", place.url);
    let database = open(&url, Pooler::None);
    let create = "CREATE TABLE accounts (id INT8 PRIMARY KEY, balance INT8 NOT NULL)";
    with_conn!(database, |conn| diesel::sql_query(create)
        .execute(conn)
        .await)
    .unwrap();
    let requests = (0..450_i64).map(|id| {
        let database = database.clone();
        tokio::spawn(async move {
            with_conn!(database, |conn| diesel::insert_into(accounts::table)
                .values((accounts::id.eq(id), accounts::balance.eq(100)))
                .execute(conn)
                .await)?;
            transaction!(database, "pooled", |conn| {
                diesel::update(accounts::table.find(id))
                    .set(accounts::balance.eq(accounts::balance - 40))
                    .execute(conn)
                    .await?;
                Ok::<_, Rollback<platform::Error>>(())
            })?;
            with_conn!(database, |conn| accounts::table
                .find(id)
                .select(accounts::balance)
                .first::<i64>(conn)
                .await)
        })
    });
    let requests: Vec<_> = requests.collect();
    for request in requests {
        match request.await.unwrap() {
            Ok(balance) => assert_eq!(balance, 60),
            // PostgreSQL watches pages more than rows, and may refuse what is about neighbours.
            Err(error) => assert_eq!(error.fault(), Fault::Contention, "{error}"),
        }
    }
    // What was left on a connection of the server would meet the same name of another process.
    let prepared = "SELECT count(*) AS count FROM pg_prepared_statements";
    let prepared: Count = with_conn!(database, |conn| diesel::sql_query(prepared)
        .get_result(conn)
        .await)
    .unwrap();
    assert_eq!(prepared.count, 1, "the one that asks, and no other");
    drop(database);
    place.delete().await;
}

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

#[tokio::test]
#[ignore = "needs PGBOUNCER_URL"]
async fn a_statement_that_takes_too_long_is_ended_behind_a_pooler() {
    let database = open(&server(), Pooler::Transaction);
    let sleep = "SELECT pg_sleep(30)";
    let read = with_conn!(database, |conn| diesel::sql_query(sleep)
        .execute(conn)
        .await);
    assert_eq!(read.unwrap_err().fault(), Fault::StatementTimeout);
    let transaction = transaction!(database, "pooled", |conn| {
        diesel::sql_query(sleep)
            .execute(conn)
            .await
            .map_err(Rollback::<platform::Error>::Query)
    });
    assert_eq!(transaction.unwrap_err().fault(), Fault::StatementTimeout);
}

#[tokio::test]
#[ignore = "needs PGBOUNCER_URL"]
async fn a_failed_query_that_is_ignored_is_no_success_behind_a_pooler() {
    let database = open(&server(), Pooler::Transaction);
    let ignored = with_conn!(database, |conn| {
        let _ = diesel::sql_query("SELECT 1/0").execute(conn).await;
        Ok(())
    });
    ignored.unwrap_err();
    database.ping().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs PGBOUNCER_URL"]
async fn those_that_start_at_once_migrate_once_behind_a_pooler() {
    let place = Place::new().await;
    let database = open(&place.url, Pooler::Transaction);
    let starts = (0..4).map(|_| {
        let part = ServiceDatabase::new("test", database.clone(), &MIGRATIONS, true);
        tokio::spawn(async move { part.start().await })
    });
    let starts: Vec<_> = starts.collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    assert_eq!(database.pending(&MIGRATIONS).await.unwrap(), 0);
    assert!(
        database
            .revert_migration(&MIGRATIONS)
            .await
            .unwrap()
            .is_some()
    );
    drop(database);
    place.delete().await;
}
