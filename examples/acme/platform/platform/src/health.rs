//! Whether the process can do its work: `/readyz`, and `grpc.health.v1` with its `Watch`.
//!
//! It can while its databases answer and it is not about to stop. `/healthz` says only that the process is alive: a
//! database that is away is no reason to be restarted.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use http::StatusCode;
use tokio_util::sync::CancellationToken;
use tonic_health::{ServingStatus, server::HealthReporter};

use crate::service::UsedDatabase;

const CHECK_EVERY: Duration = Duration::from_secs(2);
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

pub(crate) struct Health {
    databases: Vec<UsedDatabase>,
    /// The proto services whose health follows the process's; "" is the process as a whole.
    names: Vec<&'static str>,
    reporter: HealthReporter,
    stopping: AtomicBool,
}

impl Health {
    pub fn new(
        databases: Vec<UsedDatabase>,
        contracts: impl Iterator<Item = &'static str>,
    ) -> Self {
        let names = contracts.chain([""]).collect();
        Self {
            databases,
            names,
            reporter: HealthReporter::new(),
            stopping: AtomicBool::new(false),
        }
    }

    pub fn reporter(&self) -> HealthReporter {
        self.reporter.clone()
    }

    /// What is missing, or nothing when all is well.
    async fn missing(&self) -> Vec<String> {
        if self.stopping.load(Ordering::Relaxed) {
            return vec!["the process is about to stop".to_owned()];
        }
        let mut missing = Vec::new();
        for used in &self.databases {
            let ping = tokio::time::timeout(CHECK_TIMEOUT, used.database.ping());
            match ping.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::warn!(service = used.service, cause = %error, "not ready: the database does not answer");
                    missing.push(format!("the database of {} does not answer", used.service));
                }
                Err(_) => missing.push(format!(
                    "the database of {} does not answer in time",
                    used.service
                )),
            }
        }
        missing
    }

    /// Checks now, tells those who watch over gRPC, and returns what is missing.
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

    /// Keeps checking until the process stops.
    pub async fn watch(&self, stop: CancellationToken) {
        while stop
            .run_until_cancelled(tokio::time::sleep(CHECK_EVERY))
            .await
            .is_some()
        {
            self.check().await;
        }
    }

    /// Sets the gauges of the databases.
    pub fn measure(&self) {
        for used in &self.databases {
            used.database.measure();
        }
    }

    /// Not ready from now on.
    pub async fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
        self.report(ServingStatus::NotServing).await;
    }

    /// Ends the streams of those who watch: nothing more will be told.
    pub async fn end_watches(&self) {
        let mut reporter = self.reporter.clone();
        for name in &self.names {
            reporter.clear_service_status(name).await;
        }
    }

    /// The answer of `/readyz`.
    pub async fn readyz(&self) -> (StatusCode, String) {
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
