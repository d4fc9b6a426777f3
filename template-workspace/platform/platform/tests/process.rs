//! A whole process as its clients and its operators see it: a contract made by hand, real connections.

use std::{convert::Infallible, time::Duration};

use api_runtime::{
    Access, Contract, Description, Endpoint, Method, Policy, Request, Response, Transport,
    error::status_response,
    rest::{Route, Segment, Template},
};
use axum::body::Body;
use futures_util::stream;
use http::{HeaderMap, HeaderName};
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use platform::{Application, Module, Platform, Service, Sources, auth, context};
use testkit::TestServer;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tonic::Status;
use tower::ServiceExt;

const SERVICE: Service = Service {
    name: "shop",
    version: "1.2.3",
    config: "",
    wire: |platform| Box::pin(wire(platform)),
    commands: None,
};

static METHODS: [Method; 3] = [
    Method {
        path: "/shop.v1.ShopService/Ask",
        policy: Policy::new(Access::Public),
        streams: false,
    },
    Method {
        path: "/shop.v1.ShopService/WhoAmI",
        policy: Policy::new(Access::Authenticated),
        streams: false,
    },
    Method {
        path: "/shop.v1.ShopService/Listen",
        policy: Policy::new(Access::Public),
        streams: true,
    },
];
static ASK: Template = Template {
    text: "/v1/{question}",
    segments: &[Segment::Literal("v1"), Segment::One],
    verb: None,
    variables: &[],
};
static ME: Template = Template {
    text: "/me",
    segments: &[Segment::Literal("me")],
    verb: None,
    variables: &[],
};

static LISTEN: Template = Template {
    text: "/listen",
    segments: &[Segment::Literal("listen")],
    verb: None,
    variables: &[],
};

async fn wire(_: &Platform) -> Result<Module, platform::StartError> {
    let endpoint = || Endpoint::new(tower::service_fn(answer));
    let routes = vec![
        Route {
            verb: "GET",
            template: &ASK,
            method: &METHODS[0],
            endpoint: endpoint(),
        },
        Route {
            verb: "POST",
            template: &ASK,
            method: &METHODS[0],
            endpoint: endpoint(),
        },
        Route {
            verb: "GET",
            template: &ME,
            method: &METHODS[1],
            endpoint: endpoint(),
        },
        Route {
            verb: "GET",
            template: &LISTEN,
            method: &METHODS[2],
            endpoint: endpoint(),
        },
    ];
    let description = Description {
        name: "shop.v1.ShopService",
        methods: &METHODS,
        descriptor_set: &[],
        openapi: "{}",
    };
    let grpc = tower::service_fn(async |request: Request| {
        let response = answer(request).await?;
        Ok::<_, Infallible>(response.map(tonic::body::Body::new))
    });
    Ok(Module::new().contract(Contract::new(description, move |_| grpc, routes)))
}

async fn answer(request: Request) -> Result<Response, Infallible> {
    let caller = request
        .extensions()
        .get::<auth::Caller>()
        .map(|caller| caller.subject.clone());
    Ok(match request.uri().path() {
        "/v1/slow" => {
            sleep(Duration::from_millis(300)).await;
            Response::new(Body::from("slow"))
        }
        "/v1/never" => std::future::pending().await,
        "/v1/panic" => panic!("the secret is 42"),
        "/v1/body" => match request.into_body().collect().await {
            Ok(body) => Response::new(Body::from(body.to_bytes().len().to_string())),
            Err(error) => status_response(Status::internal(error.to_string()), Transport::Http),
        },
        "/v1/client" | "/shop.v1.ShopService/Ask" => {
            let client = context::current().and_then(|context| context.client());
            Response::new(Body::from(client.unwrap().to_string()))
        }
        "/listen" => {
            let status = [("grpc-status", "13")];
            let end =
                status.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
            let frames = [
                Frame::data("said".into()),
                Frame::trailers(HeaderMap::from_iter(end)),
            ];
            Response::new(Body::new(StreamBody::new(stream::iter(
                frames.map(Ok::<_, Infallible>),
            ))))
        }
        _ => Response::new(Body::from(caller.unwrap_or_default().to_string())),
    })
}

