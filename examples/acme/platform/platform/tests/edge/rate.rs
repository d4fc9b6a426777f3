//! Rate limits: how often a caller may call a method.

use std::time::{Duration, Instant};

use api_runtime::{Access, Method, Policy, RateLimit, Request, Response};
use axum::body::Body;
use futures_util::future::join_all;
use platform::Service;
use testkit::TestServer;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use uuid::Uuid;

use crate::contract::{Answer, call, module, over_grpc, over_http};

const SERVICE: Service = Service {
    name: "shop",
    version: "1.2.3",
    config: "",
    commands: None,
    wire: |_| Box::pin(async { Ok(module("shop.v1.ShopService", &METHODS, answer)) }),
};

const LIMIT: RateLimit = RateLimit {
    requests: 10,
    per: Duration::from_secs(3600),
};

const fn method(path: &'static str, access: Access, rate_limit: Option<RateLimit>) -> Method {
    Method {
        path,
        policy: Policy {
            rate_limit,
            ..Policy::new(access)
        },
        streams: false,
    }
}

static METHODS: [Method; 4] = [
    method(
        "/shop.v1.ShopService/Buy",
        Access::Authenticated,
        Some(LIMIT),
    ),
    method("/shop.v1.ShopService/Look", Access::Public, Some(LIMIT)),
    method("/shop.v1.ShopService/Stock", Access::Internal, Some(LIMIT)),
    method("/shop.v1.ShopService/Ask", Access::Public, None),
];
static BUY: &Method = &METHODS[0];
static LOOK: &Method = &METHODS[1];
static STOCK: &Method = &METHODS[2];
static ASK: &Method = &METHODS[3];

const RESOURCE_EXHAUSTED: u16 = 8;

async fn answer(_: Request) -> Response {
    Response::new(Body::from("done"))
}

