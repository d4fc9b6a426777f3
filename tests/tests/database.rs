//! A service and its PostgreSQL, when something is between them: TLS, and lines that are cut.

use std::{
    path::Path,
    sync::Mutex,
    thread,
    time::{Duration, Instant},
};

use tests::{
    acme::{Acme, Backend, succeeds},
    process::eventually,
    servers::Postgres,
    wire::{Certificates, Line},
};

/// A request is answered within this time, whatever the database does: `limits.timeout`, and a little for a machine that
/// has much to do.
const BOUND: Duration = Duration::from_secs(8);
const SOON: Duration = Duration::from_secs(20);

/// `records` behind this URL, its tables made.
fn backend(url: &str) -> Backend {
    Acme::built();
    let folder = tempfile::tempdir().unwrap();
    let mut migrate = Acme::built().service("records", folder.path(), 1, 2);
    migrate.env("RECORDS__DATABASE__URL", url).arg("migrate");
    succeeds(migrate).unwrap();
    let settings = [("DATABASE__URL", url), ("LIMITS__TIMEOUT", "5s")];
    Backend::start(&settings).unwrap()
}

fn request_id(number: usize) -> String {
    format!("00000000-0000-4000-8000-{number:012}")
}

#[test]
fn every_create_that_was_answered_is_there_once_whatever_happens_to_the_line() {
    const CLIENTS: usize = 4;
    const CREATES: usize = 60;
    let postgres = Postgres::of_the_distribution().unwrap();
    let line = Line::to(postgres.port()).unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", line.port());
    let backend = backend(&url);
    let refused = Mutex::new(0);

    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (backend, refused) = (&backend, &refused);
                scope.spawn(move || {
                    for create in 0..CREATES {
                        let number = client * CREATES + create;
                        let path = format!("/v1/records?requestId={}", request_id(number));
                        let record = backend.record(&format!("code-{number}"));
                        // As a client that gives up only when it knows.
                        let end = Instant::now() + Duration::from_secs(60);
                        loop {
                            let since = Instant::now();
                            let answer = backend.client().post(&path, &record).unwrap();
                            assert!(since.elapsed() < BOUND, "{:?}", since.elapsed());
                            if answer.status == 200 {
                                break;
                            }
                            assert!(matches!(answer.status, 503 | 504), "{answer:?}");
                            assert!(Instant::now() < end, "{answer:?}");
                            *refused.lock().unwrap() += 1;
                            thread::sleep(Duration::from_millis(100));
                        }
                    }
                })
            })
            .collect();
        // Cut while statements are on their way, and while their answers are.
        let mut cuts = 0;
        while !clients.iter().all(|client| client.is_finished()) {
            thread::sleep(Duration::from_millis(150));
            line.delay(Duration::from_millis(20));
            thread::sleep(Duration::from_millis(50));
            line.cut(true);
            thread::sleep(Duration::from_millis(100));
            line.delay(Duration::ZERO);
            line.cut(false);
            cuts += 1;
            if cuts == 12 {
                break;
            }
        }
    });
    assert!(
        *refused.lock().unwrap() > 0,
        "no request met a line that was cut"
    );
    let rows = postgres
        .sql("SELECT count(*), count(DISTINCT code) FROM records")
        .unwrap();
    assert_eq!(rows, format!("{0}|{0}", CLIENTS * CREATES));
}

