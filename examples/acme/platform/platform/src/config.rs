//! Configuration of a service.
//!
//! Layers, the later wins: built-in defaults, the service's own `config.yaml` (embedded in the binary), the file given
//! with `--config`, the environment (and `.env` in the working directory, which the environment overrides).
//! `CONSULTANTS__DATABASE__URL` sets `database.url` of the service `consultants`. Unknown keys are refused, and all
//! mistakes are reported at once, each with its key and where it was written.
//!
//! Durations are written as `500ms`, `5s` or `1m 30s`, sizes in bytes.
//!
//! | key | default | meaning |
//! |---|---|---|
//! | `http.host`, `http.port` | `127.0.0.1`, `8080` | where HTTP is served: the REST API, `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs` |
//! | `http.proxies` | `[]` | networks such as `[10.0.0.0/8]` (in the environment `10.0.0.0/8, 192.0.2.7/32`) whose `x-forwarded-for` or `forwarded` headers are believed, over both transports: the client is the right-most address in them that is in none of these |
//! | `http.cors.origins` | `[]` | web sites whose scripts may call the REST API from a browser, such as `[https://app.example.com]`; `*` for all |
//! | `grpc.host`, `grpc.port` | `127.0.0.1`, `9080` | where gRPC is served; the address of `http` puts both on one listener |
//! | `database.url` | `sqlite://data/<service>.db` | or `postgres://user:password@host:5432/name`, with `?sslmode=require`, `verify-ca` or `verify-full` for TLS (`&sslrootcert=FILE`, else the roots of the system); a secret, never printed |
//! | `database.max_connections` | `8` | size of the pool; connections are made when they are needed |
//! | `database.wait_timeout` | `5s` | how long a request waits for a connection before it is answered UNAVAILABLE |
//! | `database.connect_timeout` | `3s` | how long making a connection may take |
//! | `database.statement_timeout` | `30s` | PostgreSQL ends a statement that takes longer; the request is answered DEADLINE_EXCEEDED |
//! | `database.migrate_at_start` | `true` on SQLite, else `false` | otherwise `<service> migrate` applies the migrations |
//! | `cache.url` | `memory://` | or `redis://user:password@host:6379`, with TLS `rediss://…`; also `redis-cluster://host:port?node=host:port` and `redis-sentinel://host:port?sentinelServiceName=name`; the user needs `GET`, `SET`, `DEL`, `EVAL` and `TIME` on `<service>:*`; a secret, never printed |
//! | `cache.ttl` | `60s` | how old what is cached may be |
//! | `cache.timeout` | `100ms` | how long a request waits for an answer of the cache before it goes on without |
//! | `cache.memory` | `33554432` | with `memory://`: bytes to hold of each table |
//! | `cache.root_certificate` | none | with `rediss://`: file (PEM) with the certificates to trust instead of the system's |
//! | `auth.issuer`, `auth.audience` | `http://127.0.0.1:8101`, `platform` | the `iss` and `aud` that a token must carry |
//! | `auth.jwks_url` | none | where the issuer's public keys are asked for, such as `https://auth.example.com/.well-known/jwks.json`; EdDSA, ES256 and RS256 (2048 bits at least) |
//! | `auth.keys_file` | `data/keys/jwks.json` | without a `jwks_url`: file with the public keys, a JWK Set or PEM; it may come later and change. `core` keeps it up to date |
//! | `auth.roles_claim` | `roles` | the claim with the caller's roles, or a JSON pointer to it such as `/realm_access/roles` |
//! | `auth.leeway` | `5s` | how far the clocks of issuer and verifier may differ, at most `5m` |
//! | `auth.signing.keys` | `data/keys/signing` | `core` only: folder with the private keys (`*.pem`, PKCS#8), see [`SigningKeys`](crate::auth::SigningKeys) |
//! | `auth.signing.pem` | none | instead of the folder: private keys in PEM, of which the first signs and all are published; a secret, never printed |
//! | `auth.signing.algorithm` | `EdDSA` | of keys that are made, or `ES256`; RSA keys (`RS256`) have to be given |
//! | `auth.services.keys` | `data/keys/services` | folder with the public keys (Ed25519, PEM) of the services that may call internal methods, `<service>.pub.pem` each; a file may hold an old key and a new one |
//! | `auth.services.key_file` | `data/keys/<service>.key.pem` | the private key (PKCS#8, PEM) with which the service proves that it calls another; made at the first start, with its public half in `auth.services.keys`, if it is not there |
//! | `log.level` | `info` | `error`, `warn`, `info`, `debug`, `trace`; by module as `info,consultants=debug` |
//! | `log.format` | `pretty` | or `json`: an object per line |
//! | `telemetry.otlp_endpoint` | none | where traces go (OTLP over gRPC), such as `http://localhost:4317`; without it none are made |
//! | `telemetry.sample_ratio` | `0.01` | share of the requests traced, 0 to 1; the decision of a caller with a `traceparent` is kept |
//! | `limits.body` | `4194304` | largest body of a request, over both transports; at most 67108864 |
//! | `limits.header` | `16384` | largest set of headers, which over HTTP/1 may be at most 100 |
//! | `limits.timeout` | `30s` | a request that takes longer is answered DEADLINE_EXCEEDED; a shorter `grpc-timeout` is kept |
//! | `limits.rate` | none | how often one caller may call a method whose contract says nothing of it, such as `100/1m`, with bursts of all at once; counted on the Redis of `cache.url` for all replicas, else by each process; more are answered RESOURCE_EXHAUSTED |
//! | `limits.concurrency` | `1024` | requests in work at once; more are answered UNAVAILABLE |
//! | `limits.connections` | `10000` | connections open at once on a listener; more wait in the backlog |
//! | `limits.header_read_timeout` | `10s` | a client must send the headers of a request within this time, and is disconnected when idle for longer |
//! | `shutdown.drain` | `2s` | after SIGTERM: time to tell the world "not ready" while still serving (Ctrl-C skips it) |
//! | `shutdown.timeout` | `20s` | after SIGTERM: the process ends within this time, drain included |
//! | `service` | | the service's own settings, see its `config.yaml` |
//! | `mounted.<name>` | | `database`, `cache` and `service` of a service mounted in this process |

