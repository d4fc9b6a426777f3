//! The cache of a service: how fresh its values are, and that no failure of Redis fails a request.

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tests::{
    acme::{Backend, Running},
    http::Http,
    process::{eventually, free_port},
    servers::Redis,
    wire::{Certificates, Line},
};

/// The limit for a request while each answer of the cache takes five seconds.
const BOUND: Duration = Duration::from_secs(3);

/// Within this time after its return, Redis is used again.
const SOON: Duration = Duration::from_secs(30);

/// A record, and the changes and checks of a test.
struct Record {
    client: Http,
    path: String,
    value: Value,
}

impl Record {
    fn create(backend: &Backend, code: &str) -> Self {
        let client = backend.client();
        let created = client.post("/v1/records", &backend.record(code)).unwrap();
        assert_eq!(created.status, 200, "{created:?}");
        let value = created.json().unwrap();
        Self {
            client,
            path: format!("/v1/records/{}", value["id"].as_str().unwrap()),
            value,
        }
    }

    /// Changes it and remembers its new state.
    fn change(&mut self, seats: u64) {
        let change = json!({"seats": seats});
        let changed = timely(|| self.client.patch(&self.path, &change));
        assert_eq!(changed.status, 200, "{changed:?}");
        self.value = changed.json().unwrap();
        assert_eq!(self.value["seats"], seats);
    }

    /// Reads it, which must return its current state.
    fn check(&self) {
        let found = timely(|| self.client.get(&self.path));
        assert_eq!(found.status, 200, "{found:?}");
        assert_eq!(found.json().unwrap(), self.value);
    }
}

fn timely<T>(request: impl FnOnce() -> Result<T>) -> T {
    let begun = Instant::now();
    let answer = request().unwrap();
    let took = begun.elapsed();
    assert!(took < BOUND, "it took {took:?}");
    answer
}

/// The number of reads of records with this outcome.
fn count(service: &Running, outcome: &str) -> Result<u64> {
    let metrics = service.client().get("/metrics")?.body;
    let metrics = String::from_utf8(metrics)?;
    let prefix =
        format!("cache_requests_total{{cache=\"records:records\",outcome=\"{outcome}\"}} ");
    let count = metrics.lines().find_map(|line| line.strip_prefix(&prefix));
    Ok(count.map_or(Ok(0), str::parse)?)
}

/// Reads the record until Redis answers for it again.
fn is_cached_soon(backend: &Backend, record: &Record) {
    let before = count(&backend.service, "hit").unwrap();
    let hit = eventually(SOON, || {
        record.check();
        ensure!(count(&backend.service, "hit")? > before, "never cached");
        Ok(())
    });
    hit.unwrap();
}

#[test]
fn a_change_is_seen_at_once_by_those_who_read_all_the_time() {
    let redis = Redis::start().unwrap();
    for url in ["memory://", &redis.url()] {
        let backend = Backend::start(&[("CACHE__URL", url)]).unwrap();
        let mut record = Record::create(&backend, "busy");
        let (changed, done) = (AtomicU64::new(3), AtomicBool::new(false));
        thread::scope(|scope| {
            for _ in 0..4 {
                let (client, path) = (record.client.clone(), record.path.clone());
                let (changed, done) = (&changed, &done);
                scope.spawn(move || {
                    while !done.load(Ordering::SeqCst) {
                        let least = changed.load(Ordering::SeqCst);
                        let found = client.get(&path).unwrap().json().unwrap();
                        let seats = found["seats"].as_u64().unwrap();
                        assert!(seats >= least, "{url}: {seats} after {least}");
                    }
                });
            }
            for seats in 4..200 {
                record.change(seats);
                changed.store(seats, Ordering::SeqCst);
                record.check();
            }
            done.store(true, Ordering::SeqCst);
        });
        assert!(count(&backend.service, "hit").unwrap() > 0, "{url}");
    }
}

#[test]
fn another_replica_sees_a_change_at_once_on_redis_and_in_time_without() {
    let redis = Redis::start().unwrap();
    let ttl = Duration::from_secs(2);
    for url in ["memory://", &redis.url()] {
        let mut settings = vec![("CACHE__URL", url), ("CACHE__TTL", "2s")];
        let backend = Backend::start(&settings).unwrap();
        let mut record = Record::create(&backend, "shared");
        let users = format!("http://127.0.0.1:{}", backend.core.grpc);
        settings.push(("SERVICE__USERS", &users));
        let replica = Running::start("records", backend.folder.path(), &settings).unwrap();
        let there = replica.client().with_token(&backend.token);
        let found = there.get(&record.path).unwrap().json().unwrap();
        assert_eq!(found, record.value);

        record.change(7);
        let changed = Instant::now();
        if url == "memory://" {
            // It may be stale, but only for the lifetime of an entry.
            thread::sleep(ttl.saturating_sub(changed.elapsed()));
        }
        let found = there.get(&record.path).unwrap().json().unwrap();
        assert_eq!(found, record.value, "{url}");

        // A deletion becomes visible in the same way.
        let deleted = record.client.delete(&record.path).unwrap();
        assert_eq!(deleted.status, 200);
        if url == "memory://" {
            thread::sleep(ttl);
        }
        assert_eq!(there.get(&record.path).unwrap().status, 404, "{url}");
    }
}

