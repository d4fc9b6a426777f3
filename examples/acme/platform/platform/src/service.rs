//! What a service is to the platform, and the platform to a service.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use api_runtime::Contract;
use clap::ArgMatches;
use serde::de::DeserializeOwned;

use crate::{
    Error,
    auth::{ServiceKey, SigningKeys},
    cache::Cache,
    client,
    config::{self, Config, ConfigError, Layers},
    database::{Database, Migrations},
};

/// A service, as [`crate::service!`] describes it. It runs in a process of its own or mounted in another's.
#[derive(Clone, Copy)]
pub struct Service {
    /// The package's name.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The text of the package's `config.yaml`.
    pub config: &'static str,
    #[doc(hidden)]
    pub wire: for<'a> fn(&'a Platform) -> Making<'a, Module>,
    #[doc(hidden)]
    pub commands: Option<Commands>,
}

#[doc(hidden)]
pub type Making<'a, T> = Pin<Box<dyn Future<Output = Result<T, Error>> + Send + 'a>>;

/// What a service can be told on the command line beside `serve` and `migrate`.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Commands {
    pub augment: fn(clap::Command) -> clap::Command,
    pub run: for<'a> fn(&'a Platform, &'a ArgMatches) -> Making<'a, ()>,
}

/// Describes the service of this package: its name and version, the `config.yaml` beside its `Cargo.toml`, and
/// `async fn wire(&Platform) -> Result<Module, platform::Error>`, which makes its parts.
///
/// With `commands: T`, the service has the commands of the `clap::Subcommand` `T` beside those of every service, run by
/// `async fn run(self, &Platform) -> Result<(), platform::Error>`.
#[macro_export]
macro_rules! service {
    ($wire:path) => {
        $crate::service!(@ $wire, None)
    };
    ($wire:path, commands: $commands:ty) => {
        $crate::service!(@ $wire, Some($crate::__private::Commands {
            augment: <$commands as $crate::__private::clap::Subcommand>::augment_subcommands,
            run: |platform, matches| Box::pin(async move {
                use $crate::__private::clap::FromArgMatches;
                let command = <$commands>::from_arg_matches(matches);
                command.unwrap_or_else(|error| error.exit()).run(platform).await
            }),
        }))
    };
    (@ $wire:path, $commands:expr) => {
        $crate::Service {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            config: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config.yaml")),
            wire: |platform| Box::pin($wire(platform)),
            commands: $commands,
        }
    };
}

/// What a service offers, collected by its `wire`.
#[derive(Default)]
pub struct Module {
    pub(crate) contracts: Vec<Contract>,
    pub(crate) issuer: Option<SigningKeys>,
}

impl Module {
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves a contract over gRPC and HTTP.
    pub fn contract(mut self, contract: Contract) -> Self {
        self.contracts.push(contract);
        self
    }

    /// Makes the process the issuer of the tokens that these keys sign: it serves the public keys at
    /// `/.well-known/jwks.json` and verifies with them itself.
    pub fn issuer(mut self, keys: &SigningKeys) -> Self {
        self.issuer = Some(keys.clone());
        self
    }
}

/// What the platform gives a service while it is wired.
pub struct Platform {
    name: &'static str,
    config: Config,
    layers: Mutex<Layers>,
    databases: Mutex<Vec<UsedDatabase>>,
}

/// A database that a service has asked for.
pub(crate) struct UsedDatabase {
    pub service: &'static str,
    pub database: Database,
    pub migrations: &'static Migrations,
    pub migrate_at_start: bool,
}

impl Platform {
    /// The configuration of a service from its layers. When some of it is wrong, wiring goes on with defaults, so that
    /// mistakes in the service's own settings are found as well; [`Platform::finish`] then refuses to start.
    pub(crate) fn new(service: &Service, mut layers: Layers) -> Result<Self, ConfigError> {
        match layers.config(&config::defaults(service.name)) {
            Some(config) => Ok(Self {
                name: service.name,
                config,
                layers: Mutex::new(layers),
                databases: Mutex::default(),
            }),
            None => Err(layers.finish().err().unwrap_or_default()),
        }
    }

    /// The name of the service.
    pub fn name(&self) -> &'static str {
        self.name
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    /// What a token must say, and the keys; [`SigningKeys`] sign by it.
    pub fn auth(&self) -> &config::Auth {
        &self.config.auth
    }

    /// The service's own settings: section `service` of its configuration. Unknown keys are refused; a key without a default (`#[serde(default)]`) must be given.
    pub fn settings<T: DeserializeOwned>(&self) -> Result<T, Error> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        match layers.settings() {
            Some(settings) => Ok(settings),
            None => Err(layers.finish().err().unwrap_or_default().into()),
        }
    }

    /// The service's database. Connections are made when they are needed; its being away makes the service not ready.
    pub fn database(&self, migrations: &'static Migrations) -> Result<Database, Error> {
        let database = Database::open(self.name, &self.config.database)?;
        let migrate_at_start = self
            .config
            .database
            .migrate_at_start
            .unwrap_or(database.is_sqlite());
        let used = UsedDatabase {
            service: self.name,
            database: database.clone(),
            migrations,
            migrate_at_start,
        };
        self.databases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(used);
        Ok(database)
    }

    /// The service's cache; a Redis that is away is no reason not to be ready.
    pub fn cache(&self) -> Result<Cache, Error> {
        Cache::open(self.name, &self.config.cache)
    }

    /// A connection to another service, which proves there that this one calls.
    pub fn connect(&self, address: &client::Address) -> Result<client::Connection, Error> {
        let key = ServiceKey::open(self.name, &self.config.auth.services)?;
        Ok(client::Connection::new(address, key))
    }

    /// Ends the wiring: the databases in use, if all of the configuration was right.
    pub(crate) fn finish(&self) -> Result<Vec<UsedDatabase>, ConfigError> {
        let mut layers = self.layers.lock().unwrap_or_else(PoisonError::into_inner);
        layers.finish()?;
        let mut databases = self
            .databases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut databases))
    }
}
