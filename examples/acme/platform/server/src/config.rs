//! Sections `http`, `grpc` and `limits` of the configuration.

use std::{
    net::{IpAddr, SocketAddr},
    str::FromStr,
    time::Duration,
};

use api_runtime::{LARGEST_MESSAGE, RateLimit};
use http::HeaderValue;
use ipnet::IpNet;
use platform_base::{
    config::{EMPTY, NONE, Setting, text},
    section,
};
use serde_json::Value;

section! {
    /// Where HTTP is served: the REST API, `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`.
    pub struct Http {
        /// The address to listen on; `0.0.0.0` listens on all.
        host: IpAddr = "127.0.0.1",
        /// The port; 0 takes a free one.
        port: u16 = 8080,
        /// Networks such as `[10.0.0.0/8]` (in the environment `10.0.0.0/8, 192.0.2.7/32`) whose `x-forwarded-for` or
        /// `forwarded` headers are believed, over both transports. The client is the right-most address in them that is
        /// in none of these networks.
        proxies: Vec<IpNet> = EMPTY,
        cors: Cors,
    }
}

section! {
    /// Which web sites may call the REST API from a browser.
    pub struct Cors {
        /// Such as `[https://app.example.com]`; `*` for all.
        origins: Vec<Origin> = EMPTY,
    }
}

section! {
    /// Where gRPC is served. The address of `http` puts both on one listener.
    pub struct Grpc {
        /// The address to listen on; `0.0.0.0` listens on all.
        host: IpAddr = "127.0.0.1",
        /// The port; 0 takes a free one.
        port: u16 = 9080,
    }
}

section! {
    /// How much a caller may ask for.
    pub struct Limits {
        /// The largest body of a request in bytes, over both transports.
        body: usize = 4 * 1024 * 1024 => within(1, LARGEST_MESSAGE),
        /// The largest set of headers in bytes. Over HTTP/1 there may be at most 100 headers.
        header: usize = 16 * 1024 => within(8192, u32::MAX),
        /// A request that takes longer is answered DEADLINE_EXCEEDED. A shorter `grpc-timeout` is kept.
        timeout: Duration = "30s" => within("1ms", "1d"),
        /// How often one caller may call a method whose contract says nothing of it, such as `100/1m`, with bursts of all
        /// at once. It is counted on the Redis of `cache.url` for all replicas, else by each process. More calls are
        /// answered RESOURCE_EXHAUSTED.
        rate: Option<Rate> = NONE,
        /// The requests in work at once; more are answered UNAVAILABLE.
        concurrency: usize = 1024 => within(1, 1_000_000),
        /// The connections open at once on a listener; more wait in the backlog.
        connections: usize = 10_000 => within(1, 1_000_000),
        /// A client must send the headers of a request within this time, and is disconnected when idle for longer.
        header_read_timeout: Duration = "10s" => within("10ms", "1h"),
    }
}

impl Http {
    /// The address to listen on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

impl Grpc {
    /// The address to listen on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.host, self.port)
    }
}

/// An allowed origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written `*`.
    Any,
    /// Such as `https://app.example.com`, as browsers send it.
    Site(HeaderValue),
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is not an origin like https://app.example.com, nor *";
        if text == "*" {
            return Ok(Self::Any);
        }
        let uri: http::Uri = text.parse().map_err(|_| WRONG)?;
        match (uri.scheme_str(), uri.authority()) {
            // Browsers send an origin without a path and in lower case.
            (Some(scheme), Some(host)) if text == format!("{scheme}://{host}").to_lowercase() => {
                text.parse().map(Self::Site).map_err(|_| WRONG)
            }
            _ => Err(WRONG),
        }
    }
}

/// A number of calls in a time, such as `100/1m`.
#[derive(Clone, Copy, Debug)]
pub struct Rate(pub RateLimit);

impl Setting for Rate {
    const KIND: &'static str = "rate";

    fn read(value: &Value) -> Result<Self, String> {
        const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
        let text = text(value)?;
        let rate = text.split_once('/').and_then(|(requests, per)| {
            let requests = requests.trim().parse().ok().filter(|count| *count > 0)?;
            let per = humantime::parse_duration(per.trim()).ok()?;
            let fits = (Duration::from_millis(1)..=LONGEST).contains(&per);
            fits.then_some(RateLimit { requests, per })
        });
        rate.map(Self)
            .ok_or_else(|| format!("`{text}` is not a rate like 100/1m, per 1ms to 1 day"))
    }
}

#[cfg(test)]
mod tests {
    use platform_base::config;
    use serde_json::json;

    use super::*;

    fn error<S: config::Section>(values: Value) -> String {
        let read: Result<S, _> = config::section("shop", values);
        read.err().unwrap().to_string()
    }

    #[test]
    fn a_rate_is_written_as_people_write_it() {
        let limits: Limits = config::section("shop", json!({"rate": "100/1m"})).unwrap();
        let Rate(rate) = limits.rate.unwrap();
        assert_eq!((rate.requests, rate.per.as_secs()), (100, 60));
        for rate in ["100", "0/1m", "-1/1m", "100/0s", "100/2days", "x/1m"] {
            let error = error::<Limits>(json!({"rate": rate}));
            assert!(error.contains("rate: "), "{error}");
        }
    }

    #[test]
    fn an_origin_is_written_as_browsers_send_it() {
        let origins = json!({"cors": {"origins": ["https://app.example.com:8443", "*"]}});
        let http: Http = config::section("shop", origins).unwrap();
        assert_eq!(http.cors.origins.len(), 2);
        for origin in [
            "app.example.com",
            "https://app.example.com/",
            "https://App.example.com",
        ] {
            let error = error::<Http>(json!({"cors": {"origins": [origin]}}));
            assert!(error.contains("is not an origin like"), "{error}");
        }
    }

    #[test]
    fn a_limit_that_lets_nothing_through_is_refused() {
        for (key, value) in [("timeout", "0s"), ("body", "0"), ("concurrency", "0")] {
            let error = error::<Limits>(json!({key: value}));
            assert!(error.contains("must be from"), "{error}");
        }
    }
}
