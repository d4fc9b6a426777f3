//! Malformed and hostile requests: each gets an answer that says what is wrong, and nothing else.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use tests::{
    acme::Backend,
    grpc::{self, Grpc, field, frame},
    http::{Answer, Raw},
};

/// Texts that only the log may contain.
const SECRETS: &[&str] = &[
    "SELECT",
    "INSERT",
    "sqlite",
    "SQLite",
    "diesel",
    "constraint",
    "panicked",
    "unwrap",
    ".rs:",
    "/src/",
    "UNIQUE",
];

const SHORT: &str = "1s";

#[test]
fn a_body_that_is_not_the_message_is_refused_with_a_reason() {
    let mut problems = Problems::default();
    let backend = Backend::start(&[]).unwrap();
    let client = backend.client();
    let record = backend.record("code").to_string();
    let with = |key: &str, value: &str| {
        let mut record = backend.record("code");
        record[key] = json!("PLACE");
        record.to_string().replace("\"PLACE\"", value)
    };

    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", b"".into()),
        ("not JSON", b"hello".into()),
        ("cut off", record.as_bytes()[..record.len() / 2].into()),
        ("something after the end", format!("{record}}}").into()),
        ("a list", b"[]".into()),
        ("a string", b"\"record\"".into()),
        ("null", b"null".into()),
        ("a number as a string", with("code", "7").into()),
        ("a string as a bool", with("active", "\"yes\"").into()),
        ("a number as a bool", with("active", "1").into()),
        ("a fraction as an int32", with("seats", "1.5").into()),
        ("an int32 out of range", with("seats", "2147483648").into()),
        (
            "an int64 out of range",
            with("visits", "\"9223372036854775808\"").into(),
        ),
        (
            "an int64 of a thousand digits",
            with("visits", &"9".repeat(1000)).into(),
        ),
        ("a double out of range", with("score", "1e999").into()),
        (
            "a double of a million digits",
            with("score", &"1".repeat(1_000_000)).into(),
        ),
        ("not a number", with("score", "\"NaN\"").into()),
        ("infinity", with("score", "\"Infinity\"").into()),
        (
            "a decimal with letters",
            with("price", "{\"value\": \"ten\"}").into(),
        ),
        (
            "a decimal with 13 digits",
            with("price", "{\"value\": \"1234567890123\"}").into(),
        ),
        (
            "a decimal with 7 places",
            with("price", "{\"value\": \"0.0000001\"}").into(),
        ),
        (
            "a decimal with a huge exponent",
            with("price", "{\"value\": \"1e999999999\"}").into(),
        ),
        (
            "the 30th of February",
            with("born", "{\"year\": 2024, \"month\": 2, \"day\": 30}").into(),
        ),
        (
            "a date without a day",
            with("born", "{\"year\": 2024, \"month\": 2}").into(),
        ),
        (
            "a time without a zone",
            with("hiredAt", "\"2024-01-01T00:00:00\"").into(),
        ),
        (
            "a time that never was",
            with("hiredAt", "\"2024-13-01T00:00:00Z\"").into(),
        ),
        (
            "the year 10000",
            with("hiredAt", "\"10000-01-01T00:00:00Z\"").into(),
        ),
        ("no base64", with("avatar", "\"?!\"").into()),
        ("a list as an object", with("extra", "[1]").into()),
        (
            "an unknown enum value",
            with("status", "\"RECORD_STATUS_UNHEARD_OF\"").into(),
        ),
        ("an unknown enum number", with("status", "99").into()),
        (
            "no enum value",
            with("status", "\"RECORD_STATUS_UNSPECIFIED\"").into(),
        ),
        ("no UUID", with("userId", "\"me\"").into()),
        ("an unknown field", with("nonsense", "true").into()),
        (
            "a key twice",
            record.replacen('{', "{\"code\": \"other\",", 1).into(),
        ),
        (
            "nested 10,000 deep",
            with(
                "extra",
                &format!("{}1{}", "{\"a\":".repeat(10_000), "}".repeat(10_000)),
            )
            .into(),
        ),
        ("10,000 lists", "[".repeat(10_000).into()),
        (
            "invalid UTF-8",
            record
                .replace("compiler", "\u{1}")
                .into_bytes()
                .iter()
                .map(|b| if *b == 1 { 0xff } else { *b })
                .collect(),
        ),
        ("compressed", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".into()),
        ("half a surrogate pair", with("bio", "\"\\ud800\"").into()),
        ("a NUL", with("bio", "\"a\\u0000b\"").into()),
        (
            "a NUL in JSON",
            with("extra", "{\"a\": \"\\u0000\"}").into(),
        ),
        ("a NUL in a key", with("extra", "{\"a\\u0000\": 1}").into()),
    ];
    for (what, body) in bodies {
        let answer = client.send("POST", "/v1/records", &[], &body).unwrap();
        problems.refused(what, &answer, 400);
    }
    assert_eq!(
        client.get("/v1/records").unwrap().json().unwrap()["records"],
        json!([])
    );
    problems.none();
}

