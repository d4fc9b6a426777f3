//! The current request: its ids, its deadline and its client, for logs, traces and calls to other services.

use std::{net::IpAddr, sync::Arc, time::Instant};

use http::HeaderValue;
use opentelemetry::{
    propagation::{Extractor, Injector, TextMapPropagator},
    trace::{SpanContext, SpanId, TraceContextExt, TraceFlags, TraceId},
};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

tokio::task_local! {
    static CURRENT: Context;
}

/// The current request. Cheap to clone.
#[derive(Clone)]
pub struct Context(Arc<Ids>);

/// The facts known about a request.
pub struct Ids {
    /// `x-request-id`, as sent by the caller or made here.
    pub request_id: HeaderValue,
    /// The trace id of the W3C trace context. It exists even if the request is not traced.
    pub trace_id: TraceId,
    /// Whether the request is traced, in this service and in those it calls.
    pub sampled: bool,
    /// The span of the caller, with its `tracestate`. Invalid when the caller sent none.
    pub parent: SpanContext,
    /// When the time for the request ends.
    pub deadline: Instant,
    /// The address of the client.
    pub client: Option<IpAddr>,
}

impl Context {
    /// Begins a request.
    pub fn new(ids: Ids) -> Self {
        Self(Arc::new(ids))
    }

    /// All facts about the request.
    pub fn ids(&self) -> &Ids {
        &self.0
    }

    /// The request id, as sent by the caller or made here.
    pub fn request_id(&self) -> &str {
        self.0.request_id.to_str().unwrap_or_default()
    }

    /// The trace id of the W3C trace context. It exists even if the request is not traced.
    pub fn trace_id(&self) -> TraceId {
        self.0.trace_id
    }

    /// When the time for the request ends.
    pub fn deadline(&self) -> Instant {
        self.0.deadline
    }

    /// The address of the client: the peer of the connection or, behind a proxy of `http.proxies`, the address that the
    /// proxy sends. `None` for a request without a connection.
    pub fn client(&self) -> Option<IpAddr> {
        self.0.client
    }

    /// Writes `traceparent` and `tracestate` for a call to another service, so that its spans and logs join this trace.
    /// <https://www.w3.org/TR/trace-context/>
    pub fn inject(&self, headers: &mut dyn Injector) {
        let span = Span::current().context();
        let own = span.span().span_context().span_id();
        let span_id = [own, self.0.parent.span_id()]
            .into_iter()
            .find(|id| *id != SpanId::INVALID)
            .unwrap_or_else(|| SpanId::from(rand::random::<u64>()));
        let flags = TraceFlags::default().with_sampled(self.0.sampled);
        let state = self.0.parent.trace_state().clone();
        let span = SpanContext::new(self.0.trace_id, span_id, flags, true, state);
        let context = opentelemetry::Context::new().with_remote_span_context(span);
        TraceContextPropagator::new().inject_context(&context, headers);
    }

    /// Runs the function in this context.
    pub fn run<R>(self, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(self, function)
    }

    /// Runs the future in this context.
    pub fn scope<F: Future>(self, future: F) -> impl Future<Output = F::Output> {
        CURRENT.scope(self, future)
    }
}

/// The caller's span from `traceparent` and `tracestate`; invalid when the headers hold none.
pub fn extract(headers: &dyn Extractor) -> SpanContext {
    let context =
        TraceContextPropagator::new().extract_with_context(&opentelemetry::Context::new(), headers);
    context.span().span_context().clone()
}

/// The current request; `None` in background tasks and in tasks that a handler spawns.
pub fn current() -> Option<Context> {
    CURRENT.try_with(Context::clone).ok()
}

/// Like [`current`], without a clone.
pub fn with<R>(read: impl FnOnce(&Ids) -> R) -> Option<R> {
    CURRENT.try_with(|context| read(&context.0)).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn headers(traceparent: &str) -> HashMap<String, String> {
        [("traceparent", traceparent), ("tracestate", "vendor=1")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into()
    }

    #[test]
    fn only_a_valid_traceparent_continues_a_trace() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let span = extract(&headers(valid));
        assert_eq!(
            span.trace_id().to_string(),
            "4bf92f3577b34da6a3ce929d0e0e4736"
        );
        assert_eq!(span.span_id().to_string(), "00f067aa0ba902b7");
        assert!(span.is_sampled());
        assert!(!extract(&headers(&valid.replace("-01", "-00"))).is_sampled());
        let later = valid.replacen("00", "cc", 1).replace("-01", "-01-later");
        assert!(extract(&headers(&later)).is_valid());
        for wrong in [
            "",
            "00",
            &valid[3..],
            &format!("{valid}-x"),
            &valid.replace("4bf", "xyz"),
            &valid.replacen("00", "ff", 1),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        ] {
            assert!(!extract(&headers(wrong)).is_valid(), "{wrong}");
        }
    }

    #[test]
    fn a_call_carries_the_trace_of_its_request() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let parent = extract(&headers(valid));
        let context = Context::new(Ids {
            request_id: HeaderValue::from_static("1"),
            trace_id: parent.trace_id(),
            sampled: parent.is_sampled(),
            parent,
            deadline: Instant::now(),
            client: None,
        });
        let mut sent = HashMap::new();
        context.inject(&mut sent);
        assert_eq!(sent["traceparent"], valid);
        assert_eq!(sent["tracestate"], "vendor=1");
    }
}