#[test]
fn a_redis_that_stops_and_starts_again_costs_no_request() {
    let mut redis = Redis::start().unwrap();
    let backend = Backend::start(&[("CACHE__URL", &redis.url())]).unwrap();
    let mut record = Record::create(&backend, "steady");
    is_cached_soon(&backend, &record);

    redis.stop();
    for seats in 10..40 {
        record.change(seats);
        record.check();
        assert_eq!(backend.service.client().get("/readyz").unwrap().status, 200);
    }
    assert!(count(&backend.service, "error").unwrap() > 0);
    let lines = backend.service.process.output().unwrap();
    let warnings = lines.matches("Redis fails").count();
    assert!((1..10).contains(&warnings), "{warnings} warnings:\n{lines}");

    redis.restart().unwrap();
    is_cached_soon(&backend, &record);
    record.change(50);
    record.check();

    // A restart between two requests costs only the cached entries.
    redis.restart().unwrap();
    record.check();
    is_cached_soon(&backend, &record);
}

#[test]
fn a_redis_that_is_away_at_first_is_used_later() {
    let mut redis = Redis::start().unwrap();
    redis.stop();
    let backend = Backend::start(&[("CACHE__URL", &redis.url())]).unwrap();
    let mut record = Record::create(&backend, "early");
    record.check();
    record.change(4);
    record.check();
    redis.restart().unwrap();
    is_cached_soon(&backend, &record);
}

#[test]
fn what_others_put_into_redis_is_not_believed() {
    let redis = Redis::start().unwrap();
    let backend = Backend::start(&[("CACHE__URL", &redis.url())]).unwrap();
    let mut record = Record::create(&backend, "strange");
    is_cached_soon(&backend, &record);
    let key = redis.run(&["KEYS", "records:records:*"]).unwrap();
    assert!(!key.is_empty() && !key.contains('\n'), "keys: {key}");

    let foreign: [&[&str]; 6] = [
        &["SET", &key, "garbage"],
        &["SET", &key, ""],
        &["SETRANGE", &key, "3", "garbage"],
        &["RPUSH", &key, "a list"],
        &["HSET", &key, "a", "hash"],
        &["SET", &key, "{\"seats\": 1000}"],
    ];
    for command in foreign {
        if ["RPUSH", "HSET"].contains(&command[0]) {
            redis.run(&["DEL", &key]).unwrap();
        }
        redis.run(command).unwrap();
        record.check();
        // Redis has made room for an entry again.
        is_cached_soon(&backend, &record);
        redis.run(command).unwrap_or_default();
        record.change(record.value["seats"].as_u64().unwrap() + 1);
        record.check();
    }

    // Full of foreign data: no write succeeds, and no request fails.
    redis.run(&["CONFIG", "SET", "maxmemory", "1"]).unwrap();
    record.check();
    record.change(500);
    record.check();
}

#[test]
fn a_redis_that_takes_five_seconds_slows_nothing_down() {
    let redis = Redis::start().unwrap();
    let slow = Line::to(redis.port()).unwrap();
    let backend =
        Backend::start(&[("CACHE__URL", &format!("redis://127.0.0.1:{}", slow.port()))]).unwrap();
    let mut record = Record::create(&backend, "patient");
    is_cached_soon(&backend, &record);

    slow.delay(Duration::from_secs(5));
    for seats in 10..20 {
        record.change(seats);
        record.check();
        // Continues for more than the second for which a slow cache is not used.
        thread::sleep(Duration::from_millis(150));
    }
    assert!(count(&backend.service, "error").unwrap() > 0);

    slow.delay(Duration::ZERO);
    is_cached_soon(&backend, &record);
    record.change(30);
    record.check();
}

#[test]
fn a_change_that_redis_was_not_told_of_is_seen_when_it_is_back() {
    let redis = Redis::start().unwrap();
    let line = Line::to(redis.port()).unwrap();
    let backend =
        Backend::start(&[("CACHE__URL", &format!("redis://127.0.0.1:{}", line.port()))]).unwrap();
    let mut record = Record::create(&backend, "cut");
    is_cached_soon(&backend, &record);
    let held = redis.run(&["DBSIZE"]).unwrap();
    assert_eq!(held, "1");

    // The connection to Redis is cut; Redis keeps the old entry.
    line.cut(true);
    record.change(9);
    record.check();
    assert_eq!(redis.run(&["DBSIZE"]).unwrap(), "1");

    // The service deletes the entry without a request, because other replicas read it.
    line.cut(false);
    let removed = eventually(SOON, || {
        let held = redis.run(&["DBSIZE"])?;
        ensure!(held == "0", "it holds {held}");
        Ok(())
    });
    removed.unwrap();
    is_cached_soon(&backend, &record);
}