#[test]
fn one_answer_names_every_bad_field() {
    let mut problems = Problems::default();
    let backend = Backend::start(&[]).unwrap();
    let mut record = backend.record("x");
    record["email"] = json!("nobody");
    record["site"] = json!("not a url");
    record["seats"] = json!(1001);
    record["avatar"] = json!("A".repeat(2048));
    record["userId"] = json!("");
    for required in ["active", "visits", "score", "hiredAt", "status"] {
        record.as_object_mut().unwrap().remove(required);
    }
    let answer = backend.client().post("/v1/records", &record).unwrap();
    problems.refused("many bad fields", &answer, 400);
    let expected = [
        "active", "avatar", "code", "email", "hiredAt", "score", "seats", "site", "status",
        "userId", "visits",
    ];
    assert_eq!(
        answer.violations().unwrap(),
        expected.map(|name| format!("record.{name}"))
    );
    problems.none();
}

#[test]
fn a_request_to_nowhere_is_refused_with_a_reason() {
    let mut problems = Problems::default();
    let backend =
        Backend::start(&[("LIMITS__BODY", "100000"), ("LIMITS__HEADER", "16384")]).unwrap();
    let client = backend.client();
    let id = "00000000-0000-4000-8000-000000000000";
    let long = "x".repeat(3000);
    let cases: Vec<(&str, String, u16)> = vec![
        ("GET", "/".into(), 404),
        ("GET", "/v1/nothing".into(), 404),
        ("GET", "/v1/records/../../etc/passwd".into(), 404),
        ("GET", format!("/v1/records/{id}/more"), 404),
        ("GET", format!("/v1/records/{id}:verb"), 400),
        ("PUT", "/v1/records".into(), 405),
        ("DELETE", "/v1/records".into(), 405),
        ("POST", format!("/v1/records/{id}"), 405),
        ("BREW", "/v1/records".into(), 405),
        ("GET", "/v1/records/1".into(), 400),
        ("GET", "/v1/records/%00".into(), 400),
        ("GET", "/v1/records/%ff%fe".into(), 400),
        ("GET", "/v1/records/%zz".into(), 400),
        ("GET", format!("/v1/records/{long}"), 400),
        ("GET", "/v1/records?page_token=nonsense".into(), 400),
        ("GET", "/v1/records?pageToken=AAAA".into(), 400),
        ("GET", format!("/v1/records?page_token={long}"), 400),
        ("GET", "/v1/records?page_token=%00".into(), 400),
        ("GET", "/v1/records?filter=bio%3Dx".into(), 400),
        ("GET", "/v1/records?filter=seats%3A3".into(), 400),
        ("GET", "/v1/records?filter=code%3D%27%3B%20DROP".into(), 400),
        (
            "GET",
            format!("/v1/records?filter={}", "(".repeat(1999)),
            400,
        ),
        ("GET", format!("/v1/records?filter=code%3D{long}"), 400),
        ("GET", "/v1/records?filter=code%3D%00".into(), 400),
        ("GET", "/v1/records?order_by=price".into(), 400),
        ("GET", "/v1/records?order_by=seats,code".into(), 400),
        ("GET", "/v1/records:batchGet".into(), 400),
        ("GET", "/v1/records:batchGet?ids=1".into(), 400),
        (
            "GET",
            format!("/v1/records:batchGet?{}", format!("ids={id}&").repeat(101)),
            400,
        ),
        ("GET", format!("/v1/records:batchGet?ids={id}"), 404),
        ("GET", "/v1/records?page_size=-1".into(), 400),
        ("GET", "/v1/records?page_size=1001".into(), 400),
        ("GET", "/v1/records?page_size=99999999999".into(), 400),
        ("GET", "/v1/records?page_size=ten".into(), 400),
        ("GET", "/v1/records?page_size=1&page_size=2".into(), 400),
        ("GET", "/v1/records?unheard_of=1".into(), 400),
        ("GET", "/v1/records?page_token=%ff".into(), 400),
    ];
    for (method, path, status) in cases {
        let answer = client.send(method, &path, &[], "").unwrap();
        problems.refused(&format!("{method} {path}"), &answer, status);
        if answer.status == 405 {
            assert!(
                answer.headers.contains_key("allow"),
                "{method} {path}: {:?}",
                answer.headers
            );
        }
    }

    let answer = client
        .send("POST", "/v1/records", &[], "x".repeat(100_001))
        .unwrap();
    problems.refused("an oversized body", &answer, 413);
    problems.none();
}

