//! The metrics of the process.

use std::{sync::OnceLock, time::Duration};

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use platform_base::{Part, Phase, StartError, Stop, async_trait, every};

/// The metrics of the process, in Prometheus format.
#[derive(Clone, Copy)]
pub struct Metrics(&'static PrometheusHandle);

impl Metrics {
    /// Installs the recorder behind the macros of the crate `metrics`, at the first call.
    ///
    /// # Errors
    /// When another recorder is installed.
    pub fn install() -> Result<Self, StartError> {
        static HANDLE: OnceLock<Result<PrometheusHandle, String>> = OnceLock::new();
        let handle = HANDLE.get_or_init(install).as_ref();
        handle
            .map(Self)
            .map_err(|error| StartError::new(error.as_str()))
    }

    /// The metrics page for Prometheus.
    pub fn render(&self) -> String {
        self.0.render()
    }
}

/// The exporter stores all samples until a scrape or this regular upkeep aggregates them.
#[async_trait]
impl Part for Metrics {
    fn name(&self) -> String {
        "metrics".to_owned()
    }

    fn phase(&self) -> Phase {
        Phase::Telemetry
    }

    async fn run(&self, stop: Stop) {
        let upkeep = every(Duration::from_secs(5), async || self.0.run_upkeep());
        stop.closing.run_until_cancelled(upkeep).await;
    }
}

fn install() -> Result<PrometheusHandle, String> {
    const BUCKETS: [f64; 14] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
    ];
    let builder = PrometheusBuilder::new()
        .set_buckets(&BUCKETS)
        .map_err(|error| error.to_string())?;
    let handle = builder
        .install_recorder()
        .map_err(|error| error.to_string())?;
    describe();
    Ok(handle)
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
    metrics::describe_counter!(
        "db_faults_total",
        "Failures of the database, by service and fault."
    );
    metrics::describe_gauge!(
        "registry_registered",
        "Whether the process is announced in the registry, by service: 1 or 0."
    );
    metrics::describe_counter!(
        "registry_losses_total",
        "Registrations that were lost and had to be made again, by service."
    );
    metrics::describe_counter!(
        "registry_watch_failures_total",
        "Times when the instances of a service could not be followed, by service."
    );
    metrics::describe_counter!(
        "unmatched_requests_total",
        "Requests that no method answered, by what does not exist: the path, or the verb for it."
    );
    metrics::describe_histogram!(
        "rpc_duration_seconds",
        metrics::Unit::Seconds,
        "Time from a request's headers to its answer's, or to the end of a stream of answers."
    );
}
