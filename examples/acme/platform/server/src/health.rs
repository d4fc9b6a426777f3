//! Readiness of the process: `/readyz`, and `grpc.health.v1` with its `Watch`.
//!
//! The process is ready while its parts are ready and it is not about to stop. `/healthz` says only that the process is
//! alive: an unavailable database is no reason for a restart.

use std::{sync::Arc, time::Duration};

use futures_util::stream::{self, BoxStream, StreamExt};
use http::StatusCode;
use platform_base::{Part, Phase, Stop, async_trait, every};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus, health_server,
};

const CHECK_EVERY: Duration = Duration::from_secs(2);
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

/// The health of a process.
pub struct Health {
    parts: Vec<Arc<dyn Part>>,
    /// The proto services that share the status of the process; "" is the process as a whole.
    names: Arc<[&'static str]>,
    /// `None` once the listeners close.
    status: watch::Sender<Option<ServingStatus>>,
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
            status: watch::Sender::new(Some(ServingStatus::NotServing)),
            draining,
        }
    }

    /// `grpc.health.v1.Health` of the process.
    pub(crate) fn service(&self) -> HealthService {
        HealthService {
            names: self.names.clone(),
            status: self.status.subscribe(),
        }
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
        self.report(Some(if ready {
            ServingStatus::Serving
        } else {
            ServingStatus::NotServing
        }));
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

    /// Tells the watchers only of a change.
    fn report(&self, status: Option<ServingStatus>) {
        self.status
            .send_if_modified(|reported| std::mem::replace(reported, status) != status);
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
        self.report(Some(ServingStatus::NotServing));
        stop.closing.cancelled().await;
        self.report(None);
    }
}

/// Answers `Check` and `Watch` as the protocol says. tonic-health ends a `Watch` of an unknown service with NOT_FOUND,
/// while a client expects SERVICE_UNKNOWN and a stream that stays.
pub(crate) struct HealthService {
    names: Arc<[&'static str]>,
    status: watch::Receiver<Option<ServingStatus>>,
}

impl HealthService {
    fn knows(&self, request: &HealthCheckRequest) -> bool {
        self.names.contains(&request.service.as_str())
    }
}

fn answer(status: ServingStatus) -> HealthCheckResponse {
    HealthCheckResponse {
        status: status.into(),
    }
}

#[async_trait]
impl health_server::Health for HealthService {
    async fn check(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<HealthCheckResponse>, Status> {
        if !self.knows(request.get_ref()) {
            return Err(Status::not_found("there is no such service"));
        }
        let status = *self.status.borrow();
        Ok(Response::new(answer(
            status.unwrap_or(ServingStatus::NotServing),
        )))
    }

    type WatchStream = BoxStream<'static, Result<HealthCheckResponse, Status>>;

    async fn watch(
        &self,
        request: Request<HealthCheckRequest>,
    ) -> Result<Response<Self::WatchStream>, Status> {
        let known = self.knows(request.get_ref());
        let mut statuses = self.status.clone();
        statuses.mark_changed();
        let answers = stream::unfold((statuses, None), move |(mut statuses, told)| async move {
            loop {
                statuses.changed().await.ok()?;
                let status = (*statuses.borrow_and_update())?;
                let status = if known {
                    status
                } else {
                    ServingStatus::ServiceUnknown
                };
                if told != Some(status) {
                    return Some((Ok(answer(status)), (statuses, Some(status))));
                }
            }
        });
        Ok(Response::new(answers.boxed()))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use tonic_health::pb::health_server::Health as _;

    use super::*;

    async fn watch(
        service: &HealthService,
        name: &str,
    ) -> BoxStream<'static, Result<HealthCheckResponse, Status>> {
        let request = HealthCheckRequest {
            service: name.to_owned(),
        };
        let answer = service.watch(Request::new(request)).await;
        answer.unwrap().into_inner()
    }

    #[tokio::test]
    async fn a_watch_tells_of_changes_alone_and_stays_with_an_unknown_service() {
        let health = Health::new(
            Vec::new(),
            ["users.v1.UsersService"].into_iter(),
            CancellationToken::new(),
        );
        health.check().await;
        let service = health.service();
        let mut known = watch(&service, "users.v1.UsersService").await;
        let mut process = watch(&service, "").await;
        let mut unknown = watch(&service, "tasks.v1.TasksService").await;
        for (stream, status) in [
            (&mut known, ServingStatus::Serving),
            (&mut process, ServingStatus::Serving),
            (&mut unknown, ServingStatus::ServiceUnknown),
        ] {
            assert_eq!(stream.next().await.unwrap().unwrap(), answer(status));
            health.check().await;
            assert!(stream.next().now_or_never().is_none(), "{status:?} again");
        }

        health.report(Some(ServingStatus::NotServing));
        let next = known.next().await.unwrap().unwrap();
        assert_eq!(next, answer(ServingStatus::NotServing));
        assert!(unknown.next().now_or_never().is_none());

        health.report(None);
        assert!(known.next().await.is_none());
        assert!(unknown.next().await.is_none());
    }
}
