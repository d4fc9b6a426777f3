//! What is cached and what is not, in memory and on a Redis.

use std::{
    convert::Infallible,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use chrono::{DateTime, NaiveDate, Utc};
use fred::{
    clients::Client,
    interfaces::{ClientLike, KeysInterface, ListInterface},
};
use platform::{
    cache::{Cache, CachedRows, Config},
    time,
};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, sync::Notify};
use uuid::Uuid;

macro_rules! on_both_caches {
    ($($rule:ident),* $(,)?) => {
        mod memory {
            $(#[tokio::test]
            async fn $rule() {
                super::$rule(super::Config::at("memory://").unwrap()).await;
            })*
        }

        mod redis {
            $(#[tokio::test]
            #[ignore = "needs REDIS_URL"]
            async fn $rule() {
                super::$rule(super::redis_config()).await;
            })*
        }
    };
}

on_both_caches! {
    a_row_is_read_once_until_it_is_invalidated,
    what_does_not_exist_is_remembered_until_it_is_made,
    readers_that_come_together_share_one_read,
    a_reader_that_was_overtaken_by_a_write_puts_nothing_back,
    a_read_that_fails_is_repeated_by_those_who_waited,
    when_the_reader_is_cut_off_one_who_waited_reads,
    an_invalidation_that_is_dropped_is_done_nevertheless,
    nothing_is_older_than_its_time_to_live,
    every_value_comes_back_as_it_was,
    services_do_not_share_their_rows,
}

/// The configuration of the test Redis. Its timeout is long, because it may be slow while tests run in parallel.
fn redis_config() -> Config {
    let url = std::env::var("REDIS_URL").expect("REDIS_URL names a Redis");
    Config {
        timeout: Duration::from_secs(5),
        ..Config::at(&url).unwrap()
    }
}

/// A table with one row of one column, which counts its reads.
#[derive(Default)]
struct Table {
    row: Mutex<Option<String>>,
    reads: AtomicUsize,
}

impl Table {
    fn with(row: &str) -> Self {
        let table = Self::default();
        table.set(Some(row));
        table
    }

    fn set(&self, row: Option<&str>) {
        *self.row.lock().unwrap() = row.map(str::to_owned);
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::Relaxed)
    }

    async fn load(&self) -> Result<Option<Row>, Infallible> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        let text = self.row.lock().unwrap().clone();
        Ok(text.map(|text| Row { text }))
    }

    /// Reads through the cache.
    async fn get(&self, rows: &CachedRows<Row>, id: Uuid) -> Option<String> {
        let Ok(row) = rows.get(id, || self.load()).await;
        row.map(|row| row.text)
    }
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Row {
    text: String,
}

fn open<T>(config: &Config) -> CachedRows<T>
where
    T: Clone + Serialize + serde::de::DeserializeOwned + Send + Sync + 'static,
{
    Cache::open("shop", config).unwrap().rows("goods")
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

async fn a_row_is_read_once_until_it_is_invalidated(config: Config) {
    let (rows, id, table) = (open(&config), Uuid::new_v4(), Table::with("old"));
    for _ in 0..3 {
        assert_eq!(table.get(&rows, id).await, some("old"));
    }
    assert_eq!(table.reads(), 1);

    let invalidation = rows.invalidation(id);
    table.set(Some("new"));
    invalidation.run().await;
    for _ in 0..3 {
        assert_eq!(table.get(&rows, id).await, some("new"));
    }
    assert_eq!(table.reads(), 2);
}

async fn what_does_not_exist_is_remembered_until_it_is_made(config: Config) {
    let (rows, id, table) = (open(&config), Uuid::new_v4(), Table::default());
    for _ in 0..3 {
        assert_eq!(table.get(&rows, id).await, None);
    }
    assert_eq!(table.reads(), 1);

    let invalidation = rows.invalidation(id);
    table.set(Some("new"));
    invalidation.run().await;
    assert_eq!(table.get(&rows, id).await, some("new"));
}

async fn readers_that_come_together_share_one_read(config: Config) {
    let (rows, id, table) = (open(&config), Uuid::new_v4(), Table::with("one"));
    let slowly = || async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        table.load().await
    };
    let readers = futures_util::future::join_all((0..20).map(|_| rows.get(id, slowly)));
    for Ok(row) in readers.await {
        assert_eq!(row.unwrap().text, "one");
    }
    assert_eq!(table.reads(), 1);
}

