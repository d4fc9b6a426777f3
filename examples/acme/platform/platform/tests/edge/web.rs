//! What browsers and attackers can see.

use api_runtime::{Access, Method, Policy, Request, Response};
use axum::body::Body;
use http::{HeaderName, Method as Verb};
use platform::{Service, auth::Caller};
use testkit::TestServer;

use crate::contract::{call, module, over_grpc, over_http};

const SERVICE: Service = Service {
    name: "shop",
    version: "1.2.3",
    config: "",
    commands: None,
    wire: |_| Box::pin(async { Ok(module("shop.v1.ShopService", &METHODS, answer)) }),
};

static METHODS: [Method; 3] = [
    Method {
        path: "/shop.v1.ShopService/Look",
        policy: Policy::new(Access::Public),
        streams: false,
    },
    Method {
        path: "/shop.v1.ShopService/Buy",
        policy: Policy {
            all_scopes: &["shop.read", "shop.buy"],
            ..Policy::new(Access::Authenticated)
        },
        streams: false,
    },
    Method {
        path: "/shop.v1.ShopService/Close",
        policy: Policy {
            any_role: &["owner"],
            ..Policy::new(Access::Authenticated)
        },
        streams: false,
    },
];
static LOOK: &Method = &METHODS[0];
static BUY: &Method = &METHODS[1];
static CLOSE: &Method = &METHODS[2];

async fn answer(_: Request) -> Response {
    Response::new(Body::from("done"))
}

const SITE: &str = "https://app.example.com";
const ORIGIN: HeaderName = HeaderName::from_static("origin");
const ASKED: HeaderName = HeaderName::from_static("access-control-request-method");

#[tokio::test]
async fn no_site_may_call_unless_it_is_named() {
    let closed = TestServer::start(&SERVICE).await;
    let named = [("http.cors.origins", SITE)];
    let open = TestServer::configured(&SERVICE, &named).await;
    let allowed = async |server: &TestServer, origin: &str| {
        let client = server.anonymous().with_header(ORIGIN, origin);
        let answer = client.get("/v1/Look").await;
        let asked = client.with_header(ASKED, "POST");
        let preflight = asked.send(Verb::OPTIONS, "/v1/Look", None).await;
        let name = "access-control-allow-origin";
        let [allowed, at_first] = [&answer, &preflight].map(|answer| answer.headers.get(name));
        assert_eq!(allowed, at_first);
        assert_eq!(answer.status, 200);
        allowed.cloned()
    };
    assert_eq!(allowed(&closed, SITE).await, None);
    assert_eq!(allowed(&open, SITE).await.unwrap(), SITE);
    for stranger in ["https://evil.example.com", "http://app.example.com", "null"] {
        assert_eq!(allowed(&open, stranger).await, None, "{stranger}");
    }
    let all = TestServer::configured(&SERVICE, &[("http.cors.origins", "*")]).await;
    assert_eq!(allowed(&all, SITE).await.unwrap(), "*");
}