#[test]
fn without_a_token_that_holds_nothing_is_told() {
    let mut problems = Problems::default();
    let backend = Backend::start(&[]).unwrap();
    let anonymous = backend.service.client();
    let (head, signature) = backend.token.rsplit_once('.').unwrap();
    let altered = format!("{head}.{}", signature.chars().rev().collect::<String>());
    let unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJyb290In0.";
    let long = "x".repeat(5000);
    for token in ["", "x", "a.b.c", &altered, unsigned, &long] {
        let answer = anonymous
            .send(
                "GET",
                "/v1/records",
                &[("authorization", &format!("Bearer {token}"))],
                "",
            )
            .unwrap();
        problems.refused(token, &answer, 401);
        assert!(
            answer.headers.contains_key("www-authenticate"),
            "{:?}",
            answer.headers
        );
    }
    problems.refused("no token", &anonymous.get("/v1/records").unwrap(), 401);
    let basic = anonymous
        .send("GET", "/v1/records", &[("authorization", "Basic QTpC")], "")
        .unwrap();
    problems.refused("another scheme", &basic, 401);
    // A caller without access does not learn whether the request is valid.
    problems.refused(
        "bad request",
        &anonymous.post("/v1/records", &json!({})).unwrap(),
        401,
    );

    let core = backend.core.client();
    let wrong = core
        .post(
            "/v1/auth/login",
            &json!({"email": "ada@example.com", "password": "guess"}),
        )
        .unwrap();
    problems.refused("a wrong password", &wrong, 401);
    let unknown = core
        .post(
            "/v1/auth/login",
            &json!({"email": "eve@example.com", "password": "guess"}),
        )
        .unwrap();
    assert_eq!(
        unknown.json().unwrap(),
        wrong.json().unwrap(),
        "an answer says who is registered"
    );
    problems.none();
}

#[test]
fn bytes_that_are_no_request_end_the_connection_and_nothing_else() {
    let mut problems = Problems::default();
    let backend = Backend::start(&[("LIMITS__HEADER_READ_TIMEOUT", SHORT)]).unwrap();
    let port = backend.service.http;
    let long = format!(
        "GET /readyz HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "x".repeat(200_000)
    );
    let many = format!(
        "GET /readyz HTTP/1.1\r\nhost: x\r\n{}\r\n",
        "x: y\r\n".repeat(5_000)
    );
    let path = format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(200_000));
    let requests: Vec<(&str, Vec<u8>)> = vec![
        ("no HTTP", b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n".into()),
        ("NULs", vec![0; 1000]),
        ("no version", b"GET /\r\n\r\n".into()),
        ("a header with a NUL", b"GET /readyz HTTP/1.1\r\nhost: x\r\nx: a\0b\r\n\r\n".into()),
        ("two lengths", b"POST /v1/records HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello".into()),
        ("a negative length", b"POST /v1/records HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".into()),
        ("a bad chunk", b"POST /v1/auth HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n".into()),
        ("a long header", long.into()),
        ("many headers", many.into()),
        ("a long path", path.into()),
    ];
    for (what, bytes) in requests {
        let mut raw = Raw::connect(port).unwrap();
        // The server may have closed the connection before it read everything.
        let _ = raw.send(&bytes);
        let answer = String::from_utf8_lossy(&raw.read_to_end().unwrap()).into_owned();
        let status = answer.split(' ').nth(1).unwrap_or("400");
        if !status.starts_with('4') {
            problems.add(what, &format!("is answered {answer}"));
        }
        problems.hides_secrets(what, &answer);
    }
    assert_eq!(backend.client().get("/v1/records").unwrap().status, 200);
    problems.none();
}