/// Calls a method 100 times at once, over both transports and on the servers in turn. Returns how many calls were
/// granted. The others must have been refused.
async fn granted_of_100(
    servers: &[&TestServer],
    method: &'static Method,
    headers: &[(&'static str, &str)],
) -> usize {
    let calls = (0..50).map(|index| call(servers[index % servers.len()], method, headers));
    let answers = join_all(calls).await;
    let (granted, refused): (Vec<_>, Vec<_>) = answers
        .into_iter()
        .flatten()
        .partition(|answer| answer.text == "done");
    for refused in &refused {
        assert_eq!(refused.text, "RATE_LIMITED", "{refused:?}");
    }
    granted.len()
}

fn user(server: &TestServer, subject: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {}", server.token(subject)))
}

/// Settings for the test Redis. Its timeout is long, because it may be slow while tests run in parallel.
fn redis() -> [(&'static str, String); 2] {
    let url = std::env::var("REDIS_URL").expect("REDIS_URL names a Redis");
    [("cache.url", url), ("cache.timeout", "5s".to_owned())]
}

async fn start(settings: &[(&str, String)]) -> TestServer {
    let settings: Vec<_> = settings
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    TestServer::configured(&SERVICE, &settings).await
}

#[tokio::test]
async fn a_hundred_calls_at_once_are_counted_exactly() {
    let server = start(&[]).await;
    for subject in ["ada", "bob"] {
        let (name, token) = user(&server, subject);
        assert_eq!(granted_of_100(&[&server], BUY, &[(name, &token)]).await, 10);
    }
    assert_eq!(granted_of_100(&[&server], ASK, &[]).await, 100);
}

#[tokio::test]
#[ignore = "needs REDIS_URL"]
async fn replicas_count_together_on_a_redis() {
    let (one, other) = (start(&redis()).await, start(&redis()).await);
    // Each replica of the test signs with its own key; the subject is the same on both.
    let subject = Uuid::new_v4().to_string();
    let granted = async |server| {
        let (name, token) = user(server, &subject);
        granted_of_100(&[server], BUY, &[(name, &token)]).await
    };
    let (at_one, at_other) = tokio::join!(granted(&one), granted(&other));
    assert_eq!(at_one + at_other, 10, "{at_one} and {at_other}");
    let another = Uuid::new_v4().to_string();
    let (name, token) = user(&one, &another);
    let answer = over_http(&one, BUY, &[(name, &token)]).await;
    assert!(
        answer.header("ratelimit").unwrap().contains(";r=9;"),
        "{answer:?}"
    );
}

#[tokio::test]
#[ignore = "needs REDIS_URL"]
async fn a_redis_that_goes_away_costs_time_but_no_request() {
    let [(_, url), _] = redis();
    let (line, address) = line_to(&url).await;
    let settings = [
        ("cache.url", format!("redis://{address}")),
        ("cache.timeout", "1s".to_owned()),
    ];
    let (server, other) = (start(&settings).await, start(&redis()).await);
    let subject = Uuid::new_v4().to_string();
    let (name, token) = user(&server, &subject);
    let headers = [(name, token.as_str())];
    assert_eq!(granted_of_100(&[&server], BUY, &headers).await, 10);
    let (name, elsewhere) = user(&other, &subject);
    assert_eq!(
        granted_of_100(&[&other], BUY, &[(name, &elsewhere)]).await,
        0
    );

    drop(line);
    let since = Instant::now();
    // This process now counts on its own, from zero.
    assert_eq!(granted_of_100(&[&server], BUY, &headers).await, 10);
    assert!(
        since.elapsed() < Duration::from_secs(5),
        "{:?}",
        since.elapsed()
    );
}

#[tokio::test]
async fn a_redis_that_never_answers_is_waited_for_once_in_a_while() {
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("redis://{}", silent.local_addr().unwrap());
    let server = start(&[("cache.url", url)]).await;
    let (name, token) = user(&server, "ada");
    let since = Instant::now();
    for _ in 0..20 {
        over_http(&server, BUY, &[(name, &token)]).await;
    }
    // If all 20 calls waited for the timeout, the total would be 2 seconds.
    assert!(
        since.elapsed() < Duration::from_secs(1),
        "{:?}",
        since.elapsed()
    );
    assert_eq!(granted_of_100(&[&server], BUY, &[(name, &token)]).await, 0);
}

/// A TCP proxy to a server. Dropping it cuts the connections.
async fn line_to(url: &str) -> (JoinSet<()>, String) {
    let target = url
        .trim_start_matches("redis://")
        .trim_end_matches('/')
        .to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let mut line = JoinSet::new();
    line.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((mut client, _)) = listener.accept().await {
            let mut server = TcpStream::connect(&target).await.unwrap();
            connections.spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    (line, address)
}

#[tokio::test]
async fn a_caller_is_a_user_a_service_or_an_address() {
    let server = start(&[("http.proxies", "127.0.0.1/32".to_owned())]).await;
    let granted = async |method, headers: &[(&'static str, &str)]| {
        granted_of_100(&[&server], method, headers).await
    };
    for address in [
        "203.0.113.7",
        "203.0.113.8",
        "2001:db8::1",
        "2001:db8:0:1::1",
    ] {
        let forwarded = [("x-forwarded-for", address)];
        assert_eq!(granted(LOOK, &forwarded).await, 10, "{address}");
    }
    // Another address of the same customer.
    assert_eq!(
        granted(LOOK, &[("x-forwarded-for", "2001:db8::2")]).await,
        0
    );

    let (name, token) = user(&server, "ada");
    for service in ["till", "web"] {
        let proof = server.service_proof(service, "shop.v1.ShopService");
        let headers = [("service-authorization", proof.as_str()), (name, &token)];
        assert_eq!(granted(STOCK, &headers).await, 10, "{service}");
    }
    // A call with an invalid token counts for its address.
    let bad = [("authorization", "Bearer a.b.c")];
    let refused: Vec<Answer> = join_all((0..11).map(|_| over_http(&server, BUY, &bad))).await;
    let of = |status| {
        refused
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!((of(401), of(429)), (10, 1));
    assert_eq!(granted(BUY, &[(name, &token)]).await, 10);
}

#[tokio::test]
async fn a_caller_is_told_what_is_left_and_when_there_is_more() {
    let server = start(&[]).await;
    let policy = "\"shop.v1.ShopService/Buy\";q=10;w=3600";
    let (name, token) = user(&server, "ada");
    let headers = [(name, token.as_str())];
    let [http, grpc] = call(&server, BUY, &headers).await;
    for (answer, left) in [(&http, 9), (&grpc, 8)] {
        let told = format!("\"shop.v1.ShopService/Buy\";r={left};t=360");
        assert_eq!(answer.header("ratelimit"), Some(told.as_str()));
        assert_eq!(answer.header("ratelimit-policy"), Some(policy));
        assert_eq!(answer.header("retry-after"), None);
    }

    granted_of_100(&[&server], BUY, &headers).await;
    let http = over_http(&server, BUY, &headers).await;
    assert_eq!((http.status, http.text.as_str()), (429, "RATE_LIMITED"));
    let wait = http.header("retry-after").unwrap();
    assert!((300..=360).contains(&wait.parse().unwrap()), "{wait}");
    let told = format!("\"shop.v1.ShopService/Buy\";r=0;t={wait}");
    assert_eq!(http.header("ratelimit"), Some(told.as_str()));
    assert_eq!(http.header("ratelimit-policy"), Some(policy));

    let grpc = over_grpc(&server, BUY, &headers).await;
    assert_eq!(
        (grpc.status, grpc.text.as_str()),
        (RESOURCE_EXHAUSTED, "RATE_LIMITED")
    );
    assert!(grpc.header("ratelimit").unwrap().contains(";r=0;"));
    let status = tonic::Status::from_header_map(&grpc.headers).unwrap();
    let retry = tonic_types::StatusExt::get_details_retry_info(&status);
    let delay = retry.and_then(|retry| retry.retry_delay).unwrap();
    assert!((300..=360).contains(&delay.as_secs()), "{delay:?}");

    for unlimited in call(&server, ASK, &[]).await {
        assert_eq!(unlimited.header("ratelimit"), None);
    }
}

#[tokio::test]
async fn the_configuration_limits_what_the_contract_does_not() {
    let server = start(&[("limits.rate", "3/1h".to_owned())]).await;
    assert_eq!(granted_of_100(&[&server], ASK, &[]).await, 3);
    assert_eq!(granted_of_100(&[&server], LOOK, &[]).await, 10);
}
