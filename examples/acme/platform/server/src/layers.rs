//! The layers around each method, the same on both transports.
//!
//! From the outermost in: request id, trace, metrics, panic → error, load shedding, timeout, size of the body,
//! authentication, policy, rate. Validation follows in the contract's adapter. The layers of a method are built once,
//! with everything that they need. All of them run in one future, without allocations between them; `pin!` keeps each
//! part of it in its place, where a wrapper that takes it by value would copy it.

mod bearer;
mod body;
mod client;
mod deadline;
pub(crate) mod ids;
mod load;
mod metrics;
mod panic;
pub(crate) mod rate;
mod stream;
mod trace;

use std::{
    convert::Infallible,
    pin::pin,
    sync::Arc,
    time::{Duration, Instant},
};

use api_runtime::{
    Access, Endpoint, Method, Policy, Request, Response, Transport, Viewer, error::status_response,
};
use http::{Extensions, HeaderMap, StatusCode};
use ipnet::IpNet;
use platform_auth::{
    self as auth, CallingService, Owner, Rejection, ServiceRejection, ServiceVerifier, Verifier,
};
use platform_base::context::Context;
use platform_redis::Redis;
use platform_telemetry::Telemetry;
use tonic::{Code, Status, metadata::MetadataMap};
use tracing::{Instrument, Span};

use self::{
    load::Load,
    metrics::Metrics,
    rate::{Limit, Rates, Verdict},
};
use crate::config::{Limits, Rate};

/// State that the layers of all methods share.
pub struct Shared {
    verifier: Verifier,
    service_verifier: ServiceVerifier,
    limits: Limits,
    load: Load,
    proxies: Vec<IpNet>,
    rates: Rates,
    telemetry: Telemetry,
}

impl Shared {
    /// For the process of `service`. Calls are counted on `redis`, if there is one.
    pub fn new(
        service: &'static str,
        verifier: Verifier,
        service_verifier: ServiceVerifier,
        limits: Limits,
        proxies: Vec<IpNet>,
        telemetry: Telemetry,
        redis: Option<Arc<Redis>>,
    ) -> Self {
        Self {
            verifier,
            service_verifier,
            load: Load::new(limits.concurrency),
            limits,
            proxies,
            rates: Rates::new(service, redis),
            telemetry,
        }
    }
}

/// A method behind its layers on one transport.
pub(crate) fn layered(
    shared: Arc<Shared>,
    method: &'static Method,
    transport: Transport,
    inner: Endpoint,
) -> Endpoint {
    let rpc = method.path.trim_start_matches('/');
    let metrics = Metrics::new(rpc, transport);
    let rate = method.policy.rate_limit;
    let rate = rate.or(shared.limits.rate.map(|Rate(rate)| rate));
    let layers = Arc::new(Layers {
        rpc,
        policy: &method.policy,
        limit: rate.map(|rate| Limit::new(rpc, rate)),
        streams: method.streams,
        transport,
        metrics,
        shared,
        inner,
    });
    Endpoint::new(move |request| Box::pin(layers.clone().observe(request)))
}

struct Layers {
    /// `consultants.v1.ConsultantsService/GetConsultant`
    rpc: &'static str,
    policy: &'static Policy,
    limit: Option<Limit>,
    streams: bool,
    transport: Transport,
    metrics: Metrics,
    shared: Arc<Shared>,
    inner: Endpoint,
}

impl Layers {
    /// Request id, trace, metrics: the layers that must see every answer, errors included.
    async fn observe(self: Arc<Self>, request: Request) -> Result<Response, Infallible> {
        let started = Instant::now();
        let limit = self.policy.timeout.unwrap_or(self.shared.limits.timeout);
        let timeout =
            deadline::of(request.headers(), self.transport).map_or(limit, |asked| asked.min(limit));
        let telemetry = &self.shared.telemetry;
        let client = client::of(&request, &self.shared.proxies);
        let deadline = started + timeout;
        let context = Context::new(ids::of(request.headers(), telemetry, deadline, client));
        let span = if telemetry.otlp_endpoint.is_some() {
            let span = || trace::span(self.rpc, self.transport, &request);
            context.clone().run(span)
        } else {
            Span::none()
        };
        let answer = pin!(self.admit(request, started, timeout));
        let work = pin!(async {
            let response = answer.instrument(span.clone()).await;
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
        });
        let mut response = context.clone().scope(work).await;
        ids::echo(&context, response.headers_mut());
        Ok(response)
    }

