//! The address of a Redis.

#[cfg(feature = "redis")]
use fred::types::config::Config;
use platform_base::config::Setting;
use secrecy::SecretString;
use serde_json::Value;

/// The URL of a Redis. It may hold a password and is never printed.
///
/// `redis://user:password@host:6379`, with TLS `rediss://…`; also `redis-cluster://host:port?node=host:port` and
/// `redis-sentinel://host:port?sentinelServiceName=name`.
#[derive(Clone, Debug)]
pub struct RedisUrl(pub SecretString);

impl Setting for RedisUrl {
    const KIND: &'static str = "URL";

    /// The message does not repeat the URL.
    fn read(value: &Value) -> Result<Self, String> {
        let url = value.as_str().unwrap_or_default();
        check(url)?;
        Ok(Self(url.into()))
    }
}

/// Checks a URL.
///
/// # Errors
/// The mistake, in words that do not repeat the URL.
#[cfg(feature = "redis")]
fn check(url: &str) -> Result<(), String> {
    parse(url).map(drop).map_err(str::to_owned)
}

/// Refuses every URL.
#[cfg(not(feature = "redis"))]
fn check(_: &str) -> Result<(), String> {
    Err(MISSING.to_owned())
}

/// Why every URL is refused in a program that is built without the client.
#[cfg(not(feature = "redis"))]
pub(crate) const MISSING: &str = "this program was built without Redis: add `redis` to the features of `platform` in \
    the Cargo.toml of the workspace";

/// The servers, the user and the other parts of the URL, and whether it asks for TLS.
///
/// # Errors
/// The mistake, in words that do not repeat the URL.
#[cfg(feature = "redis")]
pub(crate) fn parse(url: &str) -> Result<(Config, bool), &'static str> {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    // With a TLS scheme, fred would load the system's certificates at once, so it gets the scheme without TLS.
    let (scheme, with_tls) = match scheme {
        "redis" | "redis-cluster" | "redis-sentinel" => (scheme, false),
        "rediss" => ("redis", true),
        "rediss-cluster" => ("redis-cluster", true),
        "rediss-sentinel" => ("redis-sentinel", true),
        _ => return Err("must start with redis:// or rediss://"),
    };
    let config = Config::from_url(&format!("{scheme}://{rest}"));
    config
        .map(|config| (config, with_tls))
        .map_err(|_| "is not a URL like redis://user:password@host:port")
}

#[cfg(all(test, feature = "redis"))]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_the_url_is_taken() {
        for url in [
            "redis://host",
            "redis://user:password@host:6379/1",
            "rediss://default:password@eu1-name-12345.upstash.io:6379",
            "redis-cluster://user:password@one:30001?node=two:30002&node=three:30003",
            "rediss-cluster://one:30001",
            "redis-sentinel://:password@one:26379/1?sentinelServiceName=main&node=two:26379",
        ] {
            RedisUrl::read(&url.into()).unwrap_or_else(|error| panic!("{url}: {error}"));
        }
    }

    #[test]
    fn what_is_wrong_with_a_url_is_told_without_its_password() {
        for url in ["redis://:secret@host:port", "http://:secret@host"] {
            let error = RedisUrl::read(&url.into()).unwrap_err();
            assert!(!error.contains("secret"), "{error}");
        }
    }
}

#[cfg(all(test, not(feature = "redis")))]
mod tests {
    use super::*;

    #[test]
    fn without_the_client_a_url_is_refused_with_the_word_to_add() {
        let error = RedisUrl::read(&"redis://host".into()).unwrap_err();
        assert!(error.contains("add `redis` to the features"), "{error}");
    }
}
