//! A process: a service, the services mounted in it, and their life cycle from configuration to the last response.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use api_runtime::{Contract, Routes, unknown_path};
use axum::Router;
use platform_auth::{self as auth, ServiceVerifier, SigningKeys, Verifier};
use platform_base::{
    Part, StartError,
    config::{ConfigError, Configuration, Layer, Problem, Shown},
};
use platform_database::ServiceDatabase;
use platform_redis::Redis;
use platform_server::{About, Bound, Health, Shared, routes};
use platform_telemetry::Metrics;
use tokio_util::sync::CancellationToken;

use crate::{
    config_root::{Config, Shutdown},
    life::{self, Life},
    service::{Module, Platform, Service},
};

/// The sources of a process's configuration, in addition to the services' own files.
#[derive(Default)]
pub struct Sources {
    /// The file given with `--config`.
    pub file: Option<PathBuf>,
    /// Kind (such as `environment variable`), name and value of each variable; the later wins.
    pub variables: Vec<(String, String, String)>,
    /// Single settings, such as `http.port`. They override all other sources.
    pub settings: Vec<(String, String)>,
}

impl Sources {
    /// Only these settings.
    pub fn settings<'a>(settings: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let settings = settings
            .into_iter()
            .map(|(key, value)| (key.to_owned(), value.to_owned()));
        Self {
            settings: settings.collect(),
            ..Self::default()
        }
    }
}

/// A process with valid configuration and all its parts. It does not serve yet.
pub struct Application {
    about: About,
    /// The platform of the process's own service, then those of the mounted services.
    platforms: Vec<Platform>,
    contracts: Vec<Contract>,
    routes: Router,
    issuer: Option<SigningKeys>,
    databases: Vec<Arc<ServiceDatabase>>,
    parts: Vec<Arc<dyn Part>>,
    misspelt: Vec<(String, String)>,
}

impl Application {
    /// Wires the service and those mounted in it. All mistakes in their configuration are reported together.
    ///
    /// # Errors
    /// Every mistake in the configuration, or a part that cannot be made.
    pub async fn assemble(
        service: &Service,
        mounted: &[&Service],
        sources: &Sources,
    ) -> Result<Self, StartError> {
        let mut problems = Vec::new();
        let mut file = match &sources.file {
            Some(path) => noted(Layer::file(path), &mut problems),
            None => None,
        };
        let mut wired = Vec::new();
        for mounted in mounted {
            let file = file
                .as_mut()
                .and_then(|file| file.take_mounted(mounted.name));
            wired.push(wire(mounted, file, sources, &mut problems).await?);
        }
        let own = wire(service, file, sources, &mut problems).await?;
        wired.insert(0, own);
        if !problems.is_empty() {
            return Err(ConfigError { problems }.into());
        }
        let mut application = Self {
            about: About {
                name: service.name,
                version: service.version,
            },
            platforms: Vec::new(),
            contracts: Vec::new(),
            routes: Router::new(),
            issuer: None,
            databases: Vec::new(),
            parts: Vec::new(),
            misspelt: Vec::new(),
        };
        for (platform, module, databases) in wired.into_iter().flatten() {
            application.add(platform, module, databases, sources);
        }
        Ok(application)
    }

    fn add(
        &mut self,
        platform: Platform,
        module: Module,
        databases: Vec<Arc<ServiceDatabase>>,
        sources: &Sources,
    ) {
        let Module {
            contracts,
            routes,
            parts,
            issuer,
        } = module;
        let names = sources.variables.iter().map(|(_, name, _)| name.as_str());
        self.misspelt
            .extend(platform.misspelt(&names.collect::<Vec<_>>()));
        self.platforms.push(platform);
        self.contracts.extend(contracts);
        self.routes = std::mem::take(&mut self.routes).merge(routes);
        self.issuer = self.issuer.take().or(issuer);
        for database in databases {
            self.parts.push(database.clone());
            self.databases.push(database);
        }
        self.parts.extend(parts);
    }

    /// The configuration of the process: that of its own service.
    pub fn config(&self) -> &Config {
        self.platform().config()
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.platforms[0]
    }

    /// Every key of every service, with its effective value.
    pub(crate) fn shown(&self) -> impl Iterator<Item = (&'static str, Vec<Shown>)> {
        let shown = |platform: &Platform| (platform.name(), platform.shown());
        self.platforms.iter().map(shown)
    }

    /// The variables that look like misspelt keys, with the right spelling.
    pub(crate) fn misspelt(&self) -> &[(String, String)] {
        &self.misspelt
    }

    /// The contracts that the process serves.
    pub fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// The databases of all services; the process's own service is first.
    pub(crate) fn databases(&self) -> &[Arc<ServiceDatabase>] {
        &self.databases
    }

    /// Adds a part. It starts after the parts added before.
    pub(crate) fn part(&mut self, part: impl Part) {
        self.parts.push(Arc::new(part));
    }

