//! Where services announce their instances and find those of others.
//!
//! - [`open`] takes the [`Config`] and returns a [`Registry`]; begin there.
//! - [`Registry::follow`] returns the [`Instances`] of a service, which change while the process runs.
//! - [`Registry::announce`] returns the [`Part`](platform_base::Part) that announces this process.
//!
//! `static://` has the instances of the configuration, `dns://` the addresses of headless services. `etcd://…` has one
//! record for each instance, in the format of Kratos, so that services in Go find ours and ours find them.
//!
//! The crate promises that a process which lost its record announces itself again, however often that happens and
//! however long etcd was away; and that the last known instances stay while nobody can be asked. Without the feature
//! `etcd`, no line of etcd is compiled, and every `etcd://` URL is refused.

mod config;
mod dns;
#[cfg(feature = "etcd")]
mod etcd;
#[cfg(feature = "etcd")]
mod etcd_url;
#[cfg(not(feature = "etcd"))]
#[path = "absent.rs"]
mod etcd_url;
mod fixed;
mod instance;
mod registry;

use std::sync::Arc;

pub use self::{
    config::{Config, Metadata, Named, RegistryUrl},
    etcd_url::EtcdUrl,
    instance::{Endpoint, Instance},
    registry::{Announcement, Instances, Registry},
};

/// The registry at the configured URL. Nothing is asked yet.
pub fn open(config: &Config) -> Arc<dyn Registry> {
    match &config.url {
        RegistryUrl::Static => Arc::new(fixed::Fixed::new(&config.services)),
        RegistryUrl::Dns(domain) => Arc::new(dns::Dns::new(domain.clone())),
        #[cfg(feature = "etcd")]
        RegistryUrl::Etcd(url) => Arc::new(etcd::Etcd::new(url.clone(), config)),
        #[cfg(not(feature = "etcd"))]
        RegistryUrl::Etcd(url) => match *url {},
    }
}
