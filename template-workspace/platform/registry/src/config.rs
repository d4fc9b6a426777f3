//! Section `registry` of the configuration.

use std::{str::FromStr, time::Duration};

use platform_base::{
    config::{self, ConfigError, EMPTY, NONE, Setting},
    section,
};
use serde_json::{Value, json};

use crate::{EtcdUrl, instance::Endpoint};

section! {
    /// Where services find each other.
    pub struct Config {
        /// `static://` for the addresses in `services`; `dns://DOMAIN:PORT` for the addresses of `<service>.DOMAIN`, such as
        /// those of Kubernetes' headless services, which all serve gRPC at that port; or
        /// `etcd://user:password@host:2379,host:2379`, where services announce themselves. `?tls` encrypts, `?ca=FILE` names
        /// the certificates (PEM) to trust instead of the system's, `?cert=FILE&key=FILE` that to present. The user must be
        /// allowed to read and write the keys that begin with `prefix`.
        url: RegistryUrl = STATIC => secret(),
        /// With `static://`: the gRPC addresses of other services, such as `[core=grpc://localhost:9101]`. A name may be there
        /// more than once.
        services: Vec<Named> = EMPTY,
        /// With `etcd://`: the keys begin with it. The default is that of Kratos.
        prefix: String = "/microservices",
        /// With `etcd://`: how long a process that was killed stays announced.
        lease: Duration = "15s" => within("2s", "1h"),
        /// With `etcd://`: how long etcd may take to answer.
        timeout: Duration = "2s" => within("10ms", "1m"),
        /// With `etcd://`: the name or IP address by which others reach this process. Without it: the address that it listens
        /// on; if it listens on all, the one from which it reaches etcd.
        advertise: Option<String> = NONE,
        /// With `etcd://`: the share of calls that the process gets, beside others of its service.
        weight: u32 = 100 => within(1, 10_000),
        /// With `etcd://`: what else others should know, such as `[zone=a]`.
        metadata: Vec<Metadata> = EMPTY,
    }
}

impl Config {
    /// The defaults for a registry at this URL.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn at(url: &str) -> Result<Self, ConfigError> {
        config::section("", json!({ "url": url }))
    }
}

const STATIC: &str = "static://";

/// The kind of registry.
#[derive(Clone, Debug)]
pub enum RegistryUrl {
    /// The addresses in the configuration.
    Static,
    /// The addresses of names in a domain.
    Dns(Domain),
    /// Records in an etcd.
    Etcd(EtcdUrl),
}

impl Setting for RegistryUrl {
    const KIND: &'static str = "URL";

    /// The message does not repeat the URL: it may hold a password.
    fn read(value: &Value) -> Result<Self, String> {
        match value.as_str().unwrap_or_default().split_once("://") {
            Some(("static", "")) => Ok(Self::Static),
            Some(("dns", domain)) => domain.parse().map(Self::Dns),
            Some(("etcd", rest)) => rest.parse().map(Self::Etcd),
            _ => Err("must be static://, dns://DOMAIN:PORT or etcd://HOST:PORT".to_owned()),
        }
    }
}

/// The domain in which services have their names, and the port where they serve gRPC.
#[derive(Clone, Debug)]
pub struct Domain {
    /// Empty if the name of a service is its whole name.
    pub name: String,
    /// The port.
    pub port: u16,
}

impl FromStr for Domain {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_of_names = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        match text
            .rsplit_once(':')
            .map(|(name, port)| (name, port.parse()))
        {
            Some((name, Ok(port))) if name.chars().all(is_of_names) => Ok(Self {
                name: name.trim_matches('.').to_owned(),
                port,
            }),
            _ => Err("is not an address like dns://acme.svc.cluster.local:9080".to_owned()),
        }
    }
}

/// An address of a service.
#[derive(Clone, Debug)]
pub struct Named {
    /// The name of the service.
    pub service: String,
    /// Where it serves gRPC.
    pub endpoint: Endpoint,
}

impl FromStr for Named {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.split_once('=') {
            Some((service, endpoint)) if !service.is_empty() => {
                let endpoint: Endpoint = endpoint.parse()?;
                if endpoint.scheme != "grpc" {
                    return Err("services call each other over gRPC: write grpc://".to_owned());
                }
                Ok(Self {
                    service: service.to_owned(),
                    endpoint,
                })
            }
            _ => Err("is not a name and an address like core=grpc://localhost:9101".to_owned()),
        }
    }
}

/// A fact about an instance.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// Such as `zone`.
    pub key: String,
    /// Such as `a`.
    pub value: String,
}

impl FromStr for Metadata {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((key, value)) if !key.is_empty() => Ok(Self {
                key: key.to_owned(),
                value: value.to_owned(),
            }),
            _ => Err("is not a pair like zone=a"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(values: Value) -> String {
        let read: Result<Config, _> = config::section("shop", values);
        read.unwrap_err().to_string()
    }

    #[test]
    fn every_kind_of_registry_is_taken() {
        for url in [
            "static://",
            "dns://acme.svc.cluster.local:9080",
            "dns://:9080",
        ] {
            Config::at(url).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_without_its_password() {
        for url in [
            "zookeeper://user:secret@host",
            "static://secret",
            "dns://user:secret@host",
            "etcd://user:secret@",
            "secret",
        ] {
            let error = error(json!({ "url": url }));
            assert!(
                error.starts_with("the configuration is wrong: url: "),
                "{error}"
            );
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_service_is_named_with_its_grpc_address() {
        let config: Config = config::section(
            "shop",
            json!({"services": "core=grpc://a:1, core=grpcs://b:2"}),
        )
        .unwrap();
        assert_eq!(config.services.len(), 2);
        for named in ["core", "=grpc://a:1", "core=a:1", "core=http://a:1"] {
            let error = error(json!({"services": [named]}));
            assert!(error.contains("grpc://"), "{error}");
        }
    }
}