#[test]
fn nothing_is_older_than_its_time_to_live_whatever_redis_was_told() {
    let redis = Redis::start().unwrap();
    let settings = [("CACHE__URL", &*redis.url()), ("CACHE__TTL", "2s")];
    let backend = Backend::start(&settings).unwrap();
    let mut record = Record::create(&backend, "old");
    record.check();
    let key = redis.run(&["KEYS", "records:records:*"]).unwrap();
    // A copy that never expires replaces a newer entry, as a restored backup would.
    assert_eq!(redis.run(&["COPY", &key, "backup"]).unwrap(), "1");
    redis.run(&["PERSIST", "backup"]).unwrap();
    record.change(8);
    thread::sleep(Duration::from_secs(2));
    let restored = redis.run(&["COPY", "backup", &key, "REPLACE"]).unwrap();
    assert_eq!(restored, "1");
    record.check();
}

#[test]
fn a_redis_with_tls_user_and_password_is_used() {
    let certificates = Certificates::make().unwrap();
    let tls_port = free_port().unwrap();
    let redis = Redis::start_with(&[
        &format!("tls-port {tls_port}"),
        &format!("tls-cert-file {}", certificates.path("server.pem")),
        &format!("tls-key-file {}", certificates.path("server.key")),
        &format!("tls-ca-cert-file {}", certificates.path("ca.pem")),
        "tls-auth-clients no",
    ])
    .unwrap();
    // Only the permissions that the documentation names.
    let user = [
        "ACL",
        "SETUSER",
        "shop",
        "on",
        ">s3cret/?#",
        "~records:*",
        "+get",
        "+set",
        "+del",
        "+eval",
    ];
    redis.run(&user).unwrap();
    let ca = certificates.path("ca.pem");

    let url = format!("rediss://shop:s3cret%2F%3F%23@127.0.0.1:{tls_port}");
    let settings = [("CACHE__URL", &*url), ("CACHE__ROOT_CERTIFICATE", &ca)];
    let backend = Backend::start(&settings).unwrap();
    let mut record = Record::create(&backend, "private");
    is_cached_soon(&backend, &record);
    record.change(5);
    record.check();
    assert_ne!(redis.run(&["KEYS", "records:records:*"]).unwrap(), "");
    drop(backend);
    redis.run(&["FLUSHALL"]).unwrap();

    // With a wrong password or an untrusted certificate, the service works without a cache.
    let wrong = format!("rediss://shop:wr0ng@127.0.0.1:{tls_port}");
    let stranger = Certificates::make().unwrap();
    let another = stranger.path("ca.pem");
    let refused: [&[(&str, &str)]; 3] = [
        &[("CACHE__URL", &wrong), ("CACHE__ROOT_CERTIFICATE", &ca)],
        &[("CACHE__URL", &url)],
        &[("CACHE__URL", &url), ("CACHE__ROOT_CERTIFICATE", &another)],
    ];
    for settings in refused {
        let backend = Backend::start(settings).unwrap();
        let mut record = Record::create(&backend, "open");
        record.check();
        record.change(6);
        record.check();
        assert_eq!(redis.run(&["DBSIZE"]).unwrap(), "0");
        let lines = backend.service.process.output().unwrap();
        assert!(lines.contains("Redis fails"), "{lines}");
        assert!(
            !lines.contains("s3cret") && !lines.contains("wr0ng"),
            "{lines}"
        );
    }
}

#[test]
fn a_cluster_and_what_a_sentinel_watches_are_used() {
    let bus = format!("cluster-port {}", free_port().unwrap());
    let address = "cluster-announce-ip 127.0.0.1";
    let cluster = Redis::start_with(&["cluster-enabled yes", &bus, address]).unwrap();
    let all_slots = ["CLUSTER", "ADDSLOTSRANGE", "0", "16383"];
    cluster.run(&all_slots).unwrap();
    let ready = eventually(SOON, || {
        let state = cluster.run(&["CLUSTER", "INFO"])?;
        ensure!(state.contains("cluster_state:ok"), "{state}");
        Ok(())
    });
    ready.unwrap();
    let watched = Redis::start().unwrap();
    let sentinel = watched.sentinel("main").unwrap();

    let at_cluster = format!("redis-cluster://127.0.0.1:{}", cluster.port());
    let at_sentinel = format!(
        "redis-sentinel://127.0.0.1:{}?sentinelServiceName=main",
        sentinel.port()
    );
    for (url, redis) in [(at_cluster, &cluster), (at_sentinel, &watched)] {
        let backend = Backend::start(&[("CACHE__URL", &url)]).unwrap();
        let mut record = Record::create(&backend, "many");
        is_cached_soon(&backend, &record);
        record.change(5);
        is_cached_soon(&backend, &record);
        assert_ne!(redis.run(&["KEYS", "records:records:*"]).unwrap(), "");
    }
}
