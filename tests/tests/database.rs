//! A service and its PostgreSQL with something between them: TLS, and connections that are cut.

use std::{
    path::Path,
    sync::{
        Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use tests::{
    acme::{Acme, Backend, Running, succeeds},
    grpc::{self, Grpc, double, field},
    http::{Answer, Http},
    process::eventually,
    servers::Postgres,
    wire::{Certificates, Line},
};

/// The limit for an answer, whatever the database does: `limits.timeout`, and some time for a busy machine.
const BOUND: Duration = Duration::from_secs(8);
const SOON: Duration = Duration::from_secs(20);

/// `records` with this database URL, after the migrations.
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

/// Creates over HTTP; false if it was refused temporarily.
fn create(backend: &Backend, client: &Http, number: usize) -> Result<bool> {
    let path = format!("/v1/records?requestId={}", request_id(number));
    let answer = client.post(&path, &backend.record(&format!("code-{number}")))?;
    ensure!(matches!(answer.status, 200 | 503 | 504), "{answer:?}");
    Ok(answer.status == 200)
}

/// Like [`create`], over gRPC.
async fn create_over_grpc(backend: &Backend, client: &Grpc, number: usize) -> Result<bool> {
    let record = [
        field(10, format!("code-{number}").as_bytes()),
        grpc::number(14, 1),
        grpc::number(15, 3),
        grpc::number(16, 7),
        double(17, 1.5),
        field(20, &grpc::number(1, 1_700_000_000)),
        grpc::number(23, 2),
        field(24, backend.user_id.as_bytes()),
    ];
    let request_id = field(2, request_id(number).as_bytes());
    let request = [field(1, &record.concat()), request_id].concat();
    let answer = client
        .call("records.v1.RecordsService/CreateRecord", &request)
        .await?;
    let (deadline_exceeded, unavailable) = (4, 14);
    ensure!(
        [0, deadline_exceeded, unavailable].contains(&answer.code),
        "{answer:?}"
    );
    Ok(answer.code == 0)
}

/// Retries until it succeeds, and returns how often it was refused. Each answer must come in time.
fn insist(mut create: impl FnMut() -> Result<bool>) -> usize {
    let end = Instant::now() + Duration::from_secs(60);
    for refused in 0.. {
        let since = Instant::now();
        let is_done = create().unwrap();
        assert!(since.elapsed() < BOUND, "{:?}", since.elapsed());
        if is_done {
            return refused;
        }
        assert!(Instant::now() < end, "refused {refused} times");
        thread::sleep(Duration::from_millis(100));
    }
    unreachable!("an endless loop")
}

fn until_ready(backend: &Backend, status: u16) {
    eventually(SOON, || {
        let answer = backend.client().get("/readyz")?;
        ensure!(answer.status == status, "{answer:?}");
        Ok(())
    })
    .unwrap();
}

#[test]
fn every_create_that_was_answered_is_there_once_whatever_happens_to_the_line() {
    const CLIENTS: usize = 4;
    const CREATES: usize = 60;
    let postgres = Postgres::of_the_distribution().unwrap();
    let line = Line::to(postgres.port()).unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", line.port());
    let backend = backend(&url);
    let refused = AtomicUsize::new(0);

    thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| {
                let (backend, refused) = (&backend, &refused);
                scope.spawn(move || {
                    let http = backend.client();
                    for number in client * CREATES..(client + 1) * CREATES {
                        let times = insist(|| create(backend, &http, number));
                        refused.fetch_add(times, Ordering::Relaxed);
                    }
                })
            })
            .collect();
        // Cuts the connection while statements are on their way, and while their answers are.
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
        refused.into_inner() > 0,
        "no request met a line that was cut"
    );
    let rows = postgres
        .sql("SELECT count(*), count(DISTINCT code) FROM records")
        .unwrap();
    assert_eq!(rows, format!("{0}|{0}", CLIENTS * CREATES));
}

