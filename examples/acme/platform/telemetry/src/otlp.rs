//! Traces, sent over OTLP.
//!
//! Whether a request is traced is decided at its start, before any span is made. A span that a handler makes
//! (`tracing::info_span!`) is sent if its request is traced.

use std::time::Duration;

use opentelemetry::{
    KeyValue,
    trace::{SpanId, TraceId, TracerProvider},
};
use opentelemetry_otlp::{SpanExporter, WithExportConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{IdGenerator, RandomIdGenerator, Sampler, SdkTracerProvider},
};
use platform_base::{StartError, context};
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::dynamic_filter_fn, registry::LookupSpan};

use crate::config::OtlpEndpoint;

/// Sends spans in batches, in the background.
pub(crate) struct Exporter(SdkTracerProvider);

impl Exporter {
    pub fn new(
        service: &'static str,
        version: &'static str,
        endpoint: &OtlpEndpoint,
    ) -> Result<Self, StartError> {
        let exporter = SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint.0.to_string())
            .with_timeout(Duration::from_secs(5))
            .build()
            .map_err(StartError::new)?;
        let resource = Resource::builder()
            .with_service_name(service)
            .with_attribute(KeyValue::new("service.version", version));
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_sampler(Sampler::AlwaysOn)
            .with_id_generator(Ids(RandomIdGenerator::default()))
            .with_batch_exporter(exporter);
        Ok(Self(provider.build()))
    }

    pub fn layer<S>(&self, service: &'static str) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        // The level hint disables the many callsites of the HTTP stack below `info` for good.
        const LEVEL: LevelFilter = LevelFilter::INFO;
        let filter = dynamic_filter_fn(|metadata, _| *metadata.level() <= LEVEL && is_traced());
        let filter = filter.with_max_level_hint(LEVEL);
        tracing_opentelemetry::layer()
            .with_tracer(self.0.tracer(service))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter)
            .boxed()
    }

    /// Sends the remaining spans, within this time.
    pub async fn flush(&self, within: Duration) {
        let provider = self.0.clone();
        let flushed = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(within));
        if let Ok(Err(error)) = flushed.await {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// Whether the current request is traced.
fn is_traced() -> bool {
    context::with(|ids| ids.sampled).unwrap_or(false)
}

/// A new trace takes the trace id that the log lines of the request already have.
#[derive(Debug)]
struct Ids(RandomIdGenerator);

impl IdGenerator for Ids {
    fn new_trace_id(&self) -> TraceId {
        context::with(|ids| ids.trace_id).unwrap_or_else(|| self.0.new_trace_id())
    }

    fn new_span_id(&self) -> SpanId {
        self.0.new_span_id()
    }
}