/// Calls a method over gRPC. Returns the headers, and the body and trailers as text.
async fn rpc(server: &TestServer, path: &str, headers: &[(&str, &str)]) -> (HeaderMap, String) {
    let mut request = http::Request::post(path);
    for (name, value) in [("content-type", "application/grpc"), ("te", "trailers")]
        .iter()
        .chain(headers)
    {
        request = request.header(*name, *value);
    }
    let request = request.body(tonic::body::Body::empty()).unwrap();
    let (parts, body) = server
        .channel()
        .oneshot(request)
        .await
        .unwrap()
        .into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.headers, String::from_utf8_lossy(&body).into_owned())
}

async fn start(settings: &[(&str, &str)]) -> TestServer {
    TestServer::configured(&SERVICE, settings).await
}

/// Sends these bytes and reads until the server closes the connection.
async fn raw(server: &TestServer, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(server.http()).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(10), stream.read_to_end(&mut answer))
        .await
        .expect("the server ends it");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn a_request_id_is_kept_or_made_and_always_told() {
    let server = start(&[]).await;
    for path in ["/v1/x", "/me", "/nowhere", "/readyz"] {
        let made = server.anonymous().get(path).await;
        assert_eq!(made.headers["x-request-id"].len(), 32, "{path}");
    }
    let kept = raw(
        &server,
        b"GET /v1/x HTTP/1.1\r\nhost: x\r\nconnection: close\r\nx-request-id: order-7\r\n\r\n",
    )
    .await;
    assert!(kept.contains("x-request-id: order-7\r\n"), "{kept}");
}

#[tokio::test]
async fn a_method_asks_for_a_token_unless_its_contract_says_public() {
    let server = start(&[]).await;
    assert_eq!(server.anonymous().get("/v1/x").await.status, 200);
    let refused = server.anonymous().get("/me").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers["www-authenticate"], "Bearer");
    assert_eq!(refused.json["details"][0]["reason"], "TOKEN_MISSING");
    assert_eq!(
        server
            .with_token(&server.token("ada"))
            .get("/me")
            .await
            .text,
        "ada"
    );
    assert_eq!(
        server.with_token("a.b.c").get("/me").await.json["details"][0]["reason"],
        "TOKEN_INVALID"
    );
}

#[tokio::test]
async fn a_panic_is_an_internal_error_without_its_cause() {
    let server = start(&[]).await;
    let panicked = server.get("/v1/panic").await;
    assert_eq!(panicked.status, 500);
    assert_eq!(panicked.json["code"], 13);
    assert!(!panicked.text.contains("42"), "{}", panicked.text);
    assert_eq!(server.get("/v1/x").await.status, 200);
}

#[tokio::test]
async fn what_takes_too_long_is_answered_in_time() {
    let server = start(&[("limits.timeout", "50ms")]).await;
    let late = server.get("/v1/never").await;
    assert_eq!(
        (late.status, &late.json["details"][0]["reason"]),
        (504, &"TIMEOUT".into())
    );
}

#[tokio::test]
async fn a_request_too_many_is_refused_at_once() {
    let server = start(&[("limits.concurrency", "1")]).await;
    let (first, second) = tokio::join!(server.get("/v1/slow"), async {
        sleep(Duration::from_millis(100)).await;
        server.get("/v1/x").await
    });
    assert_eq!((first.status, second.status), (200, 503));
    assert_eq!(second.json["details"][0]["reason"], "OVERLOADED");
    assert_eq!(server.get("/v1/x").await.status, 200);
}

#[tokio::test]
async fn a_body_may_not_be_larger_than_the_limit() {
    let server = start(&[("limits.body", "10")]).await;
    assert_eq!(server.post("/v1/body", "12345678".into()).await.text, "10");
    let refused = server.post("/v1/body", "123456789".into()).await;
    assert_eq!(
        (refused.status, &refused.json["details"][0]["reason"]),
        (413, &"BODY_TOO_LARGE".into())
    );
    let chunked = b"POST /v1/body HTTP/1.1\r\nhost: x\r\nconnection: close\r\ntransfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n";
    assert!(
        raw(&server, chunked)
            .await
            .contains("length limit exceeded")
    );
}

