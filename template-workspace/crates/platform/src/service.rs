//! What a service is to the platform, and the platform to a service.

use std::{
    future::Future,
    pin::Pin,
    sync::{Mutex, PoisonError},
};

use api_runtime::Contract;
use clap::{ArgMatches, Subcommand};
use futures_util::future::BoxFuture;
use serde::de::DeserializeOwned;

use crate::{
    Error,
    cache::Cache,
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
    pub wire: for<'a> fn(&'a Platform) -> Wiring<'a>,
}

#[doc(hidden)]
pub type Wiring<'a> = Pin<Box<dyn Future<Output = Result<Module, Error>> + Send + 'a>>;

/// Describes the service of this package: its name and version, the `config.yaml` beside its `Cargo.toml`, and
/// `async fn wire(&Platform) -> Result<Module, platform::Error>`, which makes its parts.
#[macro_export]
macro_rules! service {
    ($wire:path) => {
        $crate::Service {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
            config: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/config.yaml")),
            wire: |platform| Box::pin($wire(platform)),
        }
    };
}

pub(crate) type Commands =
    Box<dyn FnOnce(&ArgMatches) -> BoxFuture<'static, Result<(), Error>> + Send>;

/// What a service offers, collected by its `wire`.
#[derive(Default)]
pub struct Module {
    pub(crate) contracts: Vec<Contract>,
    pub(crate) commands: Option<Commands>,
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

    /// Runs the service's own commands, which [`crate::run_with`] reads. Those of a mounted service cannot be reached.
    pub fn commands<C, F>(mut self, run: impl FnOnce(C) -> F + Send + 'static) -> Self
    where
        C: Subcommand,
        F: Future<Output = Result<(), Error>> + Send + 'static,
    {
        self.commands = Some(Box::new(|matches| match C::from_arg_matches(matches) {
            Ok(command) => Box::pin(run(command)),
            Err(error) => Box::pin(std::future::ready(Err(Error::internal(error)))),
        }));
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

    /// What a token must say; a [`crate::auth::SigningKey`] signs by it.
    pub fn auth(&self) -> &config::Auth {
        &self.config.auth
    }

    /// The service's own settings: section `service` of its configuration, which may be read once. Unknown keys are
    /// refused; a key without a default (`#[serde(default)]`) must be given.
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

    /// Ends the wiring: the configuration, if all of it was right, and the databases in use.
    pub(crate) fn finish(self) -> Result<(Config, Vec<UsedDatabase>), ConfigError> {
        self.layers
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
            .finish()?;
        Ok((
            self.config,
            self.databases
                .into_inner()
                .unwrap_or_else(PoisonError::into_inner),
        ))
    }
}
