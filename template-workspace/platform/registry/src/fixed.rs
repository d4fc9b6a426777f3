//! `static://`: the instances that the configuration names.

use std::{collections::BTreeMap, sync::Arc};

use platform_base::Part;

use crate::{Announcement, Instance, Instances, Named, Registry};

pub(crate) struct Fixed {
    services: BTreeMap<String, Vec<Arc<Instance>>>,
}

impl Fixed {
    pub fn new(named: &[Named]) -> Self {
        let mut services: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for Named { service, endpoint } in named {
            let endpoint = endpoint.to_string();
            let instance = Instance {
                id: endpoint.clone(),
                name: service.clone(),
                version: String::new(),
                metadata: BTreeMap::new(),
                endpoints: vec![endpoint],
            };
            let of_service = services.entry(service.clone()).or_default();
            of_service.push(Arc::new(instance));
        }
        Self { services }
    }
}

impl Registry for Fixed {
    fn follow(&self, service: &str) -> Instances {
        let instances = self.services.get(service).cloned().unwrap_or_default();
        let (_, instances) = Instances::new(Some(instances.into()));
        instances
    }

    fn announce(&self, _: Announcement) -> Option<Arc<dyn Part>> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_service_has_the_instances_of_its_name_and_another_has_none() {
        let named = ["notes=grpc://a:1", "core=grpc://b:2", "notes=grpc://c:3"];
        let fixed = Fixed::new(&named.map(|named| named.parse().unwrap()));
        let hosts = |service| {
            let instances = fixed.follow(service).now().unwrap();
            let hosts = instances
                .iter()
                .map(|instance| instance.grpc().unwrap().host);
            hosts.collect::<Vec<_>>()
        };
        assert_eq!(hosts("notes"), ["a", "c"]);
        assert_eq!(hosts("core"), ["b"]);
        assert!(hosts("tasks").is_empty());
    }
}