#[tokio::test]
async fn headers_may_not_be_larger_than_the_limit() {
    let server = start(&[("limits.header", "8192")]).await;
    let large = format!(
        "GET /v1/x HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n",
        "a".repeat(9000)
    );
    assert!(
        raw(&server, large.as_bytes())
            .await
            .starts_with("HTTP/1.1 431 ")
    );
}

#[tokio::test]
async fn a_client_that_says_nothing_or_only_a_little_is_left() {
    let server = start(&[("limits.header_read_timeout", "100ms")]).await;
    for start in [
        &b""[..],
        b"P",
        b"PRI * HTTP/2.0\r\n",
        b"GET /v1/x HTTP/1.1\r\nhost",
    ] {
        let since = Instant::now();
        raw(&server, start).await;
        assert!(since.elapsed() < Duration::from_secs(5), "{start:?}");
    }
}

#[tokio::test]
async fn requests_are_counted_by_method_transport_and_code() {
    let server = start(&[]).await;
    server.anonymous().get("/me").await;
    let metrics = server.get("/metrics").await.text;
    let line = "rpc_requests_total{rpc=\"shop.v1.ShopService/WhoAmI\",transport=\"http\",code=\"UNAUTHENTICATED\"}";
    assert!(metrics.contains(line), "{metrics}");
    assert!(metrics.contains(
        "rpc_duration_seconds_bucket{rpc=\"shop.v1.ShopService/WhoAmI\",transport=\"http\",le="
    ));
}

#[tokio::test]
async fn a_request_that_no_method_answers_counts_and_its_path_does_not() {
    let server = start(&[]).await;
    assert_eq!(server.get("/v1/made/up/4711").await.status, 404);
    assert_eq!(server.delete("/v1/x").await.status, 405);
    let metrics = server.anonymous().get("/metrics").await.text;
    for reason in ["path", "verb"] {
        let line = format!("unmatched_requests_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&line), "{metrics}");
    }
    assert!(!metrics.contains("4711"), "{metrics}");
}

#[tokio::test]
async fn a_stream_counts_as_what_it_ends_with() {
    let server = start(&[]).await;
    let listened = server.get("/listen").await;
    assert_eq!((listened.status, listened.text.as_str()), (200, "said"));
    let metrics = server.get("/metrics").await.text;
    let line = "rpc_requests_total{rpc=\"shop.v1.ShopService/Listen\",transport=\"http\",code=\"INTERNAL\"} 1";
    assert!(metrics.contains(line), "{metrics}");
}

#[tokio::test]
async fn a_request_received_before_the_stop_is_answered_and_no_other() {
    let server = start(&[]).await;
    let (http, client) = (server.http(), server.anonymous());
    let slow = tokio::spawn(async move { client.get("/v1/slow").await });
    sleep(Duration::from_millis(100)).await;
    server.stop().await;
    let answered = slow.await.unwrap();
    assert_eq!((answered.status, answered.text.as_str()), (200, "slow"));
    assert!(TcpStream::connect(http).await.is_err());
}

#[tokio::test]
async fn the_stop_ends_in_time_whatever_a_request_does() {
    let server = start(&[("shutdown.timeout", "300ms")]).await;
    let client = server.anonymous();
    let never = tokio::spawn(async move { client.get("/v1/never").await });
    sleep(Duration::from_millis(100)).await;
    let since = Instant::now();
    server.stop().await;
    assert!(since.elapsed() < Duration::from_secs(2));
    never.abort();
}

#[tokio::test]
async fn a_peer_that_answers_nothing_does_not_hold_the_stop_up() {
    // The preface of HTTP/2 and an empty SETTINGS frame (RFC 9113, section 3.4), and nothing more.
    const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    let server = start(&[("shutdown.timeout", "30s")]).await;
    let mut peer = TcpStream::connect(server.http()).await.unwrap();
    peer.write_all(HELLO).await.unwrap();
    let mut answer = [0; 9];
    peer.read_exact(&mut answer).await.unwrap();
    let since = Instant::now();
    server.stop().await;
    assert!(since.elapsed() < Duration::from_secs(10));
}

#[tokio::test]
async fn one_listener_serves_both_transports() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port()
        .to_string();
    let server = start(&[("http.port", &port), ("grpc.port", &port)]).await;
    assert_eq!(server.http(), server.grpc());
    assert_eq!(server.get("/v1/x").await.status, 200);
    let mut health = tonic_health::pb::health_client::HealthClient::new(server.channel());
    let request = tonic_health::pb::HealthCheckRequest {
        service: "shop.v1.ShopService".to_owned(),
    };
    assert_eq!(health.check(request).await.unwrap().into_inner().status, 1);
}

