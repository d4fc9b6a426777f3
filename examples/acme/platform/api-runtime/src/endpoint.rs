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

/// Answers the calls of a method; the innermost service below all layers.
#[derive(Clone)]
pub struct Endpoint(
    Arc<dyn Fn(Request) -> BoxFuture<'static, Result<Response, Infallible>> + Send + Sync>,
);

impl Endpoint {
    /// Makes an endpoint from any service that can be cloned for each call.
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
            // A clone of a tower service may not be ready; `oneshot` waits until it is.
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
