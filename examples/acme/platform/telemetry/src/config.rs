//! Sections `log` and `telemetry` of the configuration.

use platform_base::{
    config::{HttpUrl, NONE, Setting, choice, text},
    section,
};
use serde_json::Value;
use tracing_subscriber::filter::{LevelFilter, Targets};

section! {
    /// What is logged, and how.
    pub struct Log {
        /// `error`, `warn`, `info`, `debug`, `trace` or `off`; by module as `info,consultants=debug`.
        level: LogLevel = "info",
        /// `pretty`, for people, or `json`, an object per line.
        format: LogFormat = "pretty",
    }
}

section! {
    /// Where traces go.
    pub struct Telemetry {
        /// Where traces are sent (OTLP over gRPC), such as `http://localhost:4317`; without it none are made.
        otlp_endpoint: Option<OtlpEndpoint> = NONE,
        /// The share of the requests that is traced. The decision of a caller with a `traceparent` is kept.
        sample_ratio: f64 = 0.01 => within(0, 1),
    }
}

/// The filter of log lines.
#[derive(Clone, Debug)]
pub struct LogLevel(pub Targets);

/// In `debug`, the HTTP stack logs every frame. So it stays at `info` unless the level names it (`info,h2=debug`).
const QUIET: &str = "h2=info,hyper=info,hyper_util=info,tonic=info,tower=info,tokio_postgres=info";

impl Setting for LogLevel {
    const KIND: &'static str = "level";

    fn read(value: &Value) -> Result<Self, String> {
        let text = text(value)?;
        let wrong = || {
            format!(
                "`{text}` is not a level: write error, warn, info, debug, trace or off, or info,my_module=debug"
            )
        };
        // `Targets` would read a misspelt level as the name of a module.
        let level = |directive: &str| {
            let level = directive.rsplit('=').next().unwrap_or_default().trim();
            // `LevelFilter` also accepts a number, and reads an empty text as the lowest level.
            level.starts_with(char::is_alphabetic) && level.parse::<LevelFilter>().is_ok()
        };
        if !text.split(',').all(level) {
            return Err(wrong());
        }
        let targets = format!("{QUIET},{text}").parse();
        targets.map(Self).map_err(|_| wrong())
    }
}

/// The format of log lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One line for people to read, coloured on a terminal.
    Pretty,
    /// One JSON object per line, for programs to read.
    Json,
}

impl Setting for LogFormat {
    const KIND: &'static str = "format";

    fn read(value: &Value) -> Result<Self, String> {
        choice(value, &[("pretty", Self::Pretty), ("json", Self::Json)])
    }
}

/// The address of an OTLP collector.
#[derive(Clone, Debug)]
pub struct OtlpEndpoint(pub http::Uri);

impl Setting for OtlpEndpoint {
    const KIND: &'static str = "URL";

    fn read(value: &Value) -> Result<Self, String> {
        let HttpUrl(url) = HttpUrl::read(value)?;
        if !cfg!(feature = "otlp") {
            return Err("this program was built without OTLP: add `otlp` to the features of `platform` in the Cargo.toml of the workspace".to_owned());
        }
        match url.scheme_str() {
            Some("http") => Ok(Self(url)),
            _ => Err(format!(
                "`{url}` is not an address like http://localhost:4317"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_one_of_those_there_are() {
        for level in ["warn", "off", "info,shop=debug", "info, shop::biz=trace"] {
            assert!(LogLevel::read(&level.into()).is_ok(), "{level}");
        }
        for level in ["loud", "", "3", "shop", "info,shop", "shop=loud", "info,"] {
            let error = LogLevel::read(&level.into()).unwrap_err();
            assert!(error.contains("is not a level"), "{error}");
        }
    }

    #[cfg(not(feature = "otlp"))]
    #[test]
    fn without_the_exporter_an_endpoint_is_refused_with_the_word_to_add() {
        let error = OtlpEndpoint::read(&"http://localhost:4317".into()).unwrap_err();
        assert!(error.contains("add `otlp` to the features"), "{error}");
    }
}