#[test]
fn every_create_that_was_answered_is_there_once_after_the_database_was_stopped() {
    const CLIENTS: usize = 3;
    let mut postgres = Postgres::of_the_distribution().unwrap();
    let backend = backend(&postgres.url());
    let is_over = AtomicBool::new(false);
    let (created, refused) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let next = AtomicUsize::new(0);
    let load = |mut create: Box<dyn FnMut(usize) -> Result<bool>>| {
        while !is_over.load(Ordering::SeqCst) {
            let number = next.fetch_add(1, Ordering::SeqCst);
            let times = insist(|| create(number));
            refused.fetch_add(times, Ordering::SeqCst);
            created.fetch_add(1, Ordering::SeqCst);
        }
    };

    thread::scope(|scope| {
        let (backend, load) = (&backend, &load);
        for _ in 0..CLIENTS {
            scope.spawn(move || {
                let http = backend.client();
                load(Box::new(move |number| create(backend, &http, number)));
            });
            scope.spawn(move || {
                let runtime = tokio::runtime::Runtime::new().unwrap();
                let connecting = Grpc::connect(backend.service.grpc, Some(&backend.token));
                let client = runtime.block_on(connecting).unwrap();
                load(Box::new(move |number| {
                    runtime.block_on(create_over_grpc(backend, &client, number))
                }));
            });
        }
        for _ in 0..3 {
            let before = created.load(Ordering::SeqCst);
            eventually(SOON, || {
                ensure!(created.load(Ordering::SeqCst) > before + 50, "no load");
                Ok(())
            })
            .unwrap();
            postgres.stop();
            until_ready(backend, 503);
            postgres.restart().unwrap();
            until_ready(backend, 200);
        }
        is_over.store(true, Ordering::SeqCst);
    });

    let (created, refused) = (created.into_inner(), refused.into_inner());
    println!("{created} created, refused {refused} times");
    assert!(refused > 0, "no request met a database that was stopped");
    let rows = "SELECT count(*), count(DISTINCT code) FROM records";
    assert_eq!(postgres.sql(rows).unwrap(), format!("{created}|{created}"));
}

#[test]
fn while_the_database_is_away_requests_are_answered_at_once_and_readiness_says_so() {
    let postgres = Postgres::of_the_distribution().unwrap();
    let line = Line::to(postgres.port()).unwrap();
    let url = format!("postgres://postgres@127.0.0.1:{}/postgres", line.port());
    let backend = backend(&url);
    let client = backend.client();

    line.cut(true);
    until_ready(&backend, 503);
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
    until_ready(&backend, 200);
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
fn a_create_that_is_asked_for_several_times_at_once_is_done_once_and_answered_alike() {
    const CLIENTS: usize = 8;
    const CREATES: usize = 200;
    let postgres = Postgres::of_the_distribution().unwrap();
    let backend = backend(&postgres.url());
    let url = postgres.url();
    let settings = [("DATABASE__URL", url.as_str())];
    let other = Running::start("records", backend.folder.path(), &settings).unwrap();
    let replicas = [&backend.service, &other];
    let all_at_once = Barrier::new(CLIENTS);

    let create = |client: usize| -> Vec<Answer> {
        let http = replicas[client % 2].client().with_token(&backend.token);
        (0..CREATES)
            .map(|number| {
                let path = format!("/v1/records?requestId={}", request_id(number));
                let record = backend.record(&format!("code-{number}"));
                all_at_once.wait();
                http.post(&path, &record).unwrap()
            })
            .collect()
    };
    let answers: Vec<Vec<Answer>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|client| scope.spawn(move || create(client)))
            .collect();
        clients
            .into_iter()
            .map(|client| client.join().unwrap())
            .collect()
    });
    for number in 0..CREATES {
        let first = answers[0][number].json().unwrap();
        for answers in &answers {
            let answer = &answers[number];
            assert_eq!(
                (answer.status, answer.json().unwrap()),
                (200, first.clone())
            );
        }
    }
    let rows = postgres.sql("SELECT count(*) FROM records").unwrap();
    assert_eq!(rows, CREATES.to_string());
}
