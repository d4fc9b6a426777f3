//! Whether every method demands of its callers what its policy says.

use std::fmt;

use api_runtime::{
    Access, Method, Policy,
    rest::{Segment, Template},
};
use http::{HeaderMap, HeaderValue, header::AUTHORIZATION, uri::PathAndQuery};
use platform::{Service, auth::Caller};
use serde_json::json;
use tonic::{Code, Request, client::Grpc, metadata::MetadataMap};
use tonic_prost::ProstCodec;

use crate::TestServer;

/// Calls every method of the service over both transports: without a token, with a bad one, with callers who lack one
/// thing each, and with fitting ones.
///
/// Everything comes from the contracts: a method that is added is called, and a policy that is changed is expected. The
/// messages are empty, so that those who are let in are mostly told that something is missing. Whether an owner is looked
/// at takes a row that is there: that is for the service's own tests.
///
/// # Panics
/// When a method lets somebody in whom its policy keeps out, or the other way round.
pub async fn assert_policy(service: &Service) {
    let server = TestServer::start(service).await;
    let mut wrong = String::new();
    for contract in server.contracts() {
        for method in contract.methods {
            let routes = contract.routes().iter();
            let routes: Vec<_> = routes
                .filter(|route| route.method.path == method.path)
                .collect();
            for Attempt {
                who,
                proof,
                expected,
            } in attempts(&server, &method.policy)
            {
                let mut check = |place: &str, found: Verdict| {
                    let limited = found == Verdict::Limited && method.policy.rate_limit.is_some();
                    if found != expected && !limited {
                        wrong += &format!(
                            "{place}, called {who}: it was {found:?} and not {expected:?}\n"
                        );
                    }
                };
                check(method.path, grpc(&server, method, &proof).await);
                for route in &routes {
                    let path = path(route.template);
                    let found = http(&server, route.verb, &path, &proof).await;
                    check(&format!("{} {}", route.verb, route.template.text), found);
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "methods differ from their policies:\n{wrong}"
    );
}

/// What the layers in front of a method make of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// UNAUTHENTICATED, 401.
    Unknown,
    /// PERMISSION_DENIED, 403.
    Denied,
    /// RESOURCE_EXHAUSTED, 429: a limit of the method itself was met.
    Limited,
    /// Any other answer is the method's own.
    LetIn,
}

struct Attempt {
    who: String,
    /// What the call proves of its caller, the same over both transports.
    proof: HeaderMap,
    expected: Verdict,
}

impl Attempt {
    fn new(who: impl fmt::Display, proof: HeaderMap, expected: Verdict) -> Self {
        Self {
            who: who.to_string(),
            proof,
            expected,
        }
    }
}

fn attempts(server: &TestServer, policy: &Policy) -> Vec<Attempt> {
    let unproven = match policy.access {
        Access::Public => Verdict::LetIn,
        Access::Authenticated | Access::Internal => Verdict::Unknown,
    };
    let mut attempts = vec![
        Attempt::new("without a token", HeaderMap::new(), unproven),
        Attempt::new("with a bad token", bearer(&bad_token(server)), unproven),
    ];
    let mut add = |who: &str, caller: &Caller, expected| {
        let Caller { roles, scopes, .. } = caller;
        let who = format!("by a {who} caller with roles {roles:?} and scopes {scopes:?}");
        attempts.push(Attempt::new(who, bearer(&server.sign(caller)), expected));
    };
    for caller in fitting(policy) {
        if policy.access == Access::Internal {
            add("user instead of a service as", &caller, Verdict::Denied);
            continue;
        }
        add("fitting", &caller, Verdict::LetIn);
        for weaker in weaker(policy, &caller) {
            add("weaker", &weaker, Verdict::Denied);
        }
    }
    attempts
}

/// One caller for each of the roles, any of which is enough.
fn fitting(policy: &Policy) -> Vec<Caller> {
    let caller = Caller {
        scopes: owned(policy.all_scopes).into(),
        ..Caller::new("somebody")
    };
    if policy.any_role.is_empty() {
        return vec![caller];
    }
    let roles = owned(policy.any_role).into_iter();
    roles
        .map(|role| Caller {
            roles: [role].into(),
            ..caller.clone()
        })
        .collect()
}

/// The fitting caller, each time without one thing that the policy demands.
fn weaker(policy: &Policy, fitting: &Caller) -> Vec<Caller> {
    let without = |scope: &str| {
        let scopes = fitting.scopes.iter().filter(|other| *other != scope);
        Caller {
            scopes: scopes.cloned().collect(),
            ..fitting.clone()
        }
    };
    let mut weaker: Vec<_> = policy.all_scopes.iter().copied().map(without).collect();
    if !policy.any_role.is_empty() {
        weaker.push(Caller {
            roles: ["another".to_owned()].into(),
            ..fitting.clone()
        });
    }
    weaker
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

fn bearer(token: &str) -> HeaderMap {
    let value = HeaderValue::try_from(format!("Bearer {token}")).expect("a token is ASCII");
    HeaderMap::from_iter([(AUTHORIZATION, value)])
}

/// A token under whose claims stands the signature of another.
fn bad_token(server: &TestServer) -> String {
    let [claims, signature] = ["somebody", "another"].map(|subject| server.token(subject));
    let claims = claims.rsplit_once('.').expect("a token has three parts").0;
    let signature = signature
        .rsplit_once('.')
        .expect("a token has three parts")
        .1;
    format!("{claims}.{signature}")
}

async fn grpc(server: &TestServer, method: &Method, proof: &HeaderMap) -> Verdict {
    let mut client = Grpc::new(server.channel());
    client.ready().await.expect("the server answers");
    let mut request = Request::new(());
    *request.metadata_mut() = MetadataMap::from_headers(proof.clone());
    let path = PathAndQuery::from_static(method.path);
    let codec = ProstCodec::<(), ()>::default();
    let answer = if method.streams {
        let answer = client.server_streaming(request, path, codec).await;
        answer.map(drop)
    } else {
        client.unary(request, path, codec).await.map(drop)
    };
    match answer.map_err(|status| status.code()) {
        Err(Code::Unauthenticated) => Verdict::Unknown,
        Err(Code::PermissionDenied) => Verdict::Denied,
        Err(Code::ResourceExhausted) => Verdict::Limited,
        _ => Verdict::LetIn,
    }
}

async fn http(server: &TestServer, verb: &str, path: &str, proof: &HeaderMap) -> Verdict {
    let verb = verb.parse::<http::Method>().expect("it is a method");
    let body = ["POST", "PUT", "PATCH"].contains(&verb.as_str());
    let mut client = server.anonymous();
    for (name, value) in proof {
        let value = value.to_str().expect("a proof is ASCII");
        client = client.with_header(name.clone(), value);
    }
    let answer = client.ask(verb, path, body.then(|| json!({}))).await;
    match answer.status().as_u16() {
        401 => Verdict::Unknown,
        403 => Verdict::Denied,
        429 => Verdict::Limited,
        _ => Verdict::LetIn,
    }
}

/// A path of this form.
fn path(template: &Template) -> String {
    let mut path = String::new();
    for segment in template.segments {
        path.push('/');
        path.push_str(match segment {
            Segment::Literal(word) => word,
            Segment::One | Segment::Rest => "0",
        });
    }
    if let Some(verb) = template.verb {
        path.push(':');
        path.push_str(verb);
    }
    path
}
