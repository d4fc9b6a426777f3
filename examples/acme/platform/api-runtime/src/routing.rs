//! The way of a request to its method.

use std::{
    collections::{HashMap, HashSet},
    fmt,
    sync::Arc,
};

use axum::{Router, body::Body};
use http::{HeaderValue, StatusCode, header};
use http_body::Body as _;
use tonic::Status;
use tower::Service;

use crate::{
    contract::Contract,
    endpoint::{Answer, Endpoint, Request, Response, Transport},
    error,
    method::Method,
    rest::Tree,
};

/// The methods of contracts on one address, and other routes behind them.
///
/// A request for a method does not pass through the router of the others. Its search takes as long as half of our layers.
pub struct Routes {
    /// By path.
    grpc: HashMap<&'static str, Endpoint>,
    rest: Tree<(&'static Method, Endpoint)>,
    others: Router,
}

impl Routes {
    /// No methods yet. A request for none of them goes to `others`; end those with [`unknown_path`].
    pub fn new(others: Router) -> Self {
        Self {
            grpc: HashMap::new(),
            rest: Tree::default(),
            others,
        }
    }

    /// Adds routes that are in no contract.
    #[must_use]
    pub fn others(mut self, others: Router) -> Self {
        self.others = self.others.merge(others);
        self
    }

    /// Adds the methods of contracts over gRPC.
    ///
    /// `layer` wraps a method in its layers. It is called once for each method, so the layers can hold data of the method.
    ///
    /// # Errors
    /// When two contracts have the same name.
    pub fn grpc(
        mut self,
        contracts: &[Contract],
        layer: impl Fn(&'static Method, Endpoint) -> Endpoint,
    ) -> Result<Self, Conflict> {
        let mut seen = HashSet::new();
        for contract in contracts {
            if !seen.insert(contract.name) {
                return Err(Conflict(format!(
                    "the service {} is there twice",
                    contract.name
                )));
            }
            for method in contract.methods {
                let endpoint = layer(method, contract.grpc.clone());
                self.grpc.insert(method.path, endpoint);
            }
        }
        Ok(self)
    }

    /// Adds the methods of contracts over HTTP. `layer` is called once for each REST binding.
    ///
    /// # Errors
    /// When two methods have the same path.
    pub fn rest(
        mut self,
        contracts: &[Contract],
        layer: impl Fn(&'static Method, Endpoint) -> Endpoint,
    ) -> Result<Self, Conflict> {
        for route in contracts.iter().flat_map(|contract| contract.rest.iter()) {
            let endpoint = layer(route.method, route.endpoint.clone());
            self.rest
                .insert(route.verb, route.template, (route.method, endpoint))
                .map_err(|(other, _)| {
                    Conflict(format!(
                        "{} {} belongs to both {} and {}",
                        route.verb, route.template.text, other.0.path, route.method.path
                    ))
                })?;
        }
        Ok(self)
    }

    /// The methods that a path has over HTTP.
    pub fn methods(&self, path: &str) -> Vec<&'static Method> {
        let methods = self.rest.find(path).into_iter().flatten();
        methods.map(|(_, (method, _))| *method).collect()
    }

    /// Answers requests by these routes. A path that is known, with a verb that is not, is answered 405.
    pub fn endpoint(self) -> Endpoint {
        let routes = Arc::new(self);
        Endpoint::new(move |request| routes.call(request))
    }

    fn call(&self, request: Request) -> Answer {
        let path = request.uri().path();
        if let Some(endpoint) = self.grpc.get(path) {
            return endpoint.call(request);
        }
        let Some(methods) = self.rest.find(path) else {
            let mut others = self.others.clone();
            return Box::pin(async move { others.call(request).await });
        };
        if let Some((_, endpoint)) = methods.get(request.method().as_str()) {
            return endpoint.call(request);
        }
        // A HEAD runs the GET without sending its body.
        if request.method() == http::Method::HEAD
            && let Some((_, endpoint)) = methods.get("GET")
        {
            let answer = endpoint.call(request);
            return Box::pin(async { answer.await.map(without_body) });
        }
        let response = not_allowed(&request, methods.keys().copied().collect());
        Box::pin(std::future::ready(Ok(response)))
    }
}

fn without_body(mut response: Response) -> Response {
    if let Some(length) = response.body().size_hint().exact() {
        let length = HeaderValue::from(length);
        response
            .headers_mut()
            .insert(header::CONTENT_LENGTH, length);
    }
    response.map(|_| Body::empty())
}

/// Why no method answered; an extension of the error response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unmatched {
    /// No method has this path.
    Path,
    /// Methods have this path, but not this verb.
    Verb,
}

/// Two methods have the same path.
#[derive(Debug)]
pub struct Conflict(String);

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Conflict {}

/// The answer to a path that no route has: 404 with a JSON error, or UNIMPLEMENTED to a gRPC call.
pub async fn unknown_path(request: Request) -> Response {
    let path = request.uri().path();
    let mut response = if is_grpc(&request) {
        let status = Status::unimplemented(format!("no such method: {path}"));
        error::status_response(status, Transport::Grpc)
    } else {
        let status = Status::not_found(format!("no such path: {path}"));
        error::status_response(status, Transport::Http)
    };
    response.extensions_mut().insert(Unmatched::Path);
    response
}

fn not_allowed(request: &Request, mut allowed: Vec<&'static str>) -> Response {
    if allowed.contains(&"GET") {
        allowed.push("HEAD");
    }
    allowed.sort_unstable();
    allowed.dedup();
    let allowed = allowed.join(", ");
    let status = Status::unimplemented(format!(
        "{} is not possible here, only {allowed}",
        request.method()
    ));
    let mut response = error::status_response(status, Transport::Http);
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response.extensions_mut().insert(Unmatched::Verb);
    if let Ok(value) = HeaderValue::from_str(&allowed) {
        response.headers_mut().insert(header::ALLOW, value);
    }
    response
}

fn is_grpc(request: &Request) -> bool {
    request
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|value| value.as_bytes().starts_with(b"application/grpc"))
}