    /// Starts the parts and begins to serve.
    ///
    /// # Errors
    /// When a part cannot start: a port is in use, a migration fails.
    pub async fn start(self) -> Result<Running, StartError> {
        let config = self.config().clone();
        let Self {
            about,
            contracts,
            routes: own_routes,
            issuer,
            mut parts,
            ..
        } = self;
        let metrics = Metrics::install()?;
        let verifier = Verifier::new(&config.auth, issuer.clone())?;
        parts.push(Arc::new(metrics));
        parts.push(verifier.keys());
        let mut rest = own_routes;
        if let Some(keys) = issuer {
            rest = rest.merge(auth::discovery(&keys)?);
            parts.push(Arc::new(keys));
        }
        let shared = Arc::new(Shared::new(
            about.name,
            verifier,
            ServiceVerifier::new(&config.auth),
            config.limits.clone(),
            config.http.proxies.clone(),
            config.telemetry.clone(),
            shared_counters(&config, &contracts)?,
        ));
        let draining = CancellationToken::new();
        let health = Arc::new(Health::new(
            parts.clone(),
            contracts.iter().map(|contract| contract.name),
            draining.clone(),
        ));
        parts.push(health.clone());

        // A client that connects while a database is migrated should be refused, not left waiting in the backlog.
        life::start(&parts).await?;
        let http = Bound::to("HTTP", config.http.address()).await?;
        let http_address = http.address();
        let rest = Routes::new(rest.fallback(unknown_path));
        let rest = routes::http(rest, about, &contracts, &shared, &health, metrics)?;
        let serve = |bound: Bound, routes: Routes| {
            let routes = routes::with_cors(routes.endpoint(), &config.http.cors);
            Arc::new(bound.serve(routes, config.limits.clone()))
        };
        let is_one = config.grpc.address() == config.http.address() && config.http.port != 0;
        let grpc_address = if is_one {
            let both = routes::grpc(rest, &contracts, &shared, &health)?;
            parts.push(serve(http, both));
            http_address
        } else {
            let rpc = Routes::new(Router::new().fallback(routes::unknown_method));
            let rpc = routes::grpc(rpc, &contracts, &shared, &health)?;
            let grpc = Bound::to("gRPC", config.grpc.address()).await?;
            let address = grpc.address();
            parts.push(serve(http, rest));
            parts.push(Arc::new(grpc.serve(rpc.endpoint(), config.limits.clone())));
            address
        };

        health.check().await;
        Ok(Running {
            http: http_address,
            grpc: grpc_address,
            shutdown: config.shutdown,
            life: Life::run(&parts, draining),
        })
    }
}

/// The Redis that counts calls for all replicas. `None` without a Redis, or if no method has a rate limit.
fn shared_counters(
    config: &Config,
    contracts: &[Contract],
) -> Result<Option<Arc<Redis>>, StartError> {
    let mut methods = contracts.iter().flat_map(|contract| contract.methods);
    let limited =
        config.limits.rate.is_some() || methods.any(|method| method.policy.rate_limit.is_some());
    let redis = config.cache.redis().filter(|_| limited);
    redis.as_ref().map(Redis::connect).transpose()
}

/// A process that serves requests.
pub struct Running {
    http: SocketAddr,
    grpc: SocketAddr,
    shutdown: Shutdown,
    life: Life,
}

impl Running {
    /// The address for HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The address for gRPC.
    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Stops within `shutdown.timeout`. During `drain` the process serves but is not ready. Then it refuses new
    /// requests and answers those received. Then all other parts stop, phase by phase.
    pub async fn stop(self, drain: Duration) {
        self.life.stop(drain, self.shutdown.timeout).await;
    }
}

type Wired = (Platform, Module, Vec<Arc<ServiceDatabase>>);

/// Makes the parts of one service. `None` when its configuration is wrong; `problems` has the mistakes.
async fn wire(
    service: &Service,
    file: Option<Layer>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Result<Option<Wired>, StartError> {
    let mut layers = Vec::new();
    layers.extend(noted(
        Layer::yaml(format!("config.yaml of {}", service.name), service.config),
        problems,
    ));
    layers.extend(file);
    for (kind, name, value) in &sources.variables {
        layers.extend(Layer::variable(service.name, kind, name, value));
    }
    for (key, value) in &sources.settings {
        layers.push(Layer::value("setting", key, value.as_str()));
    }
    let platform = match Platform::new(service, Configuration::new(service.name, layers)) {
        Ok(platform) => platform,
        Err(error) => return Ok(wrong(error, problems)),
    };
    let module = (service.wire)(&platform).await;
    // Mistakes in the configuration come first: they explain an error of the wiring better than the error itself.
    let databases = match platform.finish() {
        Ok(databases) => databases,
        Err(error) => return Ok(wrong(error, problems)),
    };
    match module {
        Ok(module) => Ok(Some((platform, module, databases))),
        Err(StartError::Config(error)) => Ok(wrong(error, problems)),
        Err(error) => Err(error),
    }
}

fn wrong<T>(error: ConfigError, problems: &mut Vec<Problem>) -> Option<T> {
    problems.extend(error.problems);
    None
}

fn noted<T>(result: Result<T, Problem>, problems: &mut Vec<Problem>) -> Option<T> {
    result.map_err(|problem| problems.push(problem)).ok()
}
