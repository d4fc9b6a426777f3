//! A service with everything that a server needs to offer it on both transports.

use std::{
    convert::Infallible,
    fmt,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::future::BoxFuture;
use tower::Service;

use crate::rest::Route;

/// The largest request message over gRPC, in bytes, whatever limit a server sets for bodies: memory for a message is
/// reserved when its length is read, before the message itself has come.
pub const LARGEST_MESSAGE: usize = 64 * 1024 * 1024;

/// A request as both transports see it.
pub type Request = http::Request<axum::body::Body>;
/// An answer as both transports see it.
pub type Response = http::Response<axum::body::Body>;

/// One proto service with an implementation behind it: made by the generated `…_service(implementation)`.
#[derive(Clone)]
pub struct Contract {
    /// Full name of the proto service, `consultants.v1.ConsultantsService`.
    pub name: &'static str,
    /// Its methods, in the order of the contract.
    pub methods: &'static [Method],
    /// Serialized `google.protobuf.FileDescriptorSet` of the contract and all that it imports, for reflection.
    pub descriptor_set: &'static [u8],
    /// OpenAPI 3.1 document (JSON) of this service alone; see [`crate::openapi::merge`].
    pub openapi: &'static str,
    /// Answers the gRPC calls of every method.
    pub(crate) grpc: Endpoint,
    /// Answers REST requests, one entry per HTTP binding.
    pub(crate) rest: Arc<[Route]>,
}

impl Contract {
    /// Called by generated code; `grpc` is the tonic server of the service.
    pub fn new<G, E>(description: Description, grpc: G, rest: Vec<Route>) -> Self
    where
        G: Service<
                Request,
                Response = http::Response<tonic::body::Body>,
                Error = Infallible,
                Future = E,
            > + Clone
            + Send
            + Sync
            + 'static,
        E: Future<Output = Result<http::Response<tonic::body::Body>, Infallible>> + Send + 'static,
    {
        let grpc = Endpoint::from_fn(move |request| {
            let answer = grpc.clone().call(request);
            Box::pin(async move {
                answer
                    .await
                    .map(|response| response.map(axum::body::Body::new))
            })
        });
        let Description {
            name,
            methods,
            descriptor_set,
            openapi,
        } = description;
        Self {
            name,
            methods,
            descriptor_set,
            openapi,
            grpc,
            rest: rest.into(),
        }
    }

    /// The HTTP bindings of its methods.
    pub fn routes(&self) -> &[Route] {
        &self.rest
    }
}

/// What is known of a proto service without an implementation: see the fields of [`Contract`].
pub struct Description {
    pub name: &'static str,
    pub methods: &'static [Method],
    pub descriptor_set: &'static [u8],
    pub openapi: &'static str,
}

/// One method of a proto service.
#[derive(Debug)]
pub struct Method {
    /// `/consultants.v1.ConsultantsService/GetConsultant`
    pub path: &'static str,
    /// What is demanded of a call before the method runs.
    pub policy: Policy,
    /// Whether it answers with a stream of messages.
    pub streams: bool,
}

/// Who may call a method, how often, and for how long: option `(platform.v1.policy)` of the contract, where the fields
/// are described. All that is set must hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Policy {
    pub access: Access,
    pub any_role: &'static [&'static str],
    pub all_scopes: &'static [&'static str],
    pub owner: Option<&'static str>,
    pub rate_limit: Option<RateLimit>,
    pub timeout: Option<Duration>,
}

impl Policy {
    /// A policy that says nothing but who may call.
    pub const fn new(access: Access) -> Self {
        Self {
            access,
            any_role: &[],
            all_scopes: &[],
            owner: None,
            rate_limit: None,
            timeout: None,
        }
    }
}

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone; a token is not looked at.
    Public,
    /// Everyone with a valid token.
    Authenticated,
    /// Other services of the workspace, with a proof of their own.
    Internal,
}

/// So many calls in so much time, with bursts of all of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: u32,
    pub per: Duration,
}

/// How a call came in, and so the form its answer and its errors take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Grpc,
    Http,
}

/// What answers the calls of a method; the innermost service below all layers.
#[derive(Clone)]
pub struct Endpoint(
    Arc<dyn Fn(Request) -> BoxFuture<'static, Result<Response, Infallible>> + Send + Sync>,
);

impl Endpoint {
    /// Makes an endpoint of any service that can be cloned for each call.
    pub fn new<S>(service: S) -> Self
    where
        S: Service<Request, Response = Response, Error = Infallible>
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        Self::from_fn(move |request| {
            // A clone of a tower service may not be ready, and `oneshot` waits for that.
            let call = tower::ServiceExt::oneshot(service.clone(), request);
            Box::pin(call)
        })
    }

    pub(crate) fn from_fn(
        call: impl Fn(Request) -> BoxFuture<'static, Result<Response, Infallible>>
        + Send
        + Sync
        + 'static,
    ) -> Self {
        Self(Arc::new(call))
    }
}

impl Service<Request> for Endpoint {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        (self.0)(request)
    }
}

impl fmt::Debug for Contract {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Contract")
            .field("name", &self.name)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}
