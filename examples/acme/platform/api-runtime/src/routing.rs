//! One axum router for the methods of many contracts.

use std::{
    collections::HashSet,
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
};

use axum::Router;
use futures_util::future::BoxFuture;
use http::{HeaderValue, StatusCode, header};
use tonic::Status;
use tower::{Layer, Service};

use crate::{
    contract::Contract,
    endpoint::{Endpoint, Request, Response, Transport},
    error,
    method::Method,
    rest::Tree,
};

/// Puts the methods of all contracts behind one router for one transport.
///
/// `layer` makes the layer that wraps a method. It is called once for each method (and REST binding), so the layer can
/// hold data of the method. On [`Transport::Http`] the router has a fallback, which answers 404 and 405 with a JSON
/// error, or UNIMPLEMENTED to a gRPC call; the routers of both transports can be merged into one.
///
/// # Errors
/// When two methods have the same path.
pub fn router<L>(
    contracts: &[Contract],
    transport: Transport,
    layer: impl Fn(&'static Method) -> L,
) -> Result<Router, Conflict>
where
    L: Layer<Endpoint>,
    L::Service:
        Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    match transport {
        Transport::Grpc => grpc(contracts, layer),
        Transport::Http => rest(contracts, layer),
    }
}

fn grpc<L>(contracts: &[Contract], layer: impl Fn(&'static Method) -> L) -> Result<Router, Conflict>
where
    L: Layer<Endpoint>,
    L::Service:
        Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    let mut router = Router::new();
    let mut seen = HashSet::new();
    for contract in contracts {
        if !seen.insert(contract.name) {
            return Err(Conflict(format!(
                "the service {} is there twice",
                contract.name
            )));
        }
        for method in contract.methods {
            router = router.route_service(method.path, layer(method).layer(contract.grpc.clone()));
        }
    }
    Ok(router)
}

fn rest<L>(contracts: &[Contract], layer: impl Fn(&'static Method) -> L) -> Result<Router, Conflict>
where
    L: Layer<Endpoint>,
    L::Service:
        Service<Request, Response = Response, Error = Infallible> + Clone + Send + Sync + 'static,
    <L::Service as Service<Request>>::Future: Send + 'static,
{
    let mut tree = Tree::default();
    for route in contracts.iter().flat_map(|contract| contract.rest.iter()) {
        let endpoint = Endpoint::new(layer(route.method).layer(route.endpoint.clone()));
        tree.insert(route.verb, route.template, (route.method, endpoint))
            .map_err(|(other, _)| {
                Conflict(format!(
                    "{} {} belongs to both {} and {}",
                    route.verb, route.template.text, other.0.path, route.method.path
                ))
            })?;
    }
    Ok(Router::new().fallback_service(Rest(Arc::new(tree))))
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

/// Finds the method of a REST request and calls it.
#[derive(Clone)]
struct Rest(Arc<Tree<(&'static Method, Endpoint)>>);

impl Service<Request> for Rest {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let Some(methods) = self.0.find(request.uri().path()) else {
            return answer(not_found(&request));
        };
        if let Some((_, endpoint)) = methods.get(request.method().as_str()) {
            return endpoint.clone().call(request);
        }
        // A HEAD runs the GET without sending its body; hyper sends only the length.
        if request.method() == http::Method::HEAD
            && let Some((_, endpoint)) = methods.get("GET")
        {
            return endpoint.clone().call(request);
        }
        answer(not_allowed(&request, methods.keys().copied().collect()))
    }
}

fn answer(response: Response) -> BoxFuture<'static, Result<Response, Infallible>> {
    Box::pin(std::future::ready(Ok(response)))
}

fn not_found(request: &Request) -> Response {
    let path = request.uri().path();
    let mut response = if is_grpc(request) {
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
