//! The span of a request, for the few requests that are traced; for the others this costs nothing.

use api_runtime::{Request, Transport};
use http::StatusCode;
use opentelemetry::trace::TraceContextExt;
use platform_base::context;
use tonic::Code;
use tracing::{Span, field::Empty};
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Must be called in the context of the request.
pub(super) fn span(rpc: &'static str, transport: Transport, request: &Request) -> Span {
    let span = context::with(|ids| {
        if !ids.sampled {
            return Span::none();
        }
        let span = tracing::info_span!(
            parent: None,
            "request",
            otel.name = rpc,
            otel.kind = "server",
            otel.status_code = Empty,
            rpc.system = if transport == Transport::Grpc { "grpc" } else { "http" },
            rpc.method = rpc,
            rpc.status = Empty,
            http.request.method = request.method().as_str(),
            url.path = request.uri().path(),
            http.response.status_code = Empty,
            request_id = ids.request_id.to_str().unwrap_or_default(),
        );
        if ids.parent.is_valid() {
            let parent = opentelemetry::Context::new().with_remote_span_context(ids.parent.clone());
            // This fails only if no traces are exported.
            let _ = span.set_parent(parent);
        }
        span
    });
    span.unwrap_or_else(Span::none)
}

pub(super) fn finish(span: &Span, status: StatusCode, code: Code) {
    if span.is_none() {
        return;
    }
    span.record("http.response.status_code", i64::from(status.as_u16()));
    span.record("rpc.status", tracing::field::debug(code));
    if matches!(
        code,
        Code::Unknown
            | Code::Internal
            | Code::Unavailable
            | Code::DataLoss
            | Code::DeadlineExceeded
    ) {
        span.record("otel.status_code", "ERROR");
    }
}