    /// Panics, load, time, size, authentication and rate: the layers that may answer instead of the method.
    async fn admit(&self, mut request: Request, started: Instant, timeout: Duration) -> Response {
        let Some(_place) = self.shared.load.enter() else {
            return self.refuse(load::refusal());
        };
        let answer = pin!(async {
            body::limit(&mut request, self.shared.limits.body, self.transport)?;
            let identified = self.identify(&mut request).await;
            let counted = self.count(request.extensions()).await?;
            let owner = identified?;
            // The timer would fire up to a millisecond later. The client no longer waits for this answer.
            if started.elapsed() >= timeout {
                return Err(deadline::exceeded(timeout));
            }
            let Ok(mut response) = self.inner.call(request).await;
            if let Some(owner) = owner
                && !owner.was_asked_for()
                && code_of(&response, self.transport) == Code::Ok
            {
                return Err(auth::forgotten(self.rpc));
            }
            if let Some((limit, verdict)) = counted {
                limit.tell(verdict, response.headers_mut());
            }
            Ok(response)
        });
        match tokio::time::timeout(timeout, panic::caught(answer)).await {
            Ok(Ok(response)) => response,
            Ok(Err(status)) => self.refuse(status),
            Err(_) => self.refuse(deadline::exceeded(timeout)),
        }
    }

    /// Authenticates the caller, checks the policy and puts the caller into the request. Returns the owner that the
    /// policy demands, if any.
    async fn identify(&self, request: &mut Request) -> Result<Option<Owner>, Status> {
        if self.transport == Transport::Http {
            bearer::refuse_in_query(request.uri())?;
        }
        if self.policy.access == Access::Public {
            return Ok(None);
        }
        let refuse = |rejection| bearer::refuse(rejection, self.policy);
        let caller = match self.shared.verifier.verify(request.headers()).await {
            Err(Rejection::Missing) if self.policy.access == Access::Internal => None,
            verified => Some(verified.map_err(refuse)?),
        };
        if self.policy.access == Access::Internal {
            let service = self.calling_service(request.headers());
            let service = service.map_err(|rejection| match rejection {
                ServiceRejection::Missing if caller.is_some() => ServiceRejection::User,
                rejection => rejection,
            })?;
            request.extensions_mut().insert(CallingService(service));
        }
        let Some(caller) = caller else {
            // An internal call on behalf of no user.
            request.extensions_mut().insert(Viewer::Service);
            return Ok(None);
        };
        let satisfied = caller.satisfies(self.policy).map_err(refuse);
        let owner = self.policy.owner.map(|_| Owner::new(&caller));
        let extensions = request.extensions_mut();
        extensions.insert(Viewer::User {
            subject: caller.subject.clone(),
            roles: caller.roles.clone(),
        });
        extensions.insert(caller);
        if let Some(owner) = &owner {
            extensions.insert(owner.clone());
        }
        satisfied.map(|()| owner)
    }

    /// Counts the call if the method has a limit. A call that was refused counts for its address.
    async fn count(&self, known: &Extensions) -> Result<Option<(&Limit, Verdict)>, Status> {
        let Some(limit) = &self.limit else {
            return Ok(None);
        };
        let verdict = self.shared.rates.take(limit, &rate::caller_of(known)).await;
        if let Verdict::Refused { retry_after } = verdict {
            let mut refusal = rate::refusal(retry_after);
            let mut headers = HeaderMap::new();
            limit.tell(verdict, &mut headers);
            *refusal.metadata_mut() = MetadataMap::from_headers(headers);
            return Err(refusal);
        }
        Ok(Some((limit, verdict)))
    }

    fn calling_service(&self, headers: &HeaderMap) -> Result<Arc<str>, ServiceRejection> {
        let contract = self.rpc.split('/').next().unwrap_or_default();
        self.shared.service_verifier.verify(headers, contract)
    }

    /// An error in the format of the transport.
    fn refuse(&self, status: Status) -> Response {
        let too_large = body::is_too_large(&status);
        let mut response = status_response(status, self.transport);
        if self.transport == Transport::Http && too_large {
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        }
        response
    }
}

/// The code of a call. An answer without a gRPC status is a success: its trailers follow the message.
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
