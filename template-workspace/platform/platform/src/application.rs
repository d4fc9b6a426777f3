//! A process: a service, those mounted in it, and their life from configuration to the last answer.

use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use api_runtime::Contract;
use axum::Router;
use tokio::{net::TcpListener, time::Instant};
use tokio_util::task::TaskTracker;

use crate::{
    Error, Module, Platform, Service,
    auth::{SigningKeys, Verifier, discovery},
    config::{Config, ConfigError, Layer, Layers, Problem},
    cors, database,
    health::Health,
    layers::Shared,
    ops::About,
    routes,
    server::{self, Stop},
    service::UsedDatabase,
    telemetry,
};

/// Where the configuration of a process comes from, beside the services' own files.
#[derive(Default)]
pub struct Sources {
    /// The file given with `--config`.
    pub file: Option<PathBuf>,
    /// Variables with the kind of their source, such as `environment variable`; the later wins.
    pub variables: Vec<(String, String, String)>,
    /// Single settings, such as `http.port`, that go over everything else.
    pub settings: Vec<(String, String)>,
}

impl Sources {
    /// Nothing but these settings.
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

/// A process whose parts have been made and whose configuration is right. Nothing is served yet.
pub struct Application {
    about: About,
    /// What the process's own service was wired with.
    platform: Platform,
    contracts: Vec<Contract>,
    issuer: Option<SigningKeys>,
    databases: Vec<UsedDatabase>,
}

impl Application {
    /// Wires the service and those mounted in it. All that is wrong with their configuration is reported together.
    pub async fn assemble(
        service: &Service,
        mounted: &[&Service],
        sources: &Sources,
    ) -> Result<Self, Error> {
        let mut problems = Vec::new();
        let mut file = match &sources.file {
            Some(path) => noted(Layer::file(path), &mut problems),
            None => None,
        };
        let mut parts = Vec::new();
        for mounted in mounted {
            let file = file
                .as_mut()
                .and_then(|file| file.take_mounted(mounted.name));
            parts.push(wire(mounted, file, sources, &mut problems).await?);
        }
        let own = wire(service, file, sources, &mut problems).await?;
        parts.insert(0, own);
        if !problems.is_empty() {
            return Err(ConfigError { problems }.into());
        }
        let mut parts = parts.into_iter().flatten();
        let Some((platform, own, mut databases)) = parts.next() else {
            return Err(Error::internal("a service without a configuration"));
        };
        let mut contracts = own.contracts;
        let mut issuer = own.issuer;
        for (_, module, used) in parts {
            contracts.extend(module.contracts);
            issuer = issuer.or(module.issuer);
            databases.extend(used);
        }
        let about = About {
            name: service.name,
            version: service.version,
        };
        Ok(Self {
            about,
            platform,
            contracts,
            issuer,
            databases,
        })
    }

    pub fn config(&self) -> &Config {
        self.platform.config()
    }

    pub(crate) fn platform(&self) -> &Platform {
        &self.platform
    }

    /// What it serves.
    pub fn contracts(&self) -> &[Contract] {
        &self.contracts
    }

    /// Applies the migrations of every database. One that is not there yet is waited for.
    pub async fn migrate(&self) -> Result<(), Error> {
        for used in &self.databases {
            migrate(used).await?;
        }
        Ok(())
    }

    /// Prints every migration of every database, and whether it has been applied.
    pub(crate) async fn print_migrations(&self) -> Result<(), Error> {
        for used in &self.databases {
            println!("{}:", used.service);
            for state in used.database.migration_states(used.migrations).await? {
                let mark = if state.applied { "applied" } else { "pending" };
                println!("  {mark}  {}", state.name);
            }
        }
        Ok(())
    }

    /// Undoes the last migration of the process's own service.
    pub(crate) async fn revert_migration(&self) -> Result<(), Error> {
        let Some(used) = self.databases.first() else {
            return Ok(());
        };
        match used.database.revert_migration(used.migrations).await? {
            Some(name) => println!("undone: {name}"),
            None => println!("there is no migration to undo"),
        }
        Ok(())
    }

    /// Applies the migrations where that is wanted at each start; elsewhere says what is missing.
    pub async fn migrate_at_start(&self) -> Result<(), Error> {
        for used in &self.databases {
            if used.migrate_at_start {
                migrate(used).await?;
            } else if let Ok(pending @ 1..) = used.database.pending(used.migrations).await {
                tracing::warn!(
                    service = used.service,
                    pending,
                    "the database lacks migrations: run the command `migrate`"
                );
            }
        }
        Ok(())
    }

