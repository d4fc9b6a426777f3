//! Starting, stopping and killing a service.

use std::{
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::{
    acme::{Acme, Backend, Running},
    grpc::{Grpc, field},
    http::{Http, PATIENCE, Raw},
    process::{Background, free_port},
};

/// How often the service is killed; TESTS_KILLS=200 is the long run.
const KILLS: usize = 3;
const CLIENTS: usize = 4;

#[test]
fn acknowledged_writes_survive_sigkill() {
    let kills = std::env::var("TESTS_KILLS").map_or(KILLS, |kills| kills.parse().unwrap());
    let mut backend = Backend::start(&[]).unwrap();
    for round in 0..kills {
        backend.log_in().unwrap();
        let acknowledged: Mutex<Vec<Value>> = Mutex::default();
        let client = backend.client();
        thread::scope(|scope| {
            for number in 0..CLIENTS {
                let (client, backend, acknowledged) = (&client, &backend, &acknowledged);
                scope.spawn(move || {
                    for count in 0.. {
                        let record = backend.record(&format!("{round}-{number}-{count}"));
                        // The service was killed before the response was complete, so it confirmed nothing.
                        let Ok(answer) = client.post("/v1/records", &record) else {
                            return;
                        };
                        assert_eq!(answer.status, 200);
                        acknowledged.lock().unwrap().push(answer.json().unwrap());
                    }
                });
            }
            let begun = Instant::now();
            while acknowledged.lock().unwrap().len() < 20 + 13 * round % 50
                && begun.elapsed() < PATIENCE
            {
                thread::sleep(Duration::from_millis(1));
            }
            backend.service.process.signal("KILL").unwrap();
        });
        backend.service = Running::start("records", backend.folder.path(), &[]).unwrap();
        let client = backend.client();
        let acknowledged = acknowledged.into_inner().unwrap();
        assert!(
            acknowledged.len() >= 20,
            "only {} writes were acknowledged",
            acknowledged.len()
        );
        for record in acknowledged {
            let path = format!("/v1/records/{}", record["id"].as_str().unwrap());
            assert_eq!(
                client.get(&path).unwrap().json().unwrap(),
                record,
                "kill {round}"
            );
        }
    }
}

#[test]
fn http_requests_finish_after_sigterm() {
    let mut backend =
        Backend::start(&[("SHUTDOWN__DRAIN", "500ms"), ("SHUTDOWN__TIMEOUT", "20s")]).unwrap();
    let client = backend.client();
    let answered = AtomicUsize::new(0);
    let stopping = AtomicBool::new(false);
    thread::scope(|scope| {
        for number in 0..CLIENTS {
            let (client, backend, answered, stopping) = (&client, &backend, &answered, &stopping);
            scope.spawn(move || {
                for count in 0.. {
                    match client.post("/v1/records", &backend.record(&format!("{number}-{count}")))
                    {
                        Ok(answer) => {
                            assert_eq!(answer.status, 200);
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        // The service has stopped listening, or has closed the connection between two requests.
                        Err(error) => {
                            assert!(stopping.load(Ordering::SeqCst), "{error:#}");
                            return;
                        }
                    }
                }
            });
        }

        // Half-sent requests: the server has asked for their bodies.
        let mut halves: Vec<(Raw, Vec<u8>)> = (0..8)
            .map(|number| {
                let body = backend
                    .record(&format!("half-{number}"))
                    .to_string()
                    .into_bytes();
                let mut raw = Raw::connect(backend.service.http).unwrap();
                raw.send(head(&backend.token, body.len())).unwrap();
                assert_eq!(raw.read_answer().unwrap().0, 100);
                let (first, rest) = body.split_at(body.len() / 2);
                raw.send(first).unwrap();
                (raw, rest.to_owned())
            })
            .collect();
        while answered.load(Ordering::SeqCst) < 50 {
            thread::sleep(Duration::from_millis(1));
        }
        stopping.store(true, Ordering::SeqCst);
        backend.service.process.signal("TERM").unwrap();
        thread::sleep(Duration::from_millis(1500));
        for (raw, rest) in &mut halves {
            raw.send(rest).unwrap();
            let (status, text) = raw.read_answer().unwrap();
            assert_eq!(status, 200, "{text}");
            assert!(text.to_lowercase().contains("connection: close"), "{text}");
            assert_eq!(raw.read_to_end().unwrap(), b"");
        }
    });
    let status = backend.service.process.wait(PATIENCE).unwrap();
    assert!(
        status.success(),
        "{status}: {}",
        backend.service.process.output().unwrap()
    );
    assert!(Raw::connect(backend.service.http).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn grpc_requests_finish_after_sigterm() {
    let mut backend =
        Backend::start(&[("SHUTDOWN__DRAIN", "500ms"), ("SHUTDOWN__TIMEOUT", "20s")]).unwrap();
    let created = backend
        .client()
        .post("/v1/records", &backend.record("one"))
        .unwrap()
        .json()
        .unwrap();
    let request = field(1, created["id"].as_str().unwrap().as_bytes());

    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let grpc = Grpc::connect(backend.service.grpc, Some(&backend.token))
            .await
            .unwrap();
        let request = request.clone();
        clients.spawn(async move {
            let mut answered = 0;
            loop {
                match grpc
                    .call("records.v1.RecordsService/GetRecord", &request)
                    .await
                {
                    Ok(answer) => {
                        assert_eq!(answer.code, 0, "{answer:?}");
                        answered += 1;
                    }
                    // According to its GOAWAY, the server did not process it, so a client may safely retry elsewhere.
                    Err(error) => {
                        let refused = error.downcast_ref::<h2::Error>();
                        let refused = refused.is_some_and(|error| {
                            error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR)
                                || error.reason() == Some(h2::Reason::REFUSED_STREAM)
                        });
                        assert!(refused, "after {answered} answers: {error:?}");
                        break;
                    }
                }
            }
            grpc.closed(PATIENCE).await.unwrap();
            answered
        });
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    backend.service.process.signal("TERM").unwrap();
    for answered in clients.join_all().await {
        assert!(answered > 0);
    }
    let status = backend.service.process.wait(PATIENCE).unwrap();
    assert!(
        status.success(),
        "{status}: {}",
        backend.service.process.output().unwrap()
    );
}

#[test]
fn a_request_that_never_ends_does_not_delay_the_stop_beyond_its_timeout() {
    let settings = [
        ("SHUTDOWN__DRAIN", "100ms"),
        ("SHUTDOWN__TIMEOUT", "3s"),
        ("LIMITS__TIMEOUT", "10m"),
    ];
    let mut backend = Backend::start(&settings).unwrap();
    let mut raw = Raw::connect(backend.service.http).unwrap();
    raw.send(head(&backend.token, 1000)).unwrap();
    assert_eq!(raw.read_answer().unwrap().0, 100);

    let begun = Instant::now();
    backend.service.process.signal("TERM").unwrap();
    backend.service.process.wait(PATIENCE).unwrap();
    // The configured 3 s, and some time for a busy machine.
    assert!(
        begun.elapsed() < Duration::from_secs(10),
        "it took {:?}",
        begun.elapsed()
    );
}

#[test]
fn a_draining_service_is_not_ready_and_still_serves() {
    let mut backend = Backend::start(&[("SHUTDOWN__DRAIN", "3s")]).unwrap();
    let client = backend.client();
    backend.service.process.signal("TERM").unwrap();
    let health = Http::new(backend.service.http);
    tests::process::eventually(Duration::from_secs(3), || {
        anyhow::ensure!(health.get("/readyz")?.status == 503);
        Ok(())
    })
    .unwrap();
    assert_eq!(health.get("/healthz").unwrap().status, 200);
    assert_eq!(client.get("/v1/records").unwrap().status, 200);
    assert!(backend.service.process.wait(PATIENCE).unwrap().success());
}

#[test]
fn a_port_in_use_is_reported_in_one_sentence() {
    let backend = Backend::start(&[]).unwrap();
    let folder = TempDir::new().unwrap();
    for (http, grpc, taken) in [
        (
            backend.service.http,
            free_port().unwrap(),
            backend.service.http,
        ),
        (
            free_port().unwrap(),
            backend.service.grpc,
            backend.service.grpc,
        ),
    ] {
        let command = &mut Acme::built().service("records", folder.path(), http, grpc);
        let (code, output) = fails(command, &folder);
        assert_eq!(code, Some(1), "{output}");
        let last = output.trim().lines().last().unwrap();
        assert!(
            last.contains(&taken.to_string()) && last.contains("in use"),
            "{output}"
        );
        assert!(!output.contains("panicked"), "{output}");
    }
}

#[test]
fn all_errors_of_a_configuration_are_reported_at_once() {
    let folder = TempDir::new().unwrap();
    std::fs::write(
        folder.path().join("bad.yaml"),
        "limits:\n  body: many\nlog:\n  colour: red\n",
    )
    .unwrap();
    let mut command = Acme::built().service("records", folder.path(), 1, 2);
    command
        .args(["--config", "bad.yaml"])
        .env("RECORDS__HTTP__PORT", "70000")
        .env("RECORDS__LIMITS__TIMEOUT", "soon")
        .env("RECORDS__DATABASE__URL", "mysql://root:hunter2@localhost/x")
        .env("RECORDS__DATABASE__NONSENSE", "1");
    let (code, output) = fails(&mut command, &folder);
    assert_eq!(code, Some(1), "{output}");
    let places = [
        ("http.port", "RECORDS__HTTP__PORT"),
        ("limits.timeout", "RECORDS__LIMITS__TIMEOUT"),
        ("database.url", "RECORDS__DATABASE__URL"),
        ("database.nonsense", "RECORDS__DATABASE__NONSENSE"),
        ("limits.body", "bad.yaml"),
        ("log.colour", "bad.yaml"),
    ];
    for (key, source) in places {
        let reported = output
            .lines()
            .any(|line| line.contains(key) && line.contains(source));
        assert!(reported, "{key} of {source} is not reported:\n{output}");
    }
    assert!(
        !output.contains("hunter2") && !output.contains("panicked"),
        "{output}"
    );

    let mut command = Acme::built().service("records", folder.path(), 1, 2);
    let (code, output) = fails(command.args(["--config", "missing.yaml"]), &folder);
    assert_eq!(code, Some(1), "{output}");
    assert!(output.contains("missing.yaml"), "{output}");
}

#[test]
fn the_version_names_the_commit() {
    let folder = TempDir::new().unwrap();
    for name in ["core", "records", "finance-invoices"] {
        let output = Acme::built()
            .service(name, folder.path(), 1, 2)
            .arg("--version")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            output.status.success() && text.starts_with(&format!("{name} 0.1.0 (git ")),
            "{text}"
        );
    }
}

/// The head of a request that sends its body only when the server asks for it.
fn head(token: &str, length: usize) -> String {
    format!(
        "POST /v1/records HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\nexpect: 100-continue\r\n\r\n"
    )
}

fn fails(command: &mut std::process::Command, folder: &TempDir) -> (Option<i32>, String) {
    let log = folder.path().join("failure.log");
    let _ = std::fs::remove_file(&log);
    let mut process = Background::start(command, &log).unwrap();
    let code = process.wait(PATIENCE).unwrap().code();
    (code, process.output().unwrap())
}

#[test]
fn metrics_count_requests_by_method_and_code() {
    let backend = Backend::start(&[]).unwrap();
    backend
        .client()
        .post("/v1/records", &backend.record("measured"))
        .unwrap();
    backend.client().post("/v1/records", &json!({})).unwrap();
    let metrics =
        String::from_utf8(backend.service.client().get("/metrics").unwrap().body).unwrap();
    for code in ["OK", "INVALID_ARGUMENT"] {
        let counted = metrics.lines().any(|line| {
            line.starts_with("rpc_requests_total{")
                && line.contains("records.v1.RecordsService/CreateRecord")
                && line
                    .to_uppercase()
                    .replace('_', "")
                    .contains(&code.replace('_', ""))
                && line.ends_with(" 1")
        });
        assert!(counted, "{code}:\n{metrics}");
    }
}
