//! Calls between services: contracts made by hand, real connections.

use std::convert::Infallible;

use api_runtime::{
    Access, Contract, Description, Endpoint, Method, Policy, Request, Response,
    rest::{Route, Segment, Template},
};
use axum::body::Body;
use http_body_util::BodyExt;
use platform::{Module, Platform, Service, auth, client};
use testkit::{Client, TestServer};
use tonic::metadata::MetadataMap;
use tower::ServiceExt;

/// Has an internal method, over both transports.
const STOCK: Service = Service {
    name: "stock",
    version: "1.2.3",
    config: "",
    wire: |_| {
        Box::pin(std::future::ready(Ok(module(
            "stock.v1.StockService",
            &TAKE,
            who,
        ))))
    },
};

/// Calls it, on behalf of whoever asks.
const TILL: Service = Service {
    name: "till",
    wire: |platform| Box::pin(till(platform)),
    config: "service: {stock: 'http://localhost:1'}",
    ..STOCK
};

const CONTRACT: &str = "stock.v1.StockService";
const PATH: &str = "/stock.v1.StockService/Take";

static TAKE: [Method; 1] = [Method {
    path: PATH,
    policy: Policy::new(Access::Internal),
    streams: false,
}];
static SELL: [Method; 1] = [Method {
    path: "/till.v1.TillService/Sell",
    policy: Policy::new(Access::Public),
    streams: false,
}];
static TEMPLATE: Template = Template {
    text: "/v1/call",
    segments: &[Segment::Literal("v1"), Segment::Literal("call")],
    verb: None,
    variables: &[],
};

/// A contract of one method over both transports.
fn module<F>(
    name: &'static str,
    methods: &'static [Method],
    answer: impl Fn(Request) -> F + Clone + Send + Sync + 'static,
) -> Module
where
    F: Future<Output = Result<Response, Infallible>> + Send + 'static,
{
    let description = Description {
        name,
        methods,
        descriptor_set: &[],
        openapi: "{}",
    };
    let route = Route {
        verb: "GET",
        template: &TEMPLATE,
        method: &methods[0],
        endpoint: Endpoint::new(tower::service_fn(answer.clone())),
    };
    let grpc = tower::service_fn(move |request: Request| {
        let answer = answer(request);
        async { Ok::<_, Infallible>(answer.await?.map(tonic::body::Body::new)) }
    });
    Module::new().contract(Contract::new(description, grpc, vec![route]))
}

/// Tells who calls, and for whom.
async fn who(request: Request) -> Result<Response, Infallible> {
    let request = tonic_request(request);
    let service = auth::service(&request).unwrap();
    let user = auth::caller(&request).map_or("nobody", |caller| &caller.subject);
    Ok(Response::new(Body::from(format!("{service} for {user}"))))
}

fn tonic_request(request: Request) -> tonic::Request<()> {
    let (parts, _) = request.into_parts();
    let metadata = MetadataMap::from_headers(parts.headers);
    tonic::Request::from_parts(metadata, parts.extensions, ())
}

#[derive(serde::Deserialize)]
struct Settings {
    stock: client::Address,
}

async fn till(platform: &Platform) -> Result<Module, platform::Error> {
    let settings: Settings = platform.settings()?;
    let stock = platform.connect(&settings.stock)?;
    Ok(module("till.v1.TillService", &SELL, move |request| {
        let stock = stock.clone();
        async move {
            let call = client::forward(&tonic_request(request), ());
            let mut request = http::Request::post(format!("http://stock{PATH}"))
                .header("content-type", "application/grpc")
                .body(tonic::body::Body::empty())
                .unwrap();
            request
                .headers_mut()
                .extend(call.metadata().clone().into_headers());
            let answer = stock.oneshot(request).await.unwrap();
            Ok(answer.map(Body::new))
        }
    }))
}

