//! The assertion that every method enforces its policy.

use api_runtime::{
    Access, Contract, Method, Policy,
    rest::{Segment, Template},
};
use http::{HeaderMap, HeaderName, header::AUTHORIZATION, uri::PathAndQuery};
use platform::{
    Service,
    auth::{Caller, SERVICE_AUTHORIZATION},
};
use serde_json::json;
use tonic::{Code, Request, client::Grpc, metadata::MetadataMap};
use tonic_prost::ProstCodec;

use crate::TestServer;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Asserts that every method of the service enforces its policy, over both transports. Calls each without a token, with a
/// forged token, as callers who lack one role or scope, and as callers who have all that the policy requires.
///
/// Methods and policies are read from the contracts, so a new method or a changed policy needs no change here. The
/// messages are empty, so most calls that are let in fail validation. Ownership is not checked, because it needs an
/// existing row: the service's own tests check that.
///
/// # Panics
/// When a method admits a caller whom its policy refuses, or the other way round.
pub async fn assert_policy(service: &Service) {
    // Each call comes from an address of its own, so that no rate limit is reached.
    let server = TestServer::configured(service, &[("http.proxies", "127.0.0.0/8")]).await;
    let mut calls = 0;
    let mut wrong = String::new();
    for contract in server.contracts() {
        for method in contract.methods {
            let routes = contract.routes().iter();
            let routes: Vec<_> = routes
                .filter(|route| route.method.path == method.path)
                .collect();
            for attempt in attempts(&method.policy) {
                let Attempt { who, expected, .. } = &attempt;
                let mut check = |place: &str, found: Verdict| {
                    if found != *expected {
                        wrong +=
                            &format!("{place}, called {who}: {found:?} instead of {expected:?}\n");
                    }
                };
                let proof = attempt.headers(&server, contract, &mut calls);
                check(method.path, grpc(&server, method, proof).await);
                for route in &routes {
                    let path = path(route.template);
                    let proof = attempt.headers(&server, contract, &mut calls);
                    let found = http(&server, route.verb, &path, proof).await;
                    check(&format!("{} {}", route.verb, route.template.text), found);
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "methods do not enforce their policies:\n{wrong}"
    );
}

/// What the layers in front of a method decide about a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// UNAUTHENTICATED, 401.
    Unknown,
    /// PERMISSION_DENIED, 403.
    Denied,
    /// Any other response: the method itself gave it.
    LetIn,
}

struct Attempt {
    who: String,
    proof: Proof,
    expected: Verdict,
}

/// The credentials of a call, the same over both transports.
enum Proof {
    Nothing,
    /// The claims of one token with the signature of another.
    Forgery,
    Token(Caller),
    Service,
}

impl Attempt {
    fn new(who: impl Into<String>, proof: Proof, expected: Verdict) -> Self {
        Self {
            who: who.into(),
            proof,
            expected,
        }
    }

    /// The headers of the next call. Its caller and its address are new.
    fn headers(&self, server: &TestServer, contract: &Contract, calls: &mut u16) -> HeaderMap {
        *calls += 1;
        let [high, low] = calls.to_be_bytes();
        let mut headers = HeaderMap::new();
        let mut insert = |name: HeaderName, value: &str| {
            headers.insert(name, value.parse().expect("a proof is ASCII"));
        };
        insert(FORWARDED_FOR, &format!("192.168.{high}.{low}"));
        let subject = format!("caller {calls}");
        match &self.proof {
            Proof::Nothing => {}
            Proof::Forgery => {
                let [claims, signature] = [&*subject, "another"].map(|name| server.token(name));
                let (claims, _) = claims.rsplit_once('.').expect("a token has three parts");
                let (_, signature) = signature.rsplit_once('.').expect("a token has three parts");
                insert(AUTHORIZATION, &format!("Bearer {claims}.{signature}"));
            }
            Proof::Token(caller) => {
                let subject = subject.into();
                let token = server.sign(&Caller {
                    subject,
                    ..caller.clone()
                });
                insert(AUTHORIZATION, &format!("Bearer {token}"));
            }
            Proof::Service => {
                let proof = server.service_proof(&format!("service-{calls}"), contract.name);
                insert(SERVICE_AUTHORIZATION, &proof);
            }
        }
        headers
    }
}

fn attempts(policy: &Policy) -> Vec<Attempt> {
    let unproven = match policy.access {
        Access::Public => Verdict::LetIn,
        Access::Authenticated | Access::Internal => Verdict::Unknown,
    };
    let mut attempts = vec![
        Attempt::new("without a token", Proof::Nothing, unproven),
        Attempt::new("with a forged token", Proof::Forgery, unproven),
    ];
    let mut add = |who: &str, caller: &Caller, expected| {
        let Caller { roles, scopes, .. } = caller;
        let who = format!("by a {who} caller with roles {roles:?} and scopes {scopes:?}");
        attempts.push(Attempt::new(who, Proof::Token(caller.clone()), expected));
    };
    if policy.access == Access::Internal {
        add("user, not a service, as", &Caller::new(""), Verdict::Denied);
        attempts.push(Attempt::new("by a service", Proof::Service, Verdict::LetIn));
        return attempts;
    }
    for caller in sufficient(policy) {
        add("sufficient", &caller, Verdict::LetIn);
        for weaker in weaker(policy, &caller) {
            add("weaker", &weaker, Verdict::Denied);
        }
    }
    attempts
}

/// Callers who have all that the policy requires: one for each of the roles, any of which is enough.
fn sufficient(policy: &Policy) -> Vec<Caller> {
    let caller = Caller {
        scopes: owned(policy.all_scopes).into(),
        ..Caller::new("")
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

/// Callers who lack one scope or the role that the policy requires.
fn weaker(policy: &Policy, sufficient: &Caller) -> Vec<Caller> {
    let without = |scope: &str| {
        let scopes = sufficient.scopes.iter().filter(|other| *other != scope);
        Caller {
            scopes: scopes.cloned().collect(),
            ..sufficient.clone()
        }
    };
    let mut weaker: Vec<_> = policy.all_scopes.iter().copied().map(without).collect();
    if !policy.any_role.is_empty() {
        weaker.push(Caller {
            roles: ["another".to_owned()].into(),
            ..sufficient.clone()
        });
    }
    weaker
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().copied().map(str::to_owned).collect()
}

async fn grpc(server: &TestServer, method: &Method, proof: HeaderMap) -> Verdict {
    let mut client = Grpc::new(server.channel());
    client.ready().await.expect("the server answers");
    let mut request = Request::new(());
    *request.metadata_mut() = MetadataMap::from_headers(proof);
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
        _ => Verdict::LetIn,
    }
}

async fn http(server: &TestServer, verb: &str, path: &str, proof: HeaderMap) -> Verdict {
    let verb = verb.parse::<http::Method>().expect("it is a method");
    let body = ["POST", "PUT", "PATCH"].contains(&verb.as_str());
    let mut client = server.anonymous();
    for (name, value) in &proof {
        let value = value.to_str().expect("a proof is ASCII");
        client = client.with_header(name.clone(), value);
    }
    let answer = client.ask(verb, path, body.then(|| json!({}))).await;
    match answer.status().as_u16() {
        401 => Verdict::Unknown,
        403 => Verdict::Denied,
        _ => Verdict::LetIn,
    }
}

/// A path that matches the template.
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
