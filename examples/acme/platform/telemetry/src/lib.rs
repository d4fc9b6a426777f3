//! Logs, traces and metrics of the process.
//!
//! - [`init`] starts logging and, where an endpoint is configured, tracing; begin there.
//! - [`Metrics`] is the page for Prometheus behind the macros of the crate `metrics`.
//!
//! The crate promises that each log line carries the ids of its request, and that spans cost nothing in a request that is
//! not traced. Without the feature `otlp` nothing is sent, and an endpoint is refused.

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

/// The traces that are still to be sent. As the last part of a process, it sends them at the end.
pub struct Traces {
    exporter: Option<otlp::Exporter>,
}

/// How long the last traces may take.
const LAST: Duration = Duration::from_secs(5);

/// Starts logging and, where an endpoint is configured, tracing. Once per process, within its runtime.
///
/// # Errors
/// When it was done before, or the exporter cannot be made.
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
