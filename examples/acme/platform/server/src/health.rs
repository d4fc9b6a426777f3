//! Readiness of the process: `/readyz`, and `grpc.health.v1` with its `Watch`.
//!
//! The process is ready while its parts are ready and it is not about to stop. `/healthz` says only that the process is
//! alive: an unavailable database is no reason for a restart.

use std::{sync::Arc, time::Duration};

use http::StatusCode;
use platform_base::{Part, Phase, Stop, async_trait, every};
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

const CHECK_EVERY: Duration = Duration::from_secs(2);
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The health of a process.
pub struct Health {
    parts: Vec<Arc<dyn Part>>,
    /// The proto services that share the status of the process; "" is the process as a whole.
    names: Vec<&'static str>,
    reporter: HealthReporter,
    /// The process is about to stop.
    draining: CancellationToken,
}

impl Health {
    /// The health of these parts, for contracts of these names. The process is not ready once `draining` is cancelled.
    pub fn new(
        parts: Vec<Arc<dyn Part>>,
        contracts: impl Iterator<Item = &'static str>,
        draining: CancellationToken,
    ) -> Self {
        Self {
            parts,
            names: contracts.chain([""]).collect(),
            reporter: HealthReporter::new(),
            draining,
        }
    }

    pub(crate) fn reporter(&self) -> HealthReporter {
        self.reporter.clone()
    }

    /// The reasons why the process is not ready; empty if it is.
    async fn missing(&self) -> Vec<String> {
        if self.draining.is_cancelled() {
            return vec!["the process is about to stop".to_owned()];
        }
        let mut missing = Vec::new();
        for part in &self.parts {
            match tokio::time::timeout(CHECK_TIMEOUT, part.ready()).await {
                Ok(Ok(())) => {}
                Ok(Err(reason)) => missing.push(reason),
                Err(_) => missing.push(format!("{} does not answer in time", part.name())),
            }
        }
        missing
    }

    /// Checks now, reports the status to gRPC watchers, and returns the reasons why the process is not ready.
    pub async fn check(&self) -> Vec<String> {
        let missing = self.missing().await;
        let ready = missing.is_empty();
        self.report(if ready {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        })
        .await;
        missing
    }

    /// Sets the gauges of the parts.
    pub(crate) fn measure(&self) {
        self.parts.iter().for_each(|part| part.measure());
    }

    /// The answer of `/readyz`.
    pub(crate) async fn readyz(&self) -> (StatusCode, String) {
        match self.check().await.as_slice() {
            [] => (StatusCode::OK, "ready\n".to_owned()),
            missing => (
                StatusCode::SERVICE_UNAVAILABLE,
                format!("not ready: {}\n", missing.join("; ")),
            ),
        }
    }

    async fn report(&self, status: ServingStatus) {
        for name in &self.names {
            self.reporter.set_service_status(name, status).await;
        }
    }
}

/// Checks regularly until the process is about to stop. Streams of `Watch` end with the listeners.
#[async_trait]
impl Part for Health {
    fn name(&self) -> String {
        "health".to_owned()
    }

    fn phase(&self) -> Phase {
        Phase::Listener
    }

    async fn run(&self, stop: Stop) {
        let checking = every(CHECK_EVERY, async || {
            self.check().await;
        });
        stop.draining.run_until_cancelled(checking).await;
        self.report(ServingStatus::NotServing).await;
        stop.closing.cancelled().await;
        let mut reporter = self.reporter.clone();
        for name in &self.names {
            reporter.clear_service_status(name).await;
        }
    }
}
