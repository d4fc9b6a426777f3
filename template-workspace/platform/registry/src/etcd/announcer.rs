//! Announces this process: keeps its record in etcd.

use std::{
    convert::Infallible,
    net::IpAddr,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Instant,
};

use etcd_client::{PutOptions, WatchOptions};
use platform_base::{LogOnce, Part, Phase, Stop, async_trait};
use tokio::time;
use uuid::Uuid;

use super::connection::{BACKOFF, Hosts, Lost};
use crate::{Announcement, Config, Endpoint, Instance};

pub(super) struct Announcer {
    hosts: Hosts,
    announcement: Announcement,
    config: Config,
    id: String,
    /// The last lease that etcd granted.
    lease: Mutex<Option<i64>>,
    is_registered: AtomicBool,
    complaints: LogOnce,
}

impl Announcer {
    pub fn new(hosts: Hosts, announcement: Announcement, config: Config) -> Self {
        Self {
            hosts,
            announcement,
            config,
            id: Uuid::new_v4().to_string(),
            lease: Mutex::default(),
            is_registered: AtomicBool::new(false),
            complaints: LogOnce::a_minute(),
        }
    }

    /// Registers, and registers again after every loss.
    async fn stay_registered(&self) -> Infallible {
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            let Err(lost) = self.hold().await;
            let was_registered = self.is_registered.swap(false, Ordering::Relaxed);
            if was_registered {
                metrics::counter!("registry_losses_total", "service" => self.announcement.service)
                    .increment(1);
            }
            if was_registered || self.complaints.due().is_some() {
                let service = self.announcement.service;
                tracing::warn!(service, cause = lost.0, "not registered: trying again");
            }
            // One that is lost as soon as it is made counts as a failure like any other.
            let lasted = was_registered && begun.elapsed() > BACKOFF.longest;
            failures = if lasted { 1 } else { failures + 1 };
            time::sleep(BACKOFF.wait(failures)).await;
        }
    }

    /// Makes a lease and a record, and returns when either is lost.
    async fn hold(&self) -> Result<Infallible, Lost> {
        let mut client = self.hosts.connect().await?;
        let seconds = self.config.lease.as_secs() as i64;
        let lease = self.hosts.answer(client.lease_grant(seconds, None)).await?;
        let lease = lease.id();
        *self.lease.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);

        let key = self.key();
        let record = self.record().await?;
        // A put takes the key from the lease that it had before. So that lease may expire, and nothing is deleted.
        let with_lease = PutOptions::new().with_lease(lease);
        let put = client.put(key.as_str(), record, Some(with_lease));
        let put = self.hosts.answer(put).await?;
        let revision = put.header().map_or(0, |header| header.revision());
        let (mut keeper, mut answers) = self.hosts.answer(client.lease_keep_alive(lease)).await?;
        let later = WatchOptions::new().with_start_revision(revision + 1);
        let watching = client.watch(key.as_str(), Some(later));
        let mut changes = self.hosts.answer(watching).await?;
        self.note_registered(&key);

        let mut beat = time::interval(self.config.lease / 3);
        loop {
            tokio::select! {
                _ = beat.tick() => {
                    self.hosts.answer(keeper.keep_alive()).await?;
                    let answer = self.hosts.answer(answers.message()).await?;
                    if answer.is_none_or(|answer| answer.ttl() <= 0) {
                        return Err(Lost("the lease has expired or was revoked".to_owned()));
                    }
                }
                change = changes.message() => match change? {
                    Some(change) if change.canceled() => {
                        return Err(Lost(format!("etcd ended the watch: {}", change.cancel_reason())));
                    }
                    Some(change) if change.events().is_empty() => {}
                    Some(_) => return Err(Lost("the record was deleted or overwritten".to_owned())),
                    None => return Err(Lost("etcd closed the connection".to_owned())),
                },
            }
        }
    }

    fn note_registered(&self, key: &str) {
        self.is_registered.store(true, Ordering::Relaxed);
        let service = self.announcement.service;
        tracing::info!(service, key, "registered");
    }

    fn key(&self) -> String {
        let prefix = self.config.prefix.trim_end_matches('/');
        format!("{prefix}/{}/{}", self.announcement.service, self.id)
    }

    /// The record as JSON.
    async fn record(&self) -> Result<String, Lost> {
        let Announcement {
            service,
            version,
            grpc,
            http,
        } = self.announcement;
        let mut endpoints = Vec::new();
        for (scheme, address) in [("grpc", grpc), ("http", http)] {
            let host = self.host(address.ip()).await?;
            endpoints.push(Endpoint::plain(scheme, &host, address.port()).to_string());
        }
        let metadata = self.config.metadata.iter();
        let metadata = metadata.map(|fact| (fact.key.clone(), fact.value.clone()));
        let weight = ("weight".to_owned(), self.config.weight.to_string());
        let instance = Instance {
            id: self.id.clone(),
            name: service.to_owned(),
            version: version.to_owned(),
            metadata: metadata.chain([weight]).collect(),
            endpoints,
        };
        serde_json::to_string(&instance).map_err(|error| Lost(error.to_string()))
    }

    /// The host by which others reach a listener.
    async fn host(&self, listener: IpAddr) -> Result<String, Lost> {
        match &self.config.advertise {
            Some(host) => Ok(host.clone()),
            None if listener.is_unspecified() => Ok(self.hosts.source().await?.to_string()),
            None => Ok(listener.to_string()),
        }
    }

    /// Removes the record. If etcd does not answer, the lease ends it.
    async fn deregister(&self) {
        self.is_registered.store(false, Ordering::Relaxed);
        let lease = *self.lease.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(lease) = lease else { return };
        let service = self.announcement.service;
        // The listeners close only after this, so it takes no longer than one answer, however many it needs.
        let removed = time::timeout(self.config.timeout, self.remove(lease)).await;
        let removed =
            removed.unwrap_or_else(|_| Err(Lost("etcd does not answer in time".to_owned())));
        match removed {
            Ok(()) => tracing::info!(service, "deregistered"),
            Err(lost) => tracing::warn!(
                service,
                cause = lost.0,
                "not deregistered: the record ends with its lease"
            ),
        }
    }

    async fn remove(&self, lease: i64) -> Result<(), Lost> {
        let mut client = self.hosts.connect().await?;
        self.hosts.answer(client.delete(self.key(), None)).await?;
        // A put that is still on its way fails without the lease.
        let revoked = self.hosts.answer(client.lease_revoke(lease)).await;
        match revoked {
            Err(Lost(text)) if text.contains("lease not found") => Ok(()),
            revoked => revoked.map(drop),
        }
    }
}

#[async_trait]
impl Part for Announcer {
    fn name(&self) -> String {
        format!("registration of {}", self.announcement.service)
    }

    fn phase(&self) -> Phase {
        Phase::Announcement
    }

    async fn ready(&self) -> Result<(), String> {
        if self.is_registered.load(Ordering::Relaxed) {
            Ok(())
        } else {
            Err(format!("{} is not registered", self.announcement.service))
        }
    }

    async fn run(&self, stop: Stop) {
        let staying = self.stay_registered();
        stop.closing.run_until_cancelled(staying).await;
        self.deregister().await;
    }

    fn measure(&self) {
        let is_registered = self.is_registered.load(Ordering::Relaxed);
        metrics::gauge!("registry_registered", "service" => self.announcement.service)
            .set(u8::from(is_registered));
    }
}
