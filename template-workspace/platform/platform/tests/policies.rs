//! What a policy demands, over both transports: a contract made by hand with a different policy for each method.

use std::{convert::Infallible, time::Duration};

use api_runtime::{
    Access, Contract, Description, Endpoint, Method, Policy, RateLimit, Request, Response,
    Transport,
    error::status_response,
    rest::{Route, Segment, Template},
};
use axum::body::Body;
use http::uri::PathAndQuery;
use platform::{
    Module, Service,
    auth::{self, Caller},
};
use serde_json::json;
use testkit::{TestServer, assert_policy};
use tonic::{Code, Status, client::Grpc};
use tonic_prost::ProstCodec;

const SERVICE: Service = Service {
    name: "desk",
    version: "1.0.0",
    config: "",
    commands: None,
    wire: |_| Box::pin(async { Ok(desk(&METHODS)) }),
};

const OWNED: Policy = Policy {
    owner: Some("owner_id"),
    ..Policy::new(Access::Authenticated)
};

static METHODS: [Method; 10] = [
    method("/desk.v1.DeskService/Open", Policy::new(Access::Public)),
    method(
        "/desk.v1.DeskService/Read",
        Policy::new(Access::Authenticated),
    ),
    method(
        "/desk.v1.DeskService/Manage",
        Policy {
            any_role: &["admin", "auditor"],
            ..Policy::new(Access::Authenticated)
        },
    ),
    method(
        "/desk.v1.DeskService/Export",
        Policy {
            any_role: &["admin"],
            all_scopes: &["desk.read", "desk.export"],
            ..Policy::new(Access::Authenticated)
        },
    ),
    method("/desk.v1.DeskService/Own", OWNED),
    method("/desk.v1.DeskService/Forget", OWNED),
    method("/desk.v1.DeskService/Miss", OWNED),
    method("/desk.v1.DeskService/Sync", Policy::new(Access::Internal)),
    method(
        "/desk.v1.DeskService/Ring",
        Policy {
            rate_limit: Some(RateLimit {
                requests: 1,
                per: Duration::from_secs(60),
            }),
            ..Policy::new(Access::Authenticated)
        },
    ),
    Method {
        streams: true,
        ..method(
            "/desk.v1.DeskService/Watch",
            Policy::new(Access::Authenticated),
        )
    },
];
static TEMPLATES: [Template; 10] = [
    template("/open", &[Segment::Literal("open")]),
    template("/read/*", &[Segment::Literal("read"), Segment::One]),
    template("/manage", &[Segment::Literal("manage")]),
    template("/export/**", &[Segment::Literal("export"), Segment::Rest]),
    template("/own", &[Segment::Literal("own")]),
    template("/forget", &[Segment::Literal("forget")]),
    template("/miss", &[Segment::Literal("miss")]),
    template("/sync", &[Segment::Literal("sync")]),
    template("/ring", &[Segment::Literal("ring")]),
    template("/watch", &[Segment::Literal("watch")]),
];

const fn method(path: &'static str, policy: Policy) -> Method {
    Method {
        path,
        policy,
        streams: false,
    }
}

const fn template(text: &'static str, segments: &'static [Segment]) -> Template {
    Template {
        text,
        segments,
        verb: None,
        variables: &[],
    }
}

/// A module with routes for these methods.
fn desk(methods: &'static [Method]) -> Module {
    let routes = methods.iter().zip(&TEMPLATES);
    let routes = routes.map(|(method, template)| Route {
        verb: "POST",
        template,
        method,
        endpoint: Endpoint::new(tower::service_fn(|request| {
            answer(request, Transport::Http)
        })),
    });
    let description = Description {
        name: "desk.v1.DeskService",
        methods: &METHODS,
        descriptor_set: &[],
        openapi: "{}",
    };
    let grpc = tower::service_fn(async |request| {
        let response = answer(request, Transport::Grpc).await?;
        Ok::<_, Infallible>(response.map(tonic::body::Body::new))
    });
    Module::new().contract(Contract::new(
        description,
        move |_| grpc,
        routes.collect::<Vec<_>>(),
    ))
}

