//! Section `database` of the configuration.

use std::time::Duration;

use platform_base::{
    config::{self, ConfigError, NONE, Setting},
    section,
};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::postgres;

section! {
    /// Which database a service has, and how patient it is with it.
    pub struct Config {
        /// Where it is: `sqlite://FILE`, or `postgres://user:password@host:5432/name` with `?sslmode=require`, `verify-ca`
        /// or `verify-full` for TLS (`&sslrootcert=FILE` names the roots to trust, else those of the system).
        url: DatabaseUrl = "sqlite://data/{service}.db" => secret(),
        /// The size of the pool; connections are made when they are needed.
        max_connections: usize = 8 => within(1, 10_000),
        /// How long a request waits for a connection before it is answered UNAVAILABLE.
        wait_timeout: Duration = "5s" => within("1ms", "10m"),
        /// How long making a connection may take.
        connect_timeout: Duration = "3s" => within("1ms", "10m"),
        /// PostgreSQL ends a statement that takes longer; the request is answered DEADLINE_EXCEEDED.
        statement_timeout: Duration = "30s" => within("1ms", "1d"),
        /// Whether each start applies the migrations: by default only on SQLite. Otherwise `<service> migrate` does.
        migrate_at_start: Option<bool> = NONE,
    }
}

impl Config {
    /// The defaults for a database at this URL.
    ///
    /// # Errors
    /// When the URL cannot be used.
    pub fn at(url: &str) -> Result<Self, ConfigError> {
        config::section("", json!({ "url": url }))
    }
}

/// The URL of a database; it may hold a password and is never printed.
#[derive(Clone, Debug)]
pub struct DatabaseUrl(pub SecretString);

impl Setting for DatabaseUrl {
    const KIND: &'static str = "URL";

    /// What is wrong is told without the URL.
    fn read(value: &Value) -> Result<Self, String> {
        let url = value.as_str().unwrap_or_default();
        match url.split_once("://") {
            Some(("sqlite", path)) if !path.is_empty() => {}
            Some(("postgres" | "postgresql", rest)) if !rest.is_empty() => postgres::check(url)?,
            _ => return Err("must start with sqlite:// or postgres://".to_owned()),
        }
        Ok(Self(url.into()))
    }
}