#[test]
fn slow_clients_are_sent_away() {
    let backend = Backend::start(&[
        ("LIMITS__HEADER_READ_TIMEOUT", SHORT),
        ("LIMITS__TIMEOUT", SHORT),
    ])
    .unwrap();
    let port = backend.service.http;

    let mut silent = Raw::connect(port).unwrap();
    let mut headers = Raw::connect(port).unwrap();
    headers.send("GET /readyz HTTP/1.1\r\nhost: x\r\n").unwrap();
    let mut body = Raw::connect(port).unwrap();
    let head = format!(
        "POST /v1/records HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         connection: close\r\ncontent-length: 1000\r\n\r\n{{",
        backend.token
    );
    body.send(head).unwrap();

    let begun = Instant::now();
    let mut trickle = headers.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        // Sends one byte after the other until the server closes the connection.
        while begun.elapsed() < Duration::from_secs(30) && trickle.send("x").is_ok() {
            sleep(Duration::from_millis(100));
        }
        begun.elapsed()
    });
    let answer = String::from_utf8_lossy(&body.read_to_end().unwrap()).into_owned();
    let status = answer.split(' ').nth(1).unwrap_or_default();
    assert!(["408", "504"].contains(&status), "a slow body: {answer}");
    let answer = String::from_utf8_lossy(&headers.read_to_end().unwrap()).into_owned();
    assert!(
        answer.is_empty() || answer.contains(" 408 "),
        "slow headers: {answer}"
    );
    assert_eq!(silent.read_to_end().unwrap(), b"");
    assert!(
        sender.join().unwrap() < Duration::from_secs(30),
        "slow headers were read for ever"
    );
    assert_eq!(backend.client().get("/v1/records").unwrap().status, 200);
}