/// Calls the internal method; answers with the reason of the refusal or what was said, over HTTP and over gRPC.
async fn take(server: &TestServer, headers: &[(&'static str, &str)]) -> [(u16, String); 2] {
    let with = |client: Client, (name, value): &(&'static str, &str)| {
        client.with_header(http::HeaderName::from_static(name), value)
    };
    let http = headers.iter().fold(server.anonymous(), with);
    let http = http.get("/v1/call").await;
    let said = match http.json["details"][0]["reason"].as_str() {
        Some(reason) => reason.to_owned(),
        None => http.text,
    };

    let mut request = http::Request::post(PATH).header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(tonic::body::Body::empty()).unwrap();
    let (parts, body) = server
        .channel()
        .oneshot(request)
        .await
        .unwrap()
        .into_parts();
    let code = tonic::Status::from_header_map(&parts.headers);
    let code = code.map_or(0, |status| i32::from(status.code()) as u16);
    let body = body.collect().await.unwrap().to_bytes();
    let rpc = String::from_utf8_lossy(&body).into_owned();
    [(http.status, said), (code, rpc)]
}

const UNAUTHENTICATED: u16 = 16;
const PERMISSION_DENIED: u16 = 7;

#[tokio::test]
async fn an_internal_method_is_for_services_with_a_proof() {
    let server = TestServer::start(&STOCK).await;
    let user = format!("Bearer {}", server.token("ada"));
    let proof = server.service_proof("till", CONTRACT);
    let name = "service-authorization";

    let called = take(&server, &[(name, &proof)]).await;
    assert_eq!(
        called,
        [200, 0].map(|code| (code, "till for nobody".into()))
    );
    let called = take(&server, &[(name, &proof), ("authorization", &user)]).await;
    assert_eq!(called, [200, 0].map(|code| (code, "till for ada".into())));

    let refused = [
        (vec![], 401, UNAUTHENTICATED, "SERVICE_PROOF_MISSING"),
        (
            vec![("authorization", user.as_str())],
            403,
            PERMISSION_DENIED,
            "SERVICE_PROOF_MISSING",
        ),
        (
            vec![(name, user.as_str())],
            401,
            UNAUTHENTICATED,
            "SERVICE_PROOF_INVALID",
        ),
        // A proof is no token of a user, and a forged token is not made up for by a proof.
        (
            vec![("authorization", proof.as_str())],
            401,
            UNAUTHENTICATED,
            "TOKEN_INVALID",
        ),
        (
            vec![(name, proof.as_str()), ("authorization", "Bearer a.b.c")],
            401,
            UNAUTHENTICATED,
            "TOKEN_INVALID",
        ),
    ];
    for (headers, http, rpc, reason) in refused {
        let [over_http, over_grpc] = take(&server, &headers).await;
        assert_eq!(over_http, (http, reason.to_owned()));
        assert_eq!(over_grpc.0, rpc, "{reason}");
    }

    let other = server.service_proof("till", "orders.v1.OrdersService");
    let [over_http, over_grpc] = take(&server, &[(name, &other)]).await;
    assert_eq!(over_http, (401, "SERVICE_PROOF_INVALID".to_owned()));
    assert_eq!(over_grpc.0, UNAUTHENTICATED);
}

#[tokio::test]
async fn a_service_proves_to_another_that_it_calls_and_for_whom() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().display().to_string();
    let stock = TestServer::configured(&STOCK, &[("auth.services.keys", &keys)]).await;
    let address = format!("http://{}", stock.grpc());
    let settings = [
        ("auth.services.keys", keys.as_str()),
        ("service.stock", &address),
    ];
    let till = TestServer::configured(&TILL, &settings).await;

    assert_eq!(
        till.anonymous().get("/v1/call").await.text,
        "till for nobody"
    );
    let ada = till.with_token(&stock.token("ada"));
    assert_eq!(ada.get("/v1/call").await.text, "till for ada");
    assert!(folder.path().join("till.pub.pem").exists());
}

#[tokio::test]
async fn a_double_sees_which_service_calls() {
    let double = testkit::Double::new()
        .method(PATH, |(): ()| Ok(()))
        .start()
        .await;
    let till = TestServer::configured(&TILL, &[("service.stock", &double.address())]).await;
    till.anonymous().get("/v1/call").await;
    let call = &double.calls()[0];
    assert_eq!(till.proven_service(call, CONTRACT).as_deref(), Some("till"));
    assert_eq!(till.proven_service(call, "orders.v1.OrdersService"), None);
}