#[tokio::test]
async fn a_named_site_may_send_a_token_and_see_why_it_is_refused() {
    let server = TestServer::configured(&SERVICE, &[("http.cors.origins", SITE)]).await;
    let client = server.anonymous().with_header(ORIGIN, SITE);
    let asked = client.clone().with_header(ASKED, "PATCH");
    let preflight = asked.send(Verb::OPTIONS, "/v1/Buy", None).await;
    assert_eq!(preflight.status, 200);
    let list = |name: &str| preflight.headers[name].to_str().unwrap().to_lowercase();
    assert!(list("access-control-allow-headers").contains("authorization"));
    assert!(list("access-control-allow-methods").contains("patch"));
    assert_eq!(list("access-control-max-age"), "600");
    assert!(
        !preflight
            .headers
            .contains_key("access-control-allow-credentials")
    );

    let refused = client.get("/v1/Buy").await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.headers["access-control-allow-origin"], SITE);
    let seen = refused.headers["access-control-expose-headers"]
        .to_str()
        .unwrap();
    for name in [
        "www-authenticate",
        "retry-after",
        "ratelimit",
        "x-request-id",
    ] {
        assert!(seen.contains(name), "{name} in {seen}");
    }

    let grpc = over_grpc(&server, LOOK, &[("origin", SITE)]).await;
    assert_eq!(grpc.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn an_answer_is_what_it_says_and_tells_nothing_of_its_server() {
    let server = TestServer::start(&SERVICE).await;
    for path in [
        "/v1/Look",
        "/v1/Buy",
        "/nowhere",
        "/openapi.json",
        "/docs",
        "/metrics",
    ] {
        let answer = server.anonymous().get(path).await;
        assert_eq!(
            answer.headers["x-content-type-options"], "nosniff",
            "{path}"
        );
        for banner in ["server", "x-powered-by"] {
            assert!(!answer.headers.contains_key(banner), "{path}");
        }
    }
    for header in ["server", "x-content-type-options"] {
        assert_eq!(over_grpc(&server, LOOK, &[]).await.header(header), None);
    }
}

#[tokio::test]
async fn the_api_page_runs_nothing_but_its_own_scripts() {
    let server = TestServer::start(&SERVICE).await;
    for path in ["/docs", "/docs/"] {
        let page = server.get(path).await;
        assert_eq!(page.status, 200);
        assert_eq!(page.headers["referrer-policy"], "no-referrer");
        let policy = page.headers["content-security-policy"].to_str().unwrap();
        for rule in [
            "default-src 'none'",
            "script-src 'self';",
            "frame-ancestors 'none'",
        ] {
            assert!(policy.contains(rule), "{policy}");
        }
        // Each script and style is a file of this server, with the content type that `nosniff` demands.
        let files = page
            .text
            .split(['"', '\''])
            .filter(|text| text.starts_with('/'));
        let mut types = Vec::new();
        for file in files {
            let answer = server.get(file).await;
            assert_eq!(answer.status, 200, "{file}");
            types.push(answer.headers["content-type"].to_str().unwrap().to_owned());
        }
        types.iter_mut().for_each(|kind| kind.truncate(15));
        assert_eq!(types, ["text/css", "text/javascript", "text/javascript"]);
        assert_eq!(page.text.matches("<script").count(), 2);
        assert_eq!(page.text.matches("></script>").count(), 2);
    }
}

#[tokio::test]
async fn a_token_in_the_address_is_refused() {
    let server = TestServer::start(&SERVICE).await;
    let token = server.token("ada");
    for path in ["/v1/Look", "/v1/Buy"] {
        for name in ["access_token", "access%5Ftoken", "a=b&access_token"] {
            let refused = server.get(&format!("{path}?{name}={token}")).await;
            assert_eq!(refused.status, 400, "{path} {name}");
            assert_eq!(refused.json["details"][0]["reason"], "TOKEN_IN_QUERY");
            assert_eq!(
                refused.headers["www-authenticate"],
                "Bearer error=\"invalid_request\""
            );
            assert!(!refused.text.contains(&token));
        }
    }
    assert_eq!(server.get("/v1/Look?access=token").await.status, 200);
}

#[tokio::test]
async fn a_refusal_tells_what_the_token_lacks() {
    let server = TestServer::start(&SERVICE).await;
    let token = format!("Bearer {}", server.sign(&Caller::new("ada")));
    let challenge = async |method, headers: &[(&'static str, &str)]| {
        let [http, grpc] = call(&server, method, headers).await;
        let told = http.header("www-authenticate").map(str::to_owned);
        (http.status, told, grpc.status)
    };
    let told = |text: &str| Some(text.to_owned());
    assert_eq!(challenge(BUY, &[]).await, (401, told("Bearer"), 16));
    let forged = [("authorization", "Bearer a.b.c")];
    assert_eq!(
        challenge(BUY, &forged).await,
        (401, told("Bearer error=\"invalid_token\""), 16)
    );
    let known = [("authorization", token.as_str())];
    let scope = "Bearer error=\"insufficient_scope\", scope=\"shop.read shop.buy\"";
    assert_eq!(challenge(BUY, &known).await, (403, told(scope), 7));
    assert_eq!(challenge(CLOSE, &known).await, (403, None, 7));
}

#[tokio::test]
async fn a_request_may_have_a_hundred_headers() {
    let server = TestServer::start(&SERVICE).await;
    let with = |count: usize| {
        let headers = (0..count).map(|index| {
            let name = HeaderName::try_from(format!("x-{index}")).unwrap();
            (name, "1")
        });
        headers.fold(server.anonymous(), |client, (name, value)| {
            client.with_header(name, value)
        })
    };
    assert_eq!(with(90).get("/v1/Look").await.status, 200);
    assert_eq!(with(110).get("/v1/Look").await.status, 431);
    assert_eq!(over_http(&server, LOOK, &[]).await.status, 200);
}