async fn a_reader_that_was_overtaken_by_a_write_puts_nothing_back(config: Config) {
    let (rows, id, table) = (open(&config), Uuid::new_v4(), Table::with("old"));
    let (has_read, may_go_on) = (Notify::new(), Notify::new());
    let overtaken = rows.get(id, || async {
        let row = table.load().await;
        has_read.notify_one();
        may_go_on.notified().await;
        row
    });
    let writer = async {
        has_read.notified().await;
        let invalidation = rows.invalidation(id);
        table.set(Some("new"));
        invalidation.run().await;
        // A read that begins now does not join the old one.
        assert_eq!(table.get(&rows, id).await, some("new"));
        let invalidation = rows.invalidation(id);
        table.set(Some("newest"));
        invalidation.run().await;
        may_go_on.notify_one();
    };
    let (Ok(old), ()) = tokio::join!(overtaken, writer);
    assert_eq!(old.unwrap().text, "old");
    assert_eq!(table.get(&rows, id).await, some("newest"));
    assert_eq!(table.get(&rows, id).await, some("newest"));
    assert_eq!(table.reads(), 3);
}

async fn a_read_that_fails_is_repeated_by_those_who_waited(config: Config) {
    let (rows, id, attempts) = (open::<Row>(&config), Uuid::new_v4(), AtomicUsize::new(0));
    let load = || async {
        let attempt = attempts.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(50)).await;
        if attempt == 0 {
            return Err("no connection");
        }
        let text = "there".to_owned();
        Ok(Some(Row { text }))
    };
    let (first, second) = tokio::join!(rows.get(id, load), rows.get(id, load));
    assert_eq!(first, Err("no connection"));
    assert_eq!(second.unwrap().unwrap().text, "there");
    // A failure is not cached.
    assert_eq!(rows.get(id, load).await.unwrap().unwrap().text, "there");
}

async fn when_the_reader_is_cut_off_one_who_waited_reads(config: Config) {
    let (rows, id, table) = (open(&config), Uuid::new_v4(), Table::with("one"));
    let never = rows.get(id, std::future::pending::<Result<Option<Row>, Infallible>>);
    let cut_off = tokio::time::timeout(Duration::from_millis(100), never);
    let waiting = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        table.get(&rows, id).await
    };
    let (cut_off, waited) = tokio::join!(cut_off, waiting);
    assert!(cut_off.is_err());
    assert_eq!(waited, some("one"));
}

async fn an_invalidation_that_is_dropped_is_done_nevertheless(config: Config) {
    let (rows, id, table) = (open(&config), Uuid::new_v4(), Table::with("old"));
    assert_eq!(table.get(&rows, id).await, some("old"));

    let invalidation = rows.invalidation(id);
    table.set(Some("new"));
    drop(invalidation);
    assert_eq!(table.get(&rows, id).await, some("new"));
}

async fn nothing_is_older_than_its_time_to_live(config: Config) {
    let config = Config {
        ttl: Duration::from_millis(500),
        ..config
    };
    let (rows, id, table) = (open(&config), Uuid::new_v4(), Table::with("old"));
    assert_eq!(table.get(&rows, id).await, some("old"));
    let read = Instant::now();
    // A writer that does not know the cache.
    table.set(Some("new"));
    assert_eq!(table.get(&rows, id).await, some("old"));
    tokio::time::sleep(config.ttl.saturating_sub(read.elapsed())).await;
    assert_eq!(table.get(&rows, id).await, some("new"));
}

