//! The record of an instance.

use std::{collections::BTreeMap, fmt, net::Ipv6Addr, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize};

/// One running process of a service: the record that Kratos' registries read and write as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Instance {
    /// Tells it from the others of the service.
    #[serde(default)]
    pub id: String,
    /// The name of the service.
    #[serde(default)]
    pub name: String,
    /// The version of the program.
    #[serde(default)]
    pub version: String,
    /// What else is known, such as `weight` and `zone`.
    // Go writes an empty map or list as null.
    #[serde(default, deserialize_with = "or_empty")]
    pub metadata: BTreeMap<String, String>,
    /// URLs such as `grpc://10.0.0.7:9101`.
    #[serde(default, deserialize_with = "or_empty")]
    pub endpoints: Vec<String>,
}

impl Instance {
    /// Where it serves gRPC. `None` if it does not.
    pub fn grpc(&self) -> Option<Endpoint> {
        let endpoints = self.endpoints.iter().map(|url| url.parse::<Endpoint>());
        endpoints
            .flatten()
            .find(|endpoint| endpoint.scheme == "grpc")
    }
}

fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    deserializer: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// An address, written as a URL: `grpc://10.0.0.7:9101`, with TLS `grpcs://10.0.0.7:9101`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The protocol, without TLS: `grpc` or `http`.
    pub scheme: &'static str,
    /// A name or an IP address, IPv6 in brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// Whether it expects TLS.
    pub secure: bool,
}

impl Endpoint {
    /// An address without TLS. The host is a name or an IP address.
    pub fn plain(scheme: &'static str, host: &str, port: u16) -> Self {
        let host = match host.parse::<Ipv6Addr>() {
            Ok(address) => format!("[{address}]"),
            Err(_) => host.to_owned(),
        };
        Self {
            scheme,
            host,
            port,
            secure: false,
        }
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            scheme,
            host,
            port,
            secure,
        } = self;
        let tls = if *secure { "s" } else { "" };
        write!(f, "{scheme}{tls}://{host}:{port}")
    }
}

impl FromStr for Endpoint {
    type Err = String;

    /// Reads `?isSecure=true`, too, which earlier versions of Kratos wrote instead of `grpcs`.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an address like grpc://10.0.0.7:9101");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let (scheme, by_scheme) = match scheme {
            "grpc" => ("grpc", false),
            "grpcs" => ("grpc", true),
            "http" => ("http", false),
            "https" => ("http", true),
            _ => return Err(wrong()),
        };
        let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
        let address = address.strip_suffix('/').unwrap_or(address);
        let by_query = query.split('&').any(|pair| pair == "isSecure=true");
        let (host, port) = address.rsplit_once(':').ok_or_else(wrong)?;
        let is_host = match host
            .strip_prefix('[')
            .and_then(|host| host.strip_suffix(']'))
        {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => !host.is_empty() && !host.contains([':', '/', '@', '[', ']']),
        };
        match port.parse() {
            Ok(port) if is_host => Ok(Self {
                scheme,
                host: host.to_owned(),
                port,
                secure: by_scheme || by_query,
            }),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What Kratos 2.9 and 3.0 write to etcd.
    const OF_KRATOS: &str = r#"{"id":"i1","name":"core","version":"v1","metadata":{"zone":"a"},"endpoints":["grpc://127.0.0.1:9101","http://127.0.0.1:8101"]}"#;

    #[test]
    fn a_record_of_kratos_is_read_and_written_byte_by_byte() {
        let instance: Instance = serde_json::from_str(OF_KRATOS).unwrap();
        assert_eq!(instance.metadata["zone"], "a");
        assert_eq!(
            instance.grpc(),
            Some(Endpoint::plain("grpc", "127.0.0.1", 9101))
        );
        assert_eq!(serde_json::to_string(&instance).unwrap(), OF_KRATOS);
    }

    #[test]
    fn what_go_leaves_out_or_writes_as_null_is_empty() {
        for record in [
            r#"{"id":"i1","name":"core","version":"","metadata":null,"endpoints":null}"#,
            r#"{"id":"i1","name":"core","of_a_later_version":1}"#,
        ] {
            let instance: Instance = serde_json::from_str(record).unwrap();
            assert_eq!(instance.name, "core");
            assert!(instance.metadata.is_empty() && instance.grpc().is_none());
        }
    }

    #[test]
    fn tls_is_told_by_the_scheme_or_by_the_query() {
        for (url, secure) in [
            ("grpc://host:1", false),
            ("grpc://host:1?isSecure=false", false),
            ("grpc://host:1?isSecure=true", true),
            ("grpcs://host:1", true),
        ] {
            let endpoint: Endpoint = url.parse().unwrap();
            assert_eq!(endpoint.secure, secure, "{url}");
        }
    }

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for url in ["grpc://[::1]:9101", "grpcs://host:1", "http://10.0.0.7:80"] {
            assert_eq!(url.parse::<Endpoint>().unwrap().to_string(), url);
        }
        assert_eq!(
            Endpoint::plain("grpc", "::1", 1).to_string(),
            "grpc://[::1]:1"
        );
    }

    #[test]
    fn what_is_not_an_address_is_refused() {
        for url in [
            "",
            "host:1",
            "tcp://host:1",
            "grpc://host",
            "grpc://:1",
            "grpc://::1:1",
            "grpc://a:b@c:1",
        ] {
            assert!(url.parse::<Endpoint>().is_err(), "{url}");
        }
    }
}
