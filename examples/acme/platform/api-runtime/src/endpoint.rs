//! The endpoint that answers a call, and the request and answer types that both transports share.

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context, Poll},
};

use futures_util::future::BoxFuture;
use tower::Service;

/// A request on both transports.
pub type Request = http::Request<axum::body::Body>;
/// An answer on both transports.
pub type Response = http::Response<axum::body::Body>;

/// The transport of a call. It decides the format of the answer and of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    Grpc,
    Http,
}

/// Answers the calls of a method. Layers around a method make an endpoint of an endpoint. Clones are cheap.
#[derive(Clone)]
pub struct Endpoint(Arc<dyn Fn(Request) -> Answer + Send + Sync>);

/// The answer to a call, once it is there.
pub type Answer = BoxFuture<'static, Result<Response, Infallible>>;

impl Endpoint {
    /// Answers with this function.
    pub fn new(call: impl Fn(Request) -> Answer + Send + Sync + 'static) -> Self {
        Self(Arc::new(call))
    }

    /// Answers a request.
    pub fn call(&self, request: Request) -> Answer {
        (self.0)(request)
    }
}

impl Service<Request> for Endpoint {
    type Response = Response;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Answer {
        (self.0)(request)
    }
}
