//! The request that the running code works for: its ids, for logs, traces and calls to other services.

use std::{net::IpAddr, sync::Arc, time::Instant};

use http::HeaderValue;
use opentelemetry::trace::{SpanId, TraceContextExt, TraceId};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

tokio::task_local! {
    static CURRENT: Context;
}

/// The ids of a request. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Ids>);

pub(crate) struct Ids {
    pub request_id: HeaderValue,
    pub trace_id: TraceId,
    /// The span of the caller, when there is one.
    pub parent: Option<SpanId>,
    /// Whether the request is to be traced, wherever it goes.
    pub sampled: bool,
    /// When its time is over.
    pub deadline: Instant,
    /// Who has sent it.
    pub client: Option<IpAddr>,
}

impl Context {
    pub(crate) fn new(ids: Ids) -> Self {
        Self(Arc::new(ids))
    }

    pub(crate) fn ids(&self) -> &Ids {
        &self.0
    }

    /// The request id, as sent by the caller or made here.
    pub fn request_id(&self) -> &str {
        self.0.request_id.to_str().unwrap_or_default()
    }

    /// The trace id of the W3C trace context; there is one whether or not the request is traced.
    pub fn trace_id(&self) -> TraceId {
        self.0.trace_id
    }

    /// When the request's time is over.
    pub fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// The address of the client: of the connection or, where that is a proxy of `http.proxies`, the one that it tells of.
    /// None for a request that came over no connection.
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    /// What a call to another service carries, so that its spans and logs join these.
    pub fn traceparent(&self) -> String {
        let span = Span::current().context();
        let span = span.span().span_context().span_id();
        let own = Some(span).filter(|span| *span != SpanId::INVALID);
        let span = own
            .or(self.0.parent)
            .unwrap_or_else(|| SpanId::from(rand::random::<u64>()));
        format!(
            "00-{}-{span}-{:02x}",
            self.0.trace_id,
            u8::from(self.0.sampled)
        )
    }

    /// The function, run in this context.
    pub(crate) fn run<R>(self, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, function)
    }

    /// The future, run in this context.
    pub(crate) fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }
}

/// The context of the request in work; none in background tasks, and in tasks that a handler spawns.
pub fn current() -> Option<Context> {
    CURRENT.try_with(Context::clone).ok()
}

/// As [`current`], without a clone.
pub(crate) fn with<R>(read: impl FnOnce(&Ids) -> R) -> Option<R> {
    CURRENT.try_with(|context| read(&context.0)).ok()
}