#[test]
fn five_hundred_idle_connections_keep_nobody_out() {
    let backend = Backend::start(&[]).unwrap();
    let idle: Vec<Raw> = (0..500)
        .map(|_| Raw::connect(backend.service.http).unwrap())
        .collect();
    assert_eq!(backend.client().get("/v1/records").unwrap().status, 200);
    drop(idle);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_grpc_too_every_mistake_has_its_code() {
    let mut problems = Problems::default();
    let backend = Backend::start(&[("LIMITS__BODY", "100000")]).unwrap();
    let grpc = Grpc::connect(backend.service.grpc, Some(&backend.token))
        .await
        .unwrap();
    let create = "records.v1.RecordsService/CreateRecord";
    let get = "records.v1.RecordsService/GetRecord";
    let list = "records.v1.RecordsService/ListRecords";
    let record = |content: &[u8]| field(1, content);
    let deep = (0..5_000).fold(Vec::new(), |inner, _| field(1, &inner));
    let missing = field(1, b"00000000-0000-4000-8000-000000000000");

    let calls: Vec<(&str, &str, Vec<u8>, u32)> = vec![
        ("nothing", create, vec![], 3),
        ("bytes that are no message", create, vec![0xff; 100], 3),
        ("a length beyond the end", create, vec![0x0a, 0x7f, 0x00], 3),
        ("a varint without an end", create, vec![0x80; 20], 3),
        (
            "invalid UTF-8",
            create,
            record(&field(10, &[0xff, 0xfe])),
            3,
        ),
        ("a NUL", get, field(1, b"\0"), 3),
        ("no UUID", get, field(1, b"me"), 3),
        ("a missing row", get, missing, 5),
        ("nested deep", create, deep, 3),
        ("a bad page token", list, field(2, b"nonsense"), 3),
        ("a negative page size", list, grpc::number(1, u64::MAX), 3),
        ("too large", create, record(&vec![b'x'; 100_001]), 8),
        (
            "an unknown method",
            "records.v1.RecordsService/Nothing",
            vec![],
            12,
        ),
        (
            "an unknown service",
            "nobody.v1.Nothing/Nothing",
            vec![],
            12,
        ),
    ];
    for (what, method, message, code) in calls {
        let answer = grpc.call(method, &message).await;
        problems.refused_over_grpc(what, answer, code);
    }

    // The gRPC specification demands INTERNAL for malformed frames.
    let body = bytes::Bytes::from_static(b"\0\0\0\0\xffabc");
    problems.refused_over_grpc("a cut frame", grpc.send(create, &[], body).await, 13);
    let compressed = bytes::Bytes::from_static(b"\x01\0\0\0\x01a");
    problems.refused_over_grpc("compressed", grpc.send(create, &[], compressed).await, 13);
    let expired = grpc.send(list, &[("grpc-timeout", "1n")], frame(b"")).await;
    problems.refused_over_grpc("no time left", expired, 4);

    let stranger = Grpc::connect(backend.service.grpc, None).await.unwrap();
    problems.refused_over_grpc("no token", stranger.call(list, b"").await, 16);
    let stranger = Grpc::connect(backend.service.grpc, Some("a.b.c"))
        .await
        .unwrap();
    problems.refused_over_grpc("a bad token", stranger.call(create, &[0xff]).await, 16);
    assert_eq!(grpc.call(list, b"").await.unwrap().code, 0);
    problems.none();
}

/// Collects the problems, so that one run shows all of them.
#[derive(Default)]
struct Problems(Vec<String>);

impl Problems {
    fn refused(&mut self, what: &str, answer: &Answer, status: u16) {
        let text = String::from_utf8_lossy(&answer.body);
        if answer.status != status {
            self.add(
                what,
                &format!("is {} instead of {status}: {text}", answer.status),
            );
            return;
        }
        let json = answer.json().unwrap_or_default();
        let tells = json["code"]
            .as_u64()
            .is_some_and(|code| (1..=16).contains(&code))
            && json["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty());
        let helps =
            |detail: &Value| detail["reason"].is_string() || detail["fieldViolations"].is_array();
        let details = json["details"]
            .as_array()
            .is_some_and(|details| details.iter().any(helps));
        // For these statuses, the status and the message say everything.
        if !tells || (!details && ![404, 405, 413, 415].contains(&status)) {
            self.add(what, &format!("gives no reason: {text}"));
        }
        if answer
            .headers
            .get("content-type")
            .is_none_or(|kind| kind != "application/json")
        {
            self.add(what, "is not called JSON");
        }
        self.hides_secrets(what, &text);
    }

    fn refused_over_grpc(&mut self, what: &str, answer: anyhow::Result<grpc::Answer>, code: u32) {
        match answer {
            Ok(answer) => {
                if answer.code != code || answer.message.is_empty() || !answer.body.is_empty() {
                    self.add(what, &format!("is not {code} with a reason: {answer:?}"));
                }
                self.hides_secrets(what, &answer.message);
            }
            Err(error) => self.add(what, &format!("has no answer: {error:#}")),
        }
    }

    fn hides_secrets(&mut self, what: &str, text: &str) {
        for secret in SECRETS {
            if text.contains(secret) {
                self.add(what, &format!("says {secret}: {text}"));
            }
        }
    }

    fn none(self) {
        assert!(self.0.is_empty(), "{}", self.0.join("\n"));
    }

    fn add(&mut self, what: &str, problem: &str) {
        self.0.push(format!(
            "{what} {}",
            problem.chars().take(500).collect::<String>()
        ));
    }
}