async fn every_value_comes_back_as_it_was(config: Config) {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    enum Status {
        Draft,
        Active,
    }

    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        id: Uuid,
        at: DateTime<Utc>,
        day: NaiveDate,
        price: Option<Decimal>,
        none: Option<Decimal>,
        large: i64,
        tenth: f64,
        bytes: Vec<u8>,
        extra: Map<String, Value>,
        status: [Status; 2],
    }

    let extra = json!({"a": [1, -1.5, "two", null, true, {"b": 9007199254740993_i64}], "c": 0.1});
    let given = Everything {
        id: Uuid::new_v4(),
        at: time::now(),
        day: NaiveDate::from_ymd_opt(1, 1, 1).unwrap(),
        price: Some("180.500000".parse().unwrap()),
        none: None,
        large: i64::MIN,
        tenth: 0.1 + 0.2,
        bytes: vec![0, 127, 128, 255],
        extra: serde_json::from_value(extra).unwrap(),
        status: [Status::Draft, Status::Active],
    };
    let rows = open::<Everything>(&config);
    let reads = AtomicUsize::new(0);
    for _ in 0..2 {
        let load = || async {
            reads.fetch_add(1, Ordering::Relaxed);
            Ok::<_, Infallible>(Some(given.clone()))
        };
        let Ok(row) = rows.get(given.id, load).await;
        assert_eq!(row.as_ref(), Some(&given));
    }
    assert_eq!(reads.into_inner(), 1);
}

async fn services_do_not_share_their_rows(config: Config) {
    let (id, ours, theirs) = (Uuid::new_v4(), Table::with("ours"), Table::with("theirs"));
    let shop = Cache::open("shop", &config).unwrap().rows("goods");
    let stock = Cache::open("stock", &config).unwrap().rows("goods");
    for _ in 0..2 {
        assert_eq!(ours.get(&shop, id).await, some("ours"));
        assert_eq!(theirs.get(&stock, id).await, some("theirs"));
    }
    assert_eq!((ours.reads(), theirs.reads()), (1, 1));
}

#[tokio::test]
async fn memory_is_bounded() {
    let config = Config {
        memory: 100_000,
        ..Config::at("memory://").unwrap()
    };
    let (rows, table) = (open(&config), Table::with(&"x".repeat(1_000)));
    let ids: Vec<_> = (0..1_000).map(|_| Uuid::new_v4()).collect();
    for id in &ids {
        table.get(&rows, *id).await.unwrap();
    }
    let before = table.reads();
    for id in &ids {
        table.get(&rows, *id).await.unwrap();
    }
    let read_again = table.reads() - before;
    assert!(read_again > 800, "only {read_again} of 1000 had given way");
}

/// Another program on the same Redis.
async fn stranger() -> Client {
    let redis = redis_config().redis().unwrap();
    let url = secrecy::ExposeSecret::expose_secret(&redis.url.0);
    let config = fred::types::config::Config::from_url(url).unwrap();
    let client = Client::new(config, None, None, None);
    client.init().await.unwrap();
    client
}

fn key(id: Uuid) -> String {
    format!("shop:goods:v1:{id}")
}

#[tokio::test]
#[ignore = "needs REDIS_URL"]
async fn what_somebody_else_put_there_is_replaced() {
    let (rows, redis) = (open(&redis_config()), stranger().await);
    for foreign in ["", "garbage", "\u{0}\u{1}\u{2}", "{\"text\":\"wrong\"}"] {
        let (id, table) = (Uuid::new_v4(), Table::with("right"));
        let () = redis
            .set(key(id), foreign, None, None, false)
            .await
            .unwrap();
        assert_eq!(table.get(&rows, id).await, some("right"));
        assert_eq!(table.get(&rows, id).await, some("right"));
        assert_eq!(table.reads(), 1, "{foreign:?}");
    }

    let (id, table) = (Uuid::new_v4(), Table::with("right"));
    let () = redis.lpush(key(id), "a list").await.unwrap();
    assert_eq!(table.get(&rows, id).await, some("right"));
    assert_eq!(table.get(&rows, id).await, some("right"));
    assert_eq!(table.reads(), 1);
}