mod error;
mod layers;
mod values;

use std::{net::IpAddr, path::PathBuf, time::Duration};

use api_runtime::RateLimit;
use http::HeaderValue;
use ipnet::IpNet;
use secrecy::SecretString;
use serde::Deserialize;

pub use self::values::duration;
pub(crate) use self::values::{MEMORY, http_address};
use self::values::{otlp_endpoint, targets};
pub use self::{
    error::{ConfigError, Problem},
    layers::{Layer, Layers},
};

/// What every service can be told; the module's documentation describes each key.
#[derive(Clone, Debug, Deserialize)]
pub struct Config {
    pub http: Http,
    pub grpc: Listener,
    pub database: Database,
    pub cache: Cache,
    pub auth: Auth,
    pub log: Log,
    pub telemetry: Telemetry,
    pub limits: Limits,
    pub shutdown: Shutdown,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Http {
    pub host: IpAddr,
    pub port: u16,
    #[serde(deserialize_with = "values::list")]
    pub proxies: Vec<IpNet>,
    pub cors: Cors,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Cors {
    #[serde(deserialize_with = "values::list")]
    pub origins: Vec<Origin>,
}

/// A web site.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Written `*`.
    Any,
    /// Such as `https://app.example.com`, as browsers send it.
    Site(HeaderValue),
}

impl Http {
    pub(crate) fn listener(&self) -> Listener {
        Listener {
            host: self.host,
            port: self.port,
        }
    }
}

/// An address to serve on. Port 0 takes a free one.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Listener {
    pub host: IpAddr,
    pub port: u16,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Database {
    #[serde(deserialize_with = "values::database_url")]
    pub url: SecretString,
    #[serde(deserialize_with = "values::positive")]
    pub max_connections: usize,
    #[serde(with = "duration")]
    pub wait_timeout: Duration,
    #[serde(with = "duration")]
    pub connect_timeout: Duration,
    #[serde(with = "duration")]
    pub statement_timeout: Duration,
    pub migrate_at_start: Option<bool>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Cache {
    #[serde(deserialize_with = "values::cache_url")]
    pub url: SecretString,
    #[serde(deserialize_with = "values::some_time")]
    pub ttl: Duration,
    #[serde(deserialize_with = "values::some_time")]
    pub timeout: Duration,
    #[serde(deserialize_with = "values::positive")]
    pub memory: usize,
    #[serde(deserialize_with = "values::certificate_file")]
    pub root_certificate: Option<PathBuf>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Auth {
    pub issuer: String,
    pub audience: String,
    #[serde(deserialize_with = "values::jwks_url")]
    pub jwks_url: Option<http::Uri>,
    pub keys_file: PathBuf,
    pub roles_claim: String,
    #[serde(deserialize_with = "values::leeway")]
    pub leeway: Duration,
    pub signing: Signing,
    pub services: ServiceKeys,
}

#[derive(Clone, Debug, Deserialize)]
pub struct ServiceKeys {
    pub keys: PathBuf,
    pub key_file: PathBuf,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Signing {
    pub keys: PathBuf,
    #[serde(deserialize_with = "values::secret")]
    pub pem: Option<SecretString>,
    pub algorithm: SigningAlgorithm,
}

/// Of RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum SigningAlgorithm {
    EdDSA,
    ES256,
    RS256,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Log {
    #[serde(deserialize_with = "targets")]
    pub level: tracing_subscriber::filter::Targets,
    pub format: LogFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// A line to be read by people, coloured on a terminal.
    Pretty,
    /// An object per line, to be read by machines.
    Json,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Telemetry {
    #[serde(deserialize_with = "otlp_endpoint")]
    pub otlp_endpoint: Option<http::Uri>,
    #[serde(deserialize_with = "values::ratio")]
    pub sample_ratio: f64,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Limits {
    #[serde(deserialize_with = "values::body_size")]
    pub body: usize,
    #[serde(deserialize_with = "values::header_size")]
    pub header: usize,
    #[serde(with = "duration")]
    pub timeout: Duration,
    #[serde(deserialize_with = "values::rate")]
    pub rate: Option<RateLimit>,
    #[serde(deserialize_with = "values::positive")]
    pub concurrency: usize,
    #[serde(deserialize_with = "values::positive")]
    pub connections: usize,
    #[serde(with = "duration")]
    pub header_read_timeout: Duration,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Shutdown {
    #[serde(with = "duration")]
    pub drain: Duration,
    #[serde(with = "duration")]
    pub timeout: Duration,
}

impl Database {
    /// The defaults for a database at this URL.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            max_connections: 8,
            wait_timeout: Duration::from_secs(5),
            connect_timeout: Duration::from_secs(3),
            statement_timeout: Duration::from_secs(30),
            migrate_at_start: None,
        }
    }
}

impl Cache {
    /// The defaults for a cache at this URL.
    pub fn new(url: &str) -> Self {
        Self {
            url: url.into(),
            ttl: Duration::from_secs(60),
            timeout: Duration::from_millis(100),
            memory: 32 * 1024 * 1024,
            root_certificate: None,
        }
    }
}

/// The lowest layer. A service that is mounted elsewhere uses only its `database`, `cache` and `service`.
pub(crate) fn defaults(service: &str) -> serde_json::Value {
    serde_json::json!({
        "http": { "host": "127.0.0.1", "port": 8080, "proxies": [], "cors": { "origins": [] } },
        "grpc": { "host": "127.0.0.1", "port": 9080 },
        "database": {
            "url": format!("sqlite://data/{service}.db"),
            "max_connections": 8,
            "wait_timeout": "5s",
            "connect_timeout": "3s",
            "statement_timeout": "30s",
            "migrate_at_start": null,
        },
        "cache": {
            "url": MEMORY,
            "ttl": "60s",
            "timeout": "100ms",
            "memory": 32 * 1024 * 1024,
            "root_certificate": null,
        },
        "auth": {
            "issuer": "http://127.0.0.1:8101",
            "audience": "platform",
            "jwks_url": null,
            "keys_file": "data/keys/jwks.json",
            "roles_claim": "roles",
            "leeway": "5s",
            "signing": { "keys": "data/keys/signing", "pem": null, "algorithm": "EdDSA" },
            "services": {
                "keys": "data/keys/services",
                "key_file": format!("data/keys/{service}.key.pem"),
            },
        },
        "log": { "level": "info", "format": "pretty" },
        "telemetry": { "otlp_endpoint": null, "sample_ratio": 0.01 },
        "limits": {
            "body": 4 * 1024 * 1024,
            "header": 16 * 1024,
            "timeout": "30s",
            "rate": null,
            "concurrency": 1024,
            "connections": 10_000,
            "header_read_timeout": "10s",
        },
        "shutdown": { "drain": "2s", "timeout": "20s" },
    })
}
