//! What every kind of registry can do.

use std::{net::SocketAddr, sync::Arc};

use platform_base::Part;
use tokio::sync::watch;

use crate::Instance;

/// Knows the instances of services.
pub trait Registry: Send + Sync + 'static {
    /// Follows the instances of a service, until the result and its clones are dropped. Must be called within a runtime.
    fn follow(&self, service: &str) -> Instances;

    /// The part that announces this process while it runs. `None` where nothing has to be announced.
    fn announce(&self, announcement: Announcement) -> Option<Arc<dyn Part>>;
}

/// What a process says of itself, once its listeners have their addresses.
#[derive(Clone, Copy, Debug)]
pub struct Announcement {
    /// The name by which others ask for it.
    pub service: &'static str,
    /// The version of the program.
    pub version: &'static str,
    /// The address of the listener for gRPC.
    pub grpc: SocketAddr,
    /// The address of the listener for HTTP.
    pub http: SocketAddr,
}

/// The instances of a service, as far as they are known now.
#[derive(Clone, Debug)]
pub struct Instances(watch::Receiver<Known>);

/// `None` until the registry was asked for the first time.
pub(crate) type Known = Option<Arc<[Arc<Instance>]>>;

impl Instances {
    /// Instances, and where to put others in their place.
    pub(crate) fn new(known: Known) -> (watch::Sender<Known>, Self) {
        let (sender, receiver) = watch::channel(known);
        (sender, Self(receiver))
    }

    /// The instances now. `None` while the registry has not answered for the first time.
    pub fn now(&self) -> Option<Arc<[Arc<Instance>]>> {
        self.0.borrow().clone()
    }

    /// Waits until the instances change; for ever if they cannot.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

/// Replaces the instances if others are known now.
pub(crate) fn publish(sender: &watch::Sender<Known>, instances: Arc<[Arc<Instance>]>) {
    sender.send_if_modified(|known| {
        let differs = known.as_ref() != Some(&instances);
        if differs {
            *known = Some(instances);
        }
        differs
    });
}