    /// Starts to serve.
    pub async fn start(self) -> Result<Running, Error> {
        let Self {
            about,
            platform,
            contracts,
            issuer,
            databases,
        } = self;
        let config = platform.config().clone();
        let metrics = telemetry::metrics()?;
        let verifier = Verifier::new(&config.auth, issuer.clone())?;
        let trusted = verifier.keys();
        let shared = Arc::new(Shared::new(about.name, verifier, &config, &contracts)?);
        let health = Arc::new(Health::new(
            databases,
            contracts.iter().map(|contract| contract.name),
        ));

        let http = server::bind("HTTP", &config.http.listener()).await?;
        let http_address = http.local_addr().map_err(Error::internal)?;
        let mut rest = routes::http(about, &contracts, &shared, &health, metrics)?;
        if let Some(keys) = &issuer {
            rest = rest.merge(discovery::routes(keys)?);
        }
        let rest = cors::layer(rest, &config.http.cors);
        let rpc = routes::grpc(&contracts, &shared, &health)?;
        let stop = Stop::default();
        let tasks = TaskTracker::new();
        let serve = |listener: TcpListener, router: Router| {
            let (limits, stop) = (config.limits.clone(), stop.clone());
            tasks.spawn(async move { server::serve(listener, router, &limits, stop).await });
        };
        let grpc_address = if config.grpc == config.http.listener() && config.http.port != 0 {
            serve(http, rest.merge(rpc));
            http_address
        } else {
            let grpc = server::bind("gRPC", &config.grpc).await?;
            let address = grpc.local_addr().map_err(Error::internal)?;
            serve(http, rest);
            serve(grpc, rpc.fallback(routes::unknown_method));
            address
        };

        health.check().await;
        let watching = (health.clone(), stop.closing.clone());
        tasks.spawn(async move { watching.0.watch(watching.1).await });
        let closing = stop.closing.clone();
        let upkeep = async move {
            let signing = async {
                if let Some(keys) = &issuer {
                    keys.keep_fresh().await;
                }
            };
            tokio::join!(keep_up(metrics), trusted.keep_fresh(), signing)
        };
        tasks.spawn(async move { closing.run_until_cancelled(upkeep).await });
        Ok(Running {
            http: http_address,
            grpc: grpc_address,
            config,
            health,
            stop,
            tasks,
        })
    }
}

/// A process that serves.
pub struct Running {
    http: SocketAddr,
    grpc: SocketAddr,
    config: Config,
    health: Arc<Health>,
    stop: Stop,
    tasks: TaskTracker,
}

impl Running {
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    pub fn grpc(&self) -> SocketAddr {
        self.grpc
    }

    /// Stops within `shutdown.timeout`: not ready for the time of `drain`, then no new requests, until those received are
    /// answered. Returns how much of the time is left.
    pub async fn stop(self, drain: Duration) -> Duration {
        let ends = Instant::now() + self.config.shutdown.timeout;
        self.health.stopping().await;
        self.stop.draining.cancel();
        let drained = Instant::now() + drain;
        tokio::time::sleep_until(drained.min(ends)).await;
        self.stop.closing.cancel();
        self.health.end_watches().await;
        self.tasks.close();
        self.stop.connections.close();
        let finished = async {
            self.tasks.wait().await;
            self.stop.connections.wait().await;
        };
        if tokio::time::timeout_at(ends, finished).await.is_err() {
            tracing::warn!(
                connections = self.stop.connections.len(),
                "stopped before all requests were answered"
            );
        }
        ends.saturating_duration_since(Instant::now())
    }
}

type Part = (Platform, Module, Vec<UsedDatabase>);

/// Makes the parts of one service. None when its configuration is wrong, which is noted.
async fn wire(
    service: &Service,
    file: Option<Layer>,
    sources: &Sources,
    problems: &mut Vec<Problem>,
) -> Result<Option<Part>, Error> {
    let mut layers = vec![Layer::new("default", crate::config::defaults(service.name))];
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
    let platform = match Platform::new(service, Layers::merge(layers)) {
        Ok(platform) => platform,
        Err(error) => return Ok(wrong(error, problems)),
    };
    let module = (service.wire)(&platform).await;
    // What is wrong with the configuration explains an error of the wiring better than the error itself.
    let databases = match platform.finish() {
        Ok(databases) => databases,
        Err(error) => return Ok(wrong(error, problems)),
    };
    match module {
        Ok(module) => Ok(Some((platform, module, databases))),
        Err(Error::Config(error)) => Ok(wrong(error, problems)),
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

/// Migrates one database; waits for one that is still starting, as everything in a cluster may be.
async fn migrate(used: &UsedDatabase) -> Result<(), Error> {
    const PATIENCE: Duration = Duration::from_secs(30);
    let ends = Instant::now() + PATIENCE;
    let mut pause = Duration::from_millis(100);
    loop {
        match used.database.migrate(used.migrations).await {
            Err(database::Error::Unavailable(cause)) if Instant::now() + pause < ends => {
                tracing::warn!(service = used.service, cause, "waiting for the database");
                tokio::time::sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            migrated => return Ok(migrated?),
        }
    }
}

/// The exporter collects samples until someone asks for them, or until this sorts them in.
async fn keep_up(metrics: &'static metrics_exporter_prometheus::PrometheusHandle) {
    loop {
        tokio::time::sleep(Duration::from_secs(5)).await;
        metrics.run_upkeep();
    }
}
