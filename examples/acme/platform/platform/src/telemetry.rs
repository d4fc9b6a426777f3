//! Logs, traces and metrics of the process.

mod log;
mod otlp;

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use opentelemetry_sdk::trace::SdkTracerProvider;
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

use crate::{Error, config::Config, context};

/// What has to be flushed when the process ends.
#[must_use]
pub(crate) struct Telemetry {
    tracer: Option<SdkTracerProvider>,
}

/// Starts logging and, where an endpoint is configured, tracing. Once per process, within its runtime.
pub(crate) fn init(
    service: &'static str,
    version: &'static str,
    config: &Config,
) -> Result<Telemetry, Error> {
    let tracer = match &config.telemetry.otlp_endpoint {
        Some(endpoint) => Some(otlp::provider(service, version, endpoint)?),
        None => None,
    };
    let traces = tracer.as_ref().map(|tracer| otlp::layer(tracer, service));
    tracing_subscriber::registry()
        .with(traces)
        .with(log::layer(config.log.format, service).with_filter(config.log.level.clone()))
        .try_init()
        .map_err(Error::internal)?;
    log_panics();
    Ok(Telemetry { tracer })
}

impl Telemetry {
    /// Sends what has not been sent yet, within the time given.
    pub async fn flush(self, within: Duration) {
        let Some(tracer) = self.tracer else { return };
        let flushed = tokio::task::spawn_blocking(move || tracer.shutdown_with_timeout(within));
        if let Ok(Err(error)) = flushed.await {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }
}

/// The cause of a panic goes to the log, beside the ids of its request.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let location = panic
            .location()
            .map(ToString::to_string)
            .unwrap_or_default();
        let message = panic
            .payload_as_str()
            .unwrap_or("a panic without a message");
        tracing::error!(location, message, "panicked");
    }));
}

/// The process's metrics. The first call makes this the recorder behind the macros of the crate `metrics`.
pub(crate) fn metrics() -> Result<&'static PrometheusHandle, Error> {
    static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
    const BUCKETS: [f64; 14] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    let install = || {
        let builder = PrometheusBuilder::new()
            .set_buckets(&BUCKETS)
            .map_err(|error| error.to_string())?;
        let handle = builder
            .install_recorder()
            .map_err(|error| error.to_string())?;
        describe();
        Ok(handle)
    };
    HANDLE
        .get_or_init(install)
        .as_ref()
        .map_err(|error| Error::internal(error.as_str()))
}

fn describe() {
    metrics::describe_counter!(
        "cache_requests_total",
        "Reads that asked a cache, by cache and outcome: hit, miss, shared with another read, or error."
    );
    metrics::describe_counter!(
        "rpc_requests_total",
        "Requests answered, by method, transport and code."
    );
    metrics::describe_counter!(
        "db_transactions_total",
        "Transactions of the database, by name and outcome; `retried` counts attempts that were repeated."
    );
    metrics::describe_gauge!(
        "db_pool_connections",
        "Connections to the database, by whether they are in use."
    );
    metrics::describe_gauge!(
        "db_pool_waiting",
        "Requests that wait for a connection to the database."
    );
    metrics::describe_histogram!(
        "rpc_duration_seconds",
        metrics::Unit::Seconds,
        "Time from a request's headers to its answer's, or to the end of a stream of answers."
    );
}

/// Whether spans are wanted where this is asked.
fn is_traced() -> bool {
    context::with(|ids| ids.sampled).unwrap_or(false)
}