/// Of the methods with an owner, only `Own` asks for it. `Open` asks for an owner and has none.
async fn answer(request: Request, transport: Transport) -> Result<Response, Infallible> {
    let path = request.uri().path().to_lowercase();
    let request = tonic::Request::from_http(request);
    let answer = match path.rsplit('/').next() {
        Some("own" | "open") => auth::owner(&request).map(|owner| owner.to_string()),
        Some("miss") => Err(Status::not_found("there is none")),
        _ => Ok(String::new()),
    };
    Ok(match answer {
        Ok(owner) if transport == Transport::Http => Response::new(Body::from(owner)),
        // An empty message in a gRPC frame.
        Ok(_) => Response::new(Body::from(vec![0; 5])),
        Err(status) => status_response(status, transport),
    })
}

async fn call(server: &TestServer, path: &'static str) -> Code {
    let mut client = Grpc::new(server.channel());
    client.ready().await.unwrap();
    let codec = ProstCodec::<(), ()>::default();
    let path = PathAndQuery::from_static(path);
    let answer = client
        .server_streaming(server.authorize(()), path, codec)
        .await;
    answer.map_or_else(|status| status.code(), |_| Code::Ok)
}

#[tokio::test]
async fn every_method_demands_what_its_policy_says() {
    assert_policy(&SERVICE).await;
}

#[tokio::test]
#[should_panic(expected = "POST /read/*, called without a token: LetIn instead of Unknown")]
async fn a_method_that_lets_everyone_in_is_found() {
    static LAX: [Method; 2] = [
        method("/desk.v1.DeskService/Open", Policy::new(Access::Public)),
        method("/desk.v1.DeskService/Read", Policy::new(Access::Public)),
    ];
    let lax = Service {
        wire: |_| Box::pin(async { Ok(desk(&LAX)) }),
        ..SERVICE
    };
    assert_policy(&lax).await;
}

#[tokio::test]
#[should_panic(expected = "Denied instead of LetIn")]
async fn a_method_that_keeps_fitting_callers_out_is_found() {
    static STRICT: [Method; 2] = [
        method("/desk.v1.DeskService/Open", Policy::new(Access::Public)),
        method(
            "/desk.v1.DeskService/Read",
            Policy {
                any_role: &["admin"],
                ..Policy::new(Access::Authenticated)
            },
        ),
    ];
    let strict = Service {
        wire: |_| Box::pin(async { Ok(desk(&STRICT)) }),
        ..SERVICE
    };
    assert_policy(&strict).await;
}

#[tokio::test]
async fn what_a_caller_lacks_is_told() {
    let server = TestServer::start(&SERVICE).await;
    let somebody = server.with_token(&server.sign(&Caller::new("ada")));
    let refused = somebody.post("/manage", json!({})).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json["details"][0]["reason"], "ROLE_MISSING");
    let admin = Caller {
        roles: ["admin".to_owned()].into(),
        ..Caller::new("ada")
    };
    let admin = server.with_token(&server.sign(&admin));
    let refused = admin.post("/export/all", json!({})).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json["details"][0]["reason"], "SCOPE_MISSING");
}

#[tokio::test]
async fn the_owner_is_the_caller() {
    let server = TestServer::start(&SERVICE).await;
    let ada = server.with_token(&server.token("ada"));
    let answer = ada.post("/own", json!({})).await;
    assert_eq!((answer.status, answer.text.as_str()), (200, "ada"));
    assert_eq!(call(&server, "/desk.v1.DeskService/Own").await, Code::Ok);
}

#[tokio::test]
async fn a_method_that_forgets_its_owner_never_succeeds() {
    let server = TestServer::start(&SERVICE).await;
    let forgot = server.post("/forget", json!({})).await;
    assert_eq!(forgot.status, 500);
    assert_eq!(forgot.json["details"][0]["reason"], "INTERNAL");
    let code = call(&server, "/desk.v1.DeskService/Forget").await;
    assert_eq!(code, Code::Internal);

    // An error shows and changes nothing, so it may be returned before the owner is asked for.
    assert_eq!(server.post("/miss", json!({})).await.status, 404);
    let code = call(&server, "/desk.v1.DeskService/Miss").await;
    assert_eq!(code, Code::NotFound);
}

#[tokio::test]
async fn a_method_that_asks_for_an_owner_whom_its_policy_does_not_name_fails() {
    let server = TestServer::start(&SERVICE).await;
    assert_eq!(server.post("/open", json!({})).await.status, 500);
    let code = call(&server, "/desk.v1.DeskService/Open").await;
    assert_eq!(code, Code::Internal);
}