#[test]
fn while_the_database_is_away_requests_are_answered_at_once_and_readiness_says_so() {
    let postgres = Postgres::of_the_distribution().unwrap();
    let line = Line::to(postgres.port()).unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", line.port());
    let backend = backend(&url);
    let client = backend.client();

    line.cut(true);
    eventually(SOON, || {
        anyhow::ensure!(client.get("/readyz")?.status == 503, "still ready");
        Ok(())
    })
    .unwrap();
    assert_eq!(client.get("/healthz").unwrap().status, 200);
    for _ in 0..20 {
        let since = Instant::now();
        let refused = client.get("/v1/records").unwrap();
        assert_eq!(
            (refused.status, refused.reason().unwrap().as_str()),
            (503, "DATABASE_UNAVAILABLE")
        );
        assert!(
            since.elapsed() < Duration::from_secs(2),
            "{:?}",
            since.elapsed()
        );
    }

    line.cut(false);
    eventually(SOON, || {
        anyhow::ensure!(client.get("/readyz")?.status == 200, "not ready again");
        Ok(())
    })
    .unwrap();
    assert_eq!(client.get("/v1/records").unwrap().status, 200);
    let metrics = String::from_utf8(client.get("/metrics").unwrap().body).unwrap();
    assert!(
        metrics.contains("db_pool_connections{service=\"records\",state=\"idle\"}"),
        "{metrics}"
    );
}

#[test]
fn tls_is_as_strict_as_the_url_says() {
    let certificates = Certificates::make().unwrap();
    let (certificate, key) = (
        certificates.path("server.pem"),
        certificates.path("server.key"),
    );
    let postgres = Postgres::with_tls(Path::new(&certificate), Path::new(&key)).unwrap();
    let own = certificates.path("ca.pem");
    let foreign = Certificates::make().unwrap();
    let foreign = foreign.path("ca.pem");

    // The certificate is for 127.0.0.1, not for the name.
    let cases = [
        ("127.0.0.1", "sslmode=require".to_owned(), true),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={own}"),
            true,
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-full&sslrootcert={own}"),
            true,
        ),
        (
            "localhost",
            format!("sslmode=verify-ca&sslrootcert={own}"),
            true,
        ),
        (
            "localhost",
            format!("sslmode=verify-full&sslrootcert={own}"),
            false,
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-ca&sslrootcert={foreign}"),
            false,
        ),
        (
            "127.0.0.1",
            format!("sslmode=verify-full&sslrootcert={foreign}"),
            false,
        ),
    ];
    for (host, parameters, accepted) in cases {
        let url = format!(
            "postgres://postgres@{host}:{}/postgres?{parameters}",
            postgres.port()
        );
        let folder = tempfile::tempdir().unwrap();
        let mut status = Acme::built().service("records", folder.path(), 1, 2);
        status
            .env("RECORDS__DATABASE__URL", &url)
            .args(["migrate", "status"]);
        let output = status.output().unwrap();
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            output.status.success(),
            accepted,
            "{host} {parameters}: {text}"
        );
        assert!(accepted || text.contains("certificate"), "{text}");
    }

    let without = Postgres::of_the_distribution().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let mut status = Acme::built().service("records", folder.path(), 1, 2);
    let url = format!("{}?sslmode=require", without.url());
    status
        .env("RECORDS__DATABASE__URL", &url)
        .args(["migrate", "status"]);
    assert!(
        !status.output().unwrap().status.success(),
        "unencrypted, though TLS is required"
    );
}

#[test]
fn a_create_that_is_repeated_at_two_replicas_is_done_once() {
    let postgres = Postgres::of_the_distribution().unwrap();
    let backend = backend(&postgres.url());
    let settings = [("DATABASE__URL", postgres.url())];
    let settings: Vec<_> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    let other = tests::acme::Running::start("records", backend.folder.path(), &settings).unwrap();
    let path = format!("/v1/records?requestId={}", request_id(7));
    let record = backend.record("twice");
    let (one, two) = thread::scope(|scope| {
        let one = scope.spawn(|| backend.client().post(&path, &record).unwrap());
        let two = other
            .client()
            .with_token(&backend.token)
            .post(&path, &record)
            .unwrap();
        (one.join().unwrap(), two)
    });
    assert_eq!((one.status, two.status), (200, 200), "{one:?}, {two:?}");
    assert_eq!(one.json().unwrap(), two.json().unwrap());
    let rows = postgres.sql("SELECT count(*) FROM records").unwrap();
    assert_eq!(rows, "1");
}
