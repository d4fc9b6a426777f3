//! Calls between services.

use api_runtime::{Access, Method, Policy, Request, Response};
use axum::body::Body;
use platform::{Module, Platform, Service, auth, client};
use testkit::TestServer;
use tonic::metadata::MetadataMap;
use tower::ServiceExt;

use crate::contract::{call, module};

/// A service with an internal method, over both transports.
const STOCK: Service = Service {
    name: "stock",
    version: "1.2.3",
    config: "",
    commands: None,
    wire: |_| {
        Box::pin(std::future::ready(Ok(module(
            "stock.v1.StockService",
            &TAKE,
            who,
        ))))
    },
};

/// A service that calls the internal method on behalf of its caller.
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
/// Returns the calling service and the user.
async fn who(request: Request) -> Response {
    let request = tonic_request(request);
    let service = auth::service(&request).unwrap();
    let user = auth::caller(&request).map_or("nobody", |caller| &caller.subject);
    Response::new(Body::from(format!("{service} for {user}")))
}

fn tonic_request(request: Request) -> tonic::Request<()> {
    let (parts, _) = request.into_parts();
    let metadata = MetadataMap::from_headers(parts.headers);
    tonic::Request::from_parts(metadata, parts.extensions, ())
}

platform::section! {
    struct Settings {
        stock: client::Address,
    }
}

async fn till(platform: &Platform) -> Result<Module, platform::StartError> {
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
            answer.map(Body::new)
        }
    }))
}

const UNAUTHENTICATED: u16 = 16;
const PERMISSION_DENIED: u16 = 7;

#[tokio::test]
async fn an_internal_method_is_for_services_with_a_proof() {
    let server = TestServer::start(&STOCK).await;
    let user = format!("Bearer {}", server.token("ada"));
    let proof = server.service_proof("till", CONTRACT);
    let name = "service-authorization";

    let said = async |headers: &[(&'static str, &str)]| {
        let [http, grpc] = call(&server, &TAKE[0], headers).await;
        assert_eq!((http.status, grpc.status), (200, 0));
        assert_eq!(http.text, grpc.text);
        http.text
    };
    assert_eq!(said(&[(name, &proof)]).await, "till for nobody");
    let both = [(name, proof.as_str()), ("authorization", &user)];
    assert_eq!(said(&both).await, "till for ada");

    let other = server.service_proof("till", "orders.v1.OrdersService");
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
        (
            vec![(name, other.as_str())],
            401,
            UNAUTHENTICATED,
            "SERVICE_PROOF_INVALID",
        ),
        // A proof is not a user's token, and it does not make a forged token valid.
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
    for (headers, status, code, reason) in refused {
        let [http, grpc] = call(&server, &TAKE[0], &headers).await;
        assert_eq!((http.status, http.text.as_str()), (status, reason));
        assert_eq!((grpc.status, grpc.text.as_str()), (code, reason));
    }
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
        till.anonymous().get("/v1/Sell").await.text,
        "till for nobody"
    );
    let ada = till.with_token(&stock.token("ada"));
    assert_eq!(ada.get("/v1/Sell").await.text, "till for ada");
    assert!(folder.path().join("till.pub.pem").exists());
}

#[tokio::test]
async fn a_double_sees_which_service_calls() {
    let double = testkit::Double::new()
        .method(PATH, |(): ()| Ok(()))
        .start()
        .await;
    let till = TestServer::configured(&TILL, &[("service.stock", &double.address())]).await;
    till.anonymous().get("/v1/Sell").await;
    let call = &double.calls()[0];
    assert_eq!(till.proven_service(call, CONTRACT).as_deref(), Some("till"));
    assert_eq!(till.proven_service(call, "orders.v1.OrdersService"), None);
}