#[tokio::test]
#[ignore = "needs REDIS_URL"]
async fn an_entry_ends_even_if_redis_was_told_to_keep_it() {
    let config = Config {
        ttl: Duration::from_millis(500),
        ..redis_config()
    };
    let (rows, redis) = (open(&config), stranger().await);
    let (id, table) = (Uuid::new_v4(), Table::with("old"));
    assert_eq!(table.get(&rows, id).await, some("old"));
    let kept: bool = redis.persist(key(id)).await.unwrap();
    assert!(kept, "there was no entry");
    table.set(Some("new"));
    tokio::time::sleep(config.ttl).await;
    let left: i64 = redis.exists(key(id)).await.unwrap();
    assert_eq!(left, 1, "Redis did not keep it");
    assert_eq!(table.get(&rows, id).await, some("new"));
}

#[tokio::test]
#[ignore = "needs REDIS_URL"]
async fn replicas_see_each_other_s_writes() {
    let config = redis_config();
    let (one, other) = (open(&config), open(&config));
    let (id, table) = (Uuid::new_v4(), Table::with("old"));
    assert_eq!(table.get(&one, id).await, some("old"));
    assert_eq!(table.get(&other, id).await, some("old"));
    assert_eq!(table.reads(), 1);

    let invalidation = other.invalidation(id);
    table.set(Some("new"));
    invalidation.run().await;
    assert_eq!(table.get(&one, id).await, some("new"));
}

#[tokio::test]
#[ignore = "needs REDIS_URL"]
async fn a_reader_overtaken_by_a_write_of_another_replica_puts_nothing_back() {
    let config = redis_config();
    let (one, other) = (open::<Row>(&config), open::<Row>(&config));
    let (id, table) = (Uuid::new_v4(), Table::with("old"));
    let overtaken = one.get(id, || async {
        let row = table.load().await;
        let invalidation = other.invalidation(id);
        table.set(Some("new"));
        invalidation.run().await;
        row
    });
    let Ok(old) = overtaken.await;
    assert_eq!(old.unwrap().text, "old");
    assert_eq!(table.get(&one, id).await, some("new"));
    assert_eq!(table.get(&other, id).await, some("new"));
}

#[tokio::test]
#[ignore = "needs REDIS_URL"]
async fn releases_with_other_columns_do_not_read_each_other_s_entries() {
    #[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
    struct NewRow {
        note: Option<String>,
    }

    let config = redis_config();
    let (old, new) = (open::<Row>(&config), open::<NewRow>(&config));
    let (id, table) = (Uuid::new_v4(), Table::with("text"));
    let row = NewRow { note: some("note") };
    assert_eq!(table.get(&old, id).await, some("text"));
    let Ok(read) = new
        .get(id, || async { Ok::<_, Infallible>(Some(row.clone())) })
        .await;
    assert_eq!(read, Some(row));

    // Each release invalidates the entries of both.
    assert_eq!(table.get(&old, id).await, some("text"));
    let invalidation = new.invalidation(id);
    table.set(Some("changed"));
    invalidation.run().await;
    assert_eq!(table.get(&old, id).await, some("changed"));
}

/// A cache that does not answer costs little time, and no write is missed.
async fn is_bounded_without(url: &str) {
    let rows = open(&Config::at(url).unwrap());
    let (id, table) = (Uuid::new_v4(), Table::with("old"));
    let begun = Instant::now();
    for _ in 0..100 {
        assert_eq!(table.get(&rows, id).await, some("old"));
    }
    let invalidation = rows.invalidation(id);
    table.set(Some("new"));
    invalidation.run().await;
    assert_eq!(table.get(&rows, id).await, some("new"));
    // If each command waited for its 100 ms, the total would be 10 seconds.
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
}

#[tokio::test]
async fn a_cache_that_is_away_is_done_without() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    is_bounded_without(&format!("redis://{address}")).await;
}

#[tokio::test]
async fn a_cache_that_says_nothing_is_done_without() {
    let silent = Arc::new(TcpListener::bind("127.0.0.1:0").await.unwrap());
    let address = silent.local_addr().unwrap();
    let listening = tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = silent.accept().await {
            open.push(connection);
        }
    });
    is_bounded_without(&format!("redis://{address}")).await;
    listening.abort();
}
