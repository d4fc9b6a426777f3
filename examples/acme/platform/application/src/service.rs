//! A service as the platform sees it, and the platform as a service sees it.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use api_runtime::Contract;
use axum::Router;
use clap::ArgMatches;
use platform_auth::{ServiceKey, SigningKeys};
use platform_base::{
    Part, StartError,
    config::{ConfigError, Configuration, SETTINGS, Section, Shown},
};
use platform_cache::Cache;
use platform_client as client;
use platform_database::{Database, Migrations, ServiceDatabase};

use crate::config_root::Config;

/// A service, described with [`crate::service!`]. It runs in its own process or mounted in another one.
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
pub type Making<'a, T> = Pin<Box<dyn Future<Output = Result<T, StartError>> + Send + 'a>>;

/// The commands that a service adds to the common ones.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct Commands {
    pub augment: fn(clap::Command) -> clap::Command,
    pub run: for<'a> fn(&'a Platform, &'a ArgMatches) -> Making<'a, ()>,
}

/// Describes the service of this package: its name and version, the `config.yaml` next to its `Cargo.toml`, and
/// `async fn wire(&Platform) -> Result<Module, platform::StartError>`, which makes its parts.
///
/// `commands: T` adds the commands of the `clap::Subcommand` `T` to the common ones. They are run by
/// `async fn run(self, &Platform) -> Result<(), platform::StartError>`.
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

/// The contracts, routes and parts of a service, collected by its `wire`.
#[derive(Default)]
pub struct Module {
    pub(crate) contracts: Vec<Contract>,
    pub(crate) routes: Router,
    pub(crate) parts: Vec<Arc<dyn Part>>,
    pub(crate) issuer: Option<SigningKeys>,
}

impl Module {
    /// An empty module.
    pub fn new() -> Self {
        Self::default()
    }

    /// Serves a contract over gRPC and HTTP.
    pub fn contract(mut self, contract: Contract) -> Self {
        self.contracts.push(contract);
        self
    }

    /// Adds the service's own HTTP routes, next to those of its contracts. No layer wraps them: no token is checked, no
    /// rate limit applies, no call is measured. They do not get requests for a path that a contract has.
    pub fn routes(mut self, routes: Router) -> Self {
        self.routes = self.routes.merge(routes);
        self
    }

    /// Adds a part to the process: it is started, run, asked whether it is ready, and stopped in its phase.
    pub fn part(mut self, part: impl Part) -> Self {
        self.parts.push(Arc::new(part));
        self
    }

    /// Makes the process the issuer of the tokens that these keys sign: it serves the public keys at
    /// `/.well-known/jwks.json` and verifies tokens with them.
    pub fn issuer(mut self, keys: &SigningKeys) -> Self {
        self.issuer = Some(keys.clone());
        self
    }
}

/// Gives a service what it needs in its `wire`.
pub struct Platform {
    name: &'static str,
    config: Config,
    configuration: Mutex<Configuration>,
    databases: Mutex<Vec<Arc<ServiceDatabase>>>,
}

impl Platform {
    /// Reads the configuration of a service. A wrong value is replaced by its default, so that mistakes in the
    /// service's own settings are found as well; [`Platform::finish`] then refuses to start.
    pub(crate) fn new(
        service: &Service,
        mut configuration: Configuration,
    ) -> Result<Self, ConfigError> {
        match configuration.read("") {
            Some(config) => Ok(Self {
                name: service.name,
                config,
                configuration: Mutex::new(configuration),
                databases: Mutex::default(),
            }),
            None => Err(configuration.finish().err().unwrap_or_default()),
        }
    }

    /// The name of the service.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The sections that every service has.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The configuration of tokens and keys; [`SigningKeys`] sign by it.
    pub fn auth(&self) -> &platform_auth::Config {
        &self.config.auth
    }

    /// The service's own settings: section `service` of its configuration, declared with
    /// [`section!`](crate::section).
    ///
    /// # Errors
    /// When a required key is missing or wrong.
    pub fn settings<S: Section>(&self) -> Result<S, StartError> {
        let mut configuration = lock(&self.configuration);
        match configuration.read(SETTINGS) {
            Some(settings) => Ok(settings),
            None => Err(configuration.finish().err().unwrap_or_default().into()),
        }
    }

    /// The service's database. It connects when needed. While the database is down, the service is not ready.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn database(&self, migrations: &'static Migrations) -> Result<Database, StartError> {
        let config = &self.config.database;
        let database = Database::open(self.name, config).map_err(StartError::new)?;
        let migrate_at_start = config.migrate_at_start.unwrap_or(database.is_sqlite());
        let part = ServiceDatabase::new(self.name, database.clone(), migrations, migrate_at_start);
        lock(&self.databases).push(Arc::new(part));
        Ok(database)
    }

    /// The service's cache. While its Redis is down, the service stays ready.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn cache(&self) -> Result<Cache, StartError> {
        Cache::open(self.name, &self.config.cache)
    }

    /// A connection to another service. It proves there that this service is calling.
    ///
    /// # Errors
    /// When the key of this service cannot be read or made.
    pub fn connect(&self, address: &client::Address) -> Result<client::Connection, StartError> {
        let key = ServiceKey::open(self.name, &self.config.auth.services)?;
        Ok(client::Connection::new(address, key))
    }

    /// Ends the wiring. Returns the databases in use if the whole configuration is right.
    pub(crate) fn finish(&self) -> Result<Vec<Arc<ServiceDatabase>>, ConfigError> {
        lock(&self.configuration).finish()?;
        Ok(std::mem::take(&mut lock(&self.databases)))
    }

    /// The variables that look like misspelt keys of this service, with the right spelling.
    pub(crate) fn misspelt(&self, names: &[&str]) -> Vec<(String, String)> {
        let configuration = lock(&self.configuration);
        let misspelt = configuration.misspelt(names.iter().copied());
        misspelt
            .into_iter()
            .map(|(name, right)| (name.to_owned(), right))
            .collect()
    }

    /// Every key of the service, with its effective value.
    pub(crate) fn shown(&self) -> Vec<Shown> {
        lock(&self.configuration).shown().to_vec()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
