//! Traces, sent over OTLP.
//!
//! Whether a request is traced is decided in `layers::ids`, before anything is made for it. A span that a handler makes
//! (`tracing::info_span!`) is sent when its request is.

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
use tracing::{Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{Layer, filter::dynamic_filter_fn, registry::LookupSpan};

use crate::{Error, context};

pub(super) fn provider(
    service: &'static str,
    version: &'static str,
    endpoint: &http::Uri,
) -> Result<SdkTracerProvider, Error> {
    let exporter = SpanExporter::builder()
        .with_tonic()
        .with_endpoint(endpoint.to_string())
        .with_timeout(Duration::from_secs(5))
        .build()
        .map_err(Error::internal)?;
    let resource = Resource::builder()
        .with_service_name(service)
        .with_attribute(KeyValue::new("service.version", version));
    Ok(SdkTracerProvider::builder()
        .with_resource(resource.build())
        .with_sampler(Sampler::AlwaysOn)
        .with_id_generator(Ids(RandomIdGenerator::default()))
        .with_batch_exporter(exporter)
        .build())
}

pub(super) fn layer<S>(
    provider: &SdkTracerProvider,
    service: &'static str,
) -> impl Layer<S> + use<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // The level keeps the many callsites of the HTTP stack switched off for good.
    const LEVEL: LevelFilter = LevelFilter::INFO;
    let filter = dynamic_filter_fn(|metadata, _| *metadata.level() <= LEVEL && super::is_traced());
    let filter = filter.with_max_level_hint(LEVEL);
    tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(service))
        .with_location(false)
        .with_threads(false)
        .with_target(false)
        .with_tracked_inactivity(false)
        .with_filter(filter)
}

/// A trace that starts here takes the id that the request's log lines already carry.
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
