//! `dns://`: the addresses of names, such as those of Kubernetes' headless services.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
    time::Duration,
};

use platform_base::{LogOnce, Part};
use tokio::{net::lookup_host, sync::watch, time};

use crate::{
    Announcement, Instance, Instances, Registry,
    config::Domain,
    instance::Endpoint,
    registry::{Known, publish},
};

/// How often a name is looked up again.
const REFRESH: Duration = Duration::from_secs(5);

pub(crate) struct Dns {
    domain: Domain,
}

impl Dns {
    pub fn new(domain: Domain) -> Self {
        Self { domain }
    }
}

impl Registry for Dns {
    fn follow(&self, service: &str) -> Instances {
        let (sender, instances) = Instances::new(None);
        let name = match self.domain.name.as_str() {
            "" => service.to_owned(),
            domain => format!("{service}.{domain}"),
        };
        tokio::spawn(follow(service.to_owned(), name, self.domain.port, sender));
        instances
    }

    /// Whoever runs the process has given it its name.
    fn announce(&self, _: Announcement) -> Option<Arc<dyn Part>> {
        None
    }
}

/// Looks the name up again and again, until nobody follows it.
async fn follow(service: String, name: String, port: u16, sender: watch::Sender<Known>) {
    let complaints = LogOnce::a_minute();
    let looking = platform_base::every(REFRESH, async || {
        let found = time::timeout(REFRESH, lookup_host((name.as_str(), port))).await;
        match found.map_err(Into::into).flatten() {
            Ok(found) => {
                let addresses = found.map(|address| address.ip()).collect();
                publish(&sender, instances(&service, &addresses, port));
            }
            // A name without addresses is an error like any other, so the last known addresses stay for both.
            Err(error) => {
                if complaints.due().is_some() {
                    tracing::warn!(service, name, cause = %error, "a service cannot be looked up");
                }
                if sender.borrow().is_none() {
                    publish(&sender, Arc::default());
                }
            }
        }
    });
    tokio::select! {
        () = looking => {}
        () = sender.closed() => {}
    }
}

fn instances(service: &str, addresses: &BTreeSet<IpAddr>, port: u16) -> Arc<[Arc<Instance>]> {
    let instance = |address: &IpAddr| {
        let endpoint = Endpoint::plain("grpc", &address.to_string(), port).to_string();
        Arc::new(Instance {
            id: endpoint.clone(),
            name: service.to_owned(),
            version: String::new(),
            metadata: BTreeMap::new(),
            endpoints: vec![endpoint],
        })
    };
    addresses.iter().map(instance).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_address_of_a_name_is_an_instance() {
        let dns = Dns::new("localhost:9101".parse().unwrap());
        let mut instances = dns.follow("core");
        // `core.localhost` is not a name on every machine: it may have no address, but it has an answer.
        instances.changed().await;
        for instance in instances.now().unwrap().iter() {
            assert_eq!(instance.grpc().unwrap().port, 9101);
        }

        let dns = Dns::new(":9101".parse().unwrap());
        let mut instances = dns.follow("localhost");
        instances.changed().await;
        let endpoints: Vec<_> = instances
            .now()
            .unwrap()
            .iter()
            .flat_map(|instance| instance.grpc())
            .collect();
        assert!(
            endpoints.contains(&Endpoint::plain("grpc", "127.0.0.1", 9101)),
            "{endpoints:?}"
        );
    }

    #[test]
    fn addresses_are_in_order_and_those_of_ipv6_in_brackets() {
        let addresses = ["::1", "10.0.0.2", "10.0.0.1"].map(|text| text.parse().unwrap());
        let instances = instances("core", &addresses.into(), 1);
        let ids: Vec<_> = instances
            .iter()
            .map(|instance| instance.id.as_str())
            .collect();
        assert_eq!(
            ids,
            ["grpc://10.0.0.1:1", "grpc://10.0.0.2:1", "grpc://[::1]:1"]
        );
    }
}
