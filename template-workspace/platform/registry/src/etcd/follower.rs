//! Follows the records of a service.

use std::{convert::Infallible, time::Instant};

use etcd_client::{EventType, GetOptions, KeyValue, WatchOptions};
use platform_base::LogOnce;
use tokio::{sync::watch, time};

use super::{
    connection::{BACKOFF, Hosts, Lost},
    known::Known as Records,
};
use crate::{
    Config, Instance,
    registry::{Known, publish},
};

pub(super) struct Follower {
    hosts: Hosts,
    service: String,
    /// The keys of the service begin with it.
    prefix: String,
    records: Records,
}

impl Follower {
    pub fn new(hosts: Hosts, service: &str, config: &Config) -> Self {
        let prefix = config.prefix.trim_end_matches('/');
        Self {
            hosts,
            service: service.to_owned(),
            prefix: format!("{prefix}/{service}/"),
            records: Records::new(config.lease),
        }
    }

    /// Puts the instances into the sender until nobody follows them.
    pub async fn run(mut self, sender: watch::Sender<Known>) {
        tokio::select! {
            never = self.follow(&sender) => match never {},
            () = sender.closed() => {}
        }
    }

    async fn follow(&mut self, sender: &watch::Sender<Known>) -> Infallible {
        let complaints = LogOnce::a_minute();
        let mut failures = 0;
        loop {
            let begun = Instant::now();
            let Err(lost) = self.list_and_watch(sender).await;
            metrics::counter!("registry_watch_failures_total", "service" => self.service.clone())
                .increment(1);
            if complaints.due().is_some() {
                let service = &self.service;
                tracing::warn!(
                    service,
                    cause = lost.0,
                    "the instances of a service are not followed: trying again, with those last known"
                );
            }
            let lasted = begun.elapsed() > BACKOFF.longest + BACKOFF.longest;
            failures = if lasted { 1 } else { failures + 1 };
            time::sleep(BACKOFF.wait(failures)).await;
        }
    }

    /// Lists the records, and then watches from the next revision. Returns when something fails, so that they are listed
    /// again: an etcd that was restored from a backup counts its revisions anew.
    async fn list_and_watch(&mut self, sender: &watch::Sender<Known>) -> Result<Infallible, Lost> {
        let mut client = self.hosts.connect().await?;
        let all = GetOptions::new().with_prefix();
        let list = client.get(self.prefix.as_str(), Some(all));
        let list = self.hosts.answer(list).await?;
        let records = list.kvs().iter().filter_map(|record| self.read(record));
        self.records.replace(records.collect(), Instant::now());
        publish(sender, self.records.instances());

        let revision = list.header().map_or(0, |header| header.revision());
        let later = WatchOptions::new()
            .with_prefix()
            .with_start_revision(revision + 1);
        let watching = client.watch(self.prefix.as_str(), Some(later));
        let mut changes = self.hosts.answer(watching).await?;
        loop {
            let due = self.records.next_end();
            let expired = async {
                match due {
                    Some(due) => time::sleep_until(due.into()).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = expired => self.records.expire(Instant::now()),
                change = changes.message() => {
                    let change = change?.ok_or_else(|| Lost("etcd closed the connection".to_owned()))?;
                    if change.canceled() {
                        return Err(Lost(format!("etcd ended the watch: {}", change.cancel_reason())));
                    }
                    for event in change.events() {
                        let Some(record) = event.kv() else { continue };
                        let put = match event.event_type() {
                            EventType::Put => self.read(record),
                            EventType::Delete => None,
                        };
                        match put {
                            Some((key, instance)) => self.records.put(key, instance),
                            None => self.records.delete(record.key(), Instant::now()),
                        }
                    }
                }
            }
            publish(sender, self.records.instances());
        }
    }

    /// The record with its key. `None` if it is not one.
    fn read(&self, record: &KeyValue) -> Option<(Vec<u8>, Instance)> {
        match serde_json::from_slice::<Instance>(record.value()) {
            Ok(instance) if instance.name == self.service => {
                Some((record.key().to_owned(), instance))
            }
            Ok(instance) => {
                let key = record.key_str().unwrap_or_default();
                tracing::warn!(
                    key,
                    name = instance.name,
                    "a record is of another service: not used"
                );
                None
            }
            Err(error) => {
                let key = record.key_str().unwrap_or_default();
                tracing::warn!(key, cause = %error, "a record cannot be read: not used");
                None
            }
        }
    }
}
