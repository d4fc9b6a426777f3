//! Logs, traces and metrics of the process.
//!
//! - [`init`] starts logging and, if an endpoint is configured, tracing; begin there.
//! - [`Metrics`] renders the Prometheus page with what the macros of the crate `metrics` recorded.
//!
//! The crate promises that each log line has the ids of its request, and that spans cost nothing in a request that is
//! not traced. Without the feature `otlp` no traces are sent, and an endpoint in the configuration is refused.

mod config;
mod log;
mod metrics;
#[cfg(feature = "otlp")]
mod otlp;
#[cfg(not(feature = "otlp"))]
#[path = "absent.rs"]
mod otlp;

use std::time::Duration;

use platform_base::{Part, Phase, StartError, Stop, async_trait};
use tracing_subscriber::{Layer, layer::SubscriberExt, util::SubscriberInitExt};

pub use self::{
    config::{Log, LogFormat, LogLevel, OtlpEndpoint, Telemetry},
    metrics::Metrics,
};

/// Whether this build can send traces: it has the feature `otlp`.
pub const SENDS_TRACES: bool = cfg!(feature = "otlp");

/// The exporter of traces. It stops last in a process and then sends the remaining spans.
pub struct Traces {
    exporter: Option<otlp::Exporter>,
}

/// The timeout for sending the last traces.
const LAST: Duration = Duration::from_secs(5);

/// Starts logging and, if an endpoint is configured, tracing. Call it once per process, within its runtime.
///
/// # Errors
/// When it was called before, or the exporter cannot be made.
pub fn init(
    service: &'static str,
    version: &'static str,
    log: &Log,
    telemetry: &Telemetry,
) -> Result<Traces, StartError> {
    let exporter = match &telemetry.otlp_endpoint {
        Some(endpoint) => Some(otlp::Exporter::new(service, version, endpoint)?),
        None => None,
    };
    let traces = exporter.as_ref().map(|exporter| exporter.layer(service));
    tracing_subscriber::registry()
        .with(traces)
        .with(log::layer(log.format, service).with_filter(log.level.0.clone()))
        .try_init()
        .map_err(StartError::new)?;
    log_panics();
    Ok(Traces { exporter })
}

#[async_trait]
impl Part for Traces {
    fn name(&self) -> String {
        "traces".to_owned()
    }

    fn phase(&self) -> Phase {
        Phase::Telemetry
    }

    async fn run(&self, stop: Stop) {
        stop.closing.cancelled().await;
        if let Some(exporter) = &self.exporter {
            exporter.flush(LAST).await;
        }
    }
}

/// Logs the cause of a panic with the ids of its request.
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
