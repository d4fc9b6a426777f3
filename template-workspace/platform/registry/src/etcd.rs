//! `etcd://`: a record for each instance, under a lease.

mod announcer;
mod connection;
mod follower;
mod known;

use std::sync::Arc;

use platform_base::Part;

use self::{announcer::Announcer, connection::Hosts, follower::Follower};
use crate::{Announcement, Config, EtcdUrl, Instances, Registry};

pub(crate) struct Etcd {
    url: EtcdUrl,
    config: Config,
}

impl Etcd {
    pub fn new(url: EtcdUrl, config: &Config) -> Self {
        Self {
            url,
            config: config.clone(),
        }
    }

    fn hosts(&self) -> Hosts {
        Hosts::new(self.url.clone(), self.config.timeout)
    }
}

impl Registry for Etcd {
    fn follow(&self, service: &str) -> Instances {
        let (sender, instances) = Instances::new(None);
        let follower = Follower::new(self.hosts(), service, &self.config);
        tokio::spawn(follower.run(sender));
        instances
    }

    fn announce(&self, announcement: Announcement) -> Option<Arc<dyn Part>> {
        let announcer = Announcer::new(self.hosts(), announcement, self.config.clone());
        Some(Arc::new(announcer))
    }
}
