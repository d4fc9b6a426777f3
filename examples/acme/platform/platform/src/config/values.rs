//! How single values are read from text, and what they may be.

use std::{fmt::Display, path::PathBuf, str::FromStr, time::Duration};

use api_runtime::{LARGEST_MESSAGE, RateLimit};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, de::Error};
use tracing_subscriber::filter::Targets;

use super::Origin;
use crate::{cache, tls};

/// Durations as text (`500ms`, `5s`, `1m 30s`): `#[serde(with = "platform::config::duration")]`.
pub mod duration {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        let text = String::deserialize(deserializer)?;
        humantime::parse_duration(&text).map_err(|error| {
            D::Error::custom(format!(
                "`{text}` is no duration like 500ms, 5s or 1m 30s: {error}"
            ))
        })
    }

    pub fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(*duration))
    }
}

pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    checked(deserializer, |number: &usize| {
        (*number > 0).then_some(()).ok_or("must be at least 1")
    })
}

/// Over gRPC no message may be larger, whatever is configured.
pub(super) fn body_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    checked(deserializer, |size: &usize| {
        (1..=LARGEST_MESSAGE)
            .contains(size)
            .then_some(())
            .ok_or("must be from 1 to 67108864")
    })
}

/// HTTP/1 needs a buffer of 8 KiB at least.
pub(super) fn header_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<usize, D::Error> {
    checked(deserializer, |size: &usize| {
        (8192..=u32::MAX as usize)
            .contains(size)
            .then_some(())
            .ok_or("must be from 8192 to 4294967295")
    })
}

pub(super) fn ratio<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    checked(deserializer, |ratio: &f64| {
        (0.0..=1.0)
            .contains(ratio)
            .then_some(())
            .ok_or("must be from 0 to 1")
    })
}

/// The message never repeats the URL: it may hold a password.
pub(super) fn database_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SecretString, D::Error> {
    let url = checked(deserializer, |url: &String| match url.split_once("://") {
        Some(("sqlite", path)) if !path.is_empty() => Ok(()),
        Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => Ok(()),
        _ => Err("must start with sqlite:// or postgres://"),
    })?;
    Ok(url.into())
}

/// The URL of the cache in the process.
pub(crate) const MEMORY: &str = "memory://";

/// The message never repeats the URL: it may hold a password.
pub(super) fn cache_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<SecretString, D::Error> {
    let url = checked(deserializer, |url: &String| match url.as_str() {
        MEMORY => Ok(()),
        url => cache::parse_redis_url(url).map(drop),
    })?;
    Ok(url.into())
}

/// A duration that is not zero.
pub(super) fn some_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let duration = duration::deserialize(deserializer)?;
    if duration < Duration::from_millis(1) {
        return Err(D::Error::custom("must be at least 1ms"));
    }
    Ok(duration)
}

/// So many in a time, such as `100/1m`. An empty text is none.
pub(super) fn rate<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<RateLimit>, D::Error> {
    const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
    let Some(text) = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    let rate = text.split_once('/').and_then(|(requests, per)| {
        let requests = requests
            .trim()
            .parse()
            .ok()
            .filter(|requests| *requests > 0)?;
        let per = humantime::parse_duration(per.trim()).ok()?;
        let fits = (Duration::from_millis(1)..=LONGEST).contains(&per);
        fits.then_some(RateLimit { requests, per })
    });
    let wrong = || format!("`{text}` is no rate like 100/1m, of 1ms to 1 day");
    rate.map(Some).ok_or_else(|| D::Error::custom(wrong()))
}

impl FromStr for Origin {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        const WRONG: &str = "is no origin like https://app.example.com, nor *";
        if text == "*" {
            return Ok(Self::Any);
        }
        let uri: http::Uri = text.parse().map_err(|_| WRONG)?;
        match (uri.scheme_str(), uri.authority()) {
            // A browser writes no path, and all in lower case.
            (Some(scheme), Some(host)) if text == format!("{scheme}://{host}").to_lowercase() => {
                text.parse().map(Self::Site).map_err(|_| WRONG)
            }
            _ => Err(WRONG),
        }
    }
}

/// Values as a list or, for the environment, as a text with commas between them.
pub(super) fn list<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err: Display>,
{
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "a list of texts is expected")]
    enum Texts {
        One(String),
        Many(Vec<String>),
    }
    let texts = match Texts::deserialize(deserializer)? {
        Texts::One(text) => text.split(',').map(str::to_owned).collect(),
        Texts::Many(texts) => texts,
    };
    let texts = texts
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty());
    texts
        .map(|text| {
            let value = text.parse();
            value.map_err(|error| D::Error::custom(format!("`{text}`: {error}")))
        })
        .collect()
}

/// The clocks of a cluster differ by less.
pub(super) fn leeway<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    let leeway = duration::deserialize(deserializer)?;
    if leeway > Duration::from_secs(300) {
        return Err(D::Error::custom("must be at most 5m"));
    }
    Ok(leeway)
}

/// An empty text is none.
pub(super) fn secret<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SecretString>, D::Error> {
    let text = Option::<SecretString>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.expose_secret().is_empty()))
}

/// An empty text is none.
pub(super) fn jwks_url<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<http::Uri>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty());
    let Some(text) = text else { return Ok(None) };
    match text.parse::<http::Uri>() {
        Ok(url) if matches!(url.scheme_str(), Some("http" | "https")) => Ok(Some(url)),
        _ => Err(D::Error::custom(format!(
            "`{text}` is no address like https://auth.example.com/.well-known/jwks.json"
        ))),
    }
}

/// An empty text is none.
pub(super) fn certificate_file<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = Option::<PathBuf>::deserialize(deserializer)?;
    let Some(path) = path.filter(|path| !path.as_os_str().is_empty()) else {
        return Ok(None);
    };
    tls::certificates(&path).map_err(D::Error::custom)?;
    Ok(Some(path))
}

/// An empty text is none, so that the environment can switch tracing off.
pub(super) fn otlp_endpoint<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<http::Uri>, D::Error> {
    let Some(text) = Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty())
    else {
        return Ok(None);
    };
    http_address(&text).map(Some).map_err(D::Error::custom)
}

/// An address without TLS.
pub(crate) fn http_address(text: &str) -> Result<http::Uri, String> {
    match text.parse::<http::Uri>() {
        Ok(uri) if uri.scheme_str() == Some("http") && uri.authority().is_some() => Ok(uri),
        _ => Err(format!("`{text}` is no address like http://localhost:4317")),
    }
}

/// The HTTP stack tells of every frame in `debug`; it is asked by name (`info,h2=debug`) or not at all.
const QUIET: &str = "h2=info,hyper=info,hyper_util=info,tonic=info,tower=info,tokio_postgres=info";

pub(super) fn targets<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Targets, D::Error> {
    let text = String::deserialize(deserializer)?;
    format!("{QUIET},{text}").parse().map_err(|_| {
        D::Error::custom(format!(
            "`{text}` is no level: write error, warn, info, debug or trace, or info,my_module=debug"
        ))
    })
}

fn checked<'de, D, T, E>(
    deserializer: D,
    check: impl FnOnce(&T) -> Result<(), E>,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
    E: Display,
{
    let value = T::deserialize(deserializer)?;
    check(&value).map_err(D::Error::custom)?;
    Ok(value)
}
