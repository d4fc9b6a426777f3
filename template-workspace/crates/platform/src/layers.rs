//! A request's way from the server to the implementation of its method, the same over both transports.
//!
//! From the outermost in: request id, trace, metrics, panic → error, load shedding, timeout, size of the body,
//! authentication, policy. Validation follows in the contract's adapter. The layers of a method are made once, with what they
//! need of it at hand, and a request passes them in one future without an allocation between them.

mod body;
mod client;
mod deadline;
pub(crate) mod ids;
mod load;
mod metrics;
mod panic;
mod stream;
mod trace;

use std::{
    convert::Infallible,
    sync::Arc,
    task::{Context as TaskContext, Poll},
    time::{Duration, Instant},
};

use api_runtime::{Access, Method, Policy, Request, Response, Transport, error::status_response};
use futures_util::future::BoxFuture;
use http::{HeaderValue, StatusCode, header::WWW_AUTHENTICATE};
use ipnet::IpNet;
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::{Instrument, Span};

use self::{load::Load, metrics::Metrics};
use crate::{
    auth::Verifier,
    config::{Config, Limits, Telemetry},
    context::Context,
};

/// What the layers of all methods share.
pub(crate) struct Shared {
    verifier: Verifier,
    limits: Limits,
    load: Load,
    proxies: Vec<IpNet>,
    telemetry: Telemetry,
}

impl Shared {
    pub fn new(verifier: Verifier, config: &Config) -> Self {
        Self {
            verifier,
            limits: config.limits.clone(),
            load: Load::new(config.limits.concurrency),
            proxies: config.http.proxies.clone(),
            telemetry: config.telemetry.clone(),
        }
    }
}

/// The layers of one method over one transport.
#[derive(Clone)]
pub(crate) struct MethodLayer(Arc<Layers>);

struct Layers {
    /// `consultants.v1.ConsultantsService/GetConsultant`
    rpc: &'static str,
    policy: &'static Policy,
    streams: bool,
    transport: Transport,
    metrics: Metrics,
    shared: Arc<Shared>,
}

impl MethodLayer {
    pub fn new(shared: Arc<Shared>, method: &'static Method, transport: Transport) -> Self {
        let rpc = method.path.trim_start_matches('/');
        let metrics = Metrics::new(rpc, transport);
        Self(Arc::new(Layers {
            rpc,
            policy: &method.policy,
            streams: method.streams,
            transport,
            metrics,
            shared,
        }))
    }
}

impl<S> Layer<S> for MethodLayer {
    type Service = Layered<S>;

    fn layer(&self, inner: S) -> Layered<S> {
        Layered {
            inner,
            layers: self.0.clone(),
        }
    }
}

/// A method's implementation with its layers around it.
#[derive(Clone)]
pub(crate) struct Layered<S> {
    inner: S,
    layers: Arc<Layers>,
}

impl<S> Service<Request> for Layered<S>
where
    S: Service<Request, Response = Response, Error = Infallible> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut TaskContext<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        // The service that was found ready answers; its clone waits for the next request.
        let clone = self.inner.clone();
        let inner = std::mem::replace(&mut self.inner, clone);
        let layers = self.layers.clone();
        Box::pin(async move { Ok(layers.observe(inner, request).await) })
    }
}

impl Layers {
    /// Request id, trace, metrics: what must see every answer, errors included.
    async fn observe<S>(self: &Arc<Self>, inner: S, request: Request) -> Response
    where
        S: Service<Request, Response = Response, Error = Infallible> + Send,
        S::Future: Send,
    {
        let started = Instant::now();
        let limit = self.policy.timeout.unwrap_or(self.shared.limits.timeout);
        let timeout =
            deadline::of(request.headers(), self.transport).map_or(limit, |asked| asked.min(limit));
        let telemetry = &self.shared.telemetry;
        let client = client::of(&request, &self.shared.proxies);
        let deadline = started + timeout;
        let context = Context::new(ids::of(request.headers(), telemetry, deadline, client));
        let work = async {
            let span = if telemetry.otlp_endpoint.is_some() {
                trace::span(self.rpc, self.transport, &request)
            } else {
                Span::none()
            };
            let response = self
                .admit(inner, request, started, timeout)
                .instrument(span.clone())
                .await;
            let status = response.status();
            let layers = self.clone();
            let record = move |span: &Span, code| {
                let duration = started.elapsed();
                trace::finish(span, status, code);
                layers.metrics.record(code, duration);
                tracing::debug!(rpc = layers.rpc, ?code, ?duration, "answered");
            };
            let code = code_of(&response, self.transport);
            if !self.streams || code != Code::Ok {
                record(&span, code);
                return response;
            }
            let context = context.clone();
            stream::watch(response, context, span.clone(), move |code| {
                record(&span, code)
            })
        };
        let mut response = context.clone().scope(work).await;
        ids::echo(&context, response.headers_mut());
        response
    }

    /// Panics, load, time, size and authentication: what may answer in the place of the method.
    async fn admit<S>(
        &self,
        mut inner: S,
        request: Request,
        started: Instant,
        timeout: Duration,
    ) -> Response
    where
        S: Service<Request, Response = Response, Error = Infallible> + Send,
        S::Future: Send,
    {
        let Some(_place) = self.shared.load.enter() else {
            return self.refuse(load::refusal());
        };
        let answer = async {
            let mut request = body::limit(request, self.shared.limits.body, self.transport)?;
            if self.policy.access != Access::Public {
                let caller = self.shared.verifier.verify(request.headers()).await?;
                caller.satisfies(self.policy)?;
                request.extensions_mut().insert(caller);
            }
            // What the timer would notice only after a millisecond: nobody waits for this answer any more.
            if started.elapsed() >= timeout {
                return Err(deadline::exceeded(timeout));
            }
            match inner.call(request).await {
                Ok(response) => Ok(response),
                Err(never) => match never {},
            }
        };
        match tokio::time::timeout(timeout, panic::caught(answer)).await {
            Ok(Ok(response)) => response,
            Ok(Err(status)) => self.refuse(status),
            Err(_) => self.refuse(deadline::exceeded(timeout)),
        }
    }

    /// An error in the form of the transport.
    fn refuse(&self, status: Status) -> Response {
        let code = status.code();
        let too_large = body::is_too_large(&status);
        let mut response = status_response(status, self.transport);
        if self.transport == Transport::Http {
            if too_large {
                *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            }
            if code == Code::Unauthenticated {
                response
                    .headers_mut()
                    .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            }
        }
        response
    }
}

/// How a call ended. An answer without a status of gRPC is a success: its trailers follow the message.
fn code_of(response: &Response, transport: Transport) -> Code {
    match transport {
        Transport::Grpc => match response.headers().get("grpc-status") {
            Some(code) => Code::from_bytes(code.as_bytes()),
            None => Code::Ok,
        },
        Transport::Http => match response.extensions().get() {
            Some(code) => *code,
            None if response.status().is_success() => Code::Ok,
            None => Code::Unknown,
        },
    }
}