#[tokio::test]
async fn who_watches_the_health_is_told_of_the_stop() {
    let server = start(&[]).await;
    let mut health = tonic_health::pb::health_client::HealthClient::new(server.channel());
    let mut watch = health
        .watch(tonic_health::pb::HealthCheckRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(watch.message().await.unwrap().unwrap().status, 1);
    server.stop().await;
    assert_eq!(
        watch.message().await.unwrap().map(|health| health.status),
        Some(2)
    );
    assert!(matches!(watch.message().await, Ok(None) | Err(_)));
}

#[tokio::test]
async fn a_port_in_use_is_told_in_one_sentence() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let sources = Sources::settings([("http.port", port.as_str()), ("grpc.port", "0")]);
    let error = Application::assemble(&SERVICE, &[], &sources)
        .await
        .unwrap()
        .start()
        .await
        .err()
        .unwrap();
    let expected = format!(
        "cannot serve HTTP on 127.0.0.1:{port}: the port is in use; set another one or stop the process that has it"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn mistakes_of_all_services_in_a_process_are_reported_together() {
    const MOUNTED: Service = Service {
        name: "user-profile",
        config: "database: {url: x}",
        ..SERVICE
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("shop.yaml");
    std::fs::write(
        &file,
        "http: {port: x}\nmounted: {user-profile: {service: {a: 1}}, nobody: {}}",
    )
    .unwrap();
    let variable = (
        "variable".to_owned(),
        "USER_PROFILE__LOG__FORMAT".to_owned(),
        "xml".to_owned(),
    );
    let sources = Sources {
        file: Some(file),
        variables: vec![variable],
        ..Sources::default()
    };

    let error = Application::assemble(&SERVICE, &[&MOUNTED], &sources)
        .await
        .err()
        .unwrap();
    let platform::StartError::Config(error) = error else {
        panic!("{error}")
    };
    let keys: Vec<_> = error
        .problems
        .iter()
        .map(|problem| problem.key.as_str())
        .collect();
    assert_eq!(
        keys,
        [
            "database.url",
            "log.format",
            "service.a",
            "http.port",
            "mounted"
        ]
    );
}

#[tokio::test]
async fn a_client_is_who_connects_or_who_a_trusted_proxy_speaks_for() {
    const SPOOFED: &str = "x-forwarded-for: 192.0.2.66, 203.0.113.7\r\n";
    let ask = async |server: &TestServer, header: &str| {
        let request =
            format!("GET /v1/client HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{header}\r\n");
        let answer = raw(server, request.as_bytes()).await;
        answer.rsplit("\r\n").next().unwrap().to_owned()
    };
    let ask_rpc = async |server: &TestServer| {
        let headers = [("x-forwarded-for", "192.0.2.66, 203.0.113.7")];
        rpc(server, "/shop.v1.ShopService/Ask", &headers).await.1
    };

    let alone = start(&[]).await;
    assert_eq!(ask(&alone, "").await, "127.0.0.1");
    assert_eq!(ask(&alone, SPOOFED).await, "127.0.0.1");
    assert_eq!(
        ask(&alone, "forwarded: for=192.0.2.66\r\n").await,
        "127.0.0.1"
    );
    assert_eq!(ask_rpc(&alone).await, "127.0.0.1");

    let behind = start(&[("http.proxies", "127.0.0.0/8, ::1/128")]).await;
    assert_eq!(ask(&behind, "").await, "127.0.0.1");
    assert_eq!(ask(&behind, SPOOFED).await, "203.0.113.7");
    assert_eq!(ask_rpc(&behind).await, "203.0.113.7");
}
