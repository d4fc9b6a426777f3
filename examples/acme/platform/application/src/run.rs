//! The command line of a service and the life cycle of its process.

use std::{io::ErrorKind, path::PathBuf, process::ExitCode, time::Duration};

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use platform_base::{StartError, workspace};
use platform_telemetry as telemetry;

use crate::{
    application::{Application, Running, Sources},
    service::Service,
};

#[derive(Parser)]
struct Arguments {
    /// A YAML file whose values go over the built-in configuration.
    #[arg(long, value_name = "PATH", value_parser = absolute)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve; this is what happens without a command.
    Serve,
    /// Apply the migrations of the database that have not been applied yet, and end.
    Migrate {
        #[command(subcommand)]
        instead: Option<Migrate>,
    },
    /// Print the effective configuration: each key, its value, and where that was written. Secrets are hidden.
    Config,
}

#[derive(Subcommand)]
enum Migrate {
    /// Say which migrations the database has.
    Status,
    /// Undo the migration that was applied last.
    Down,
}

/// The whole of a service's `main`: reads the command line and serves until a signal. Services in `mounted` share the
/// process and its ports.
pub fn run(service: &Service, mounted: &[&Service]) -> ExitCode {
    let matches = command_line(service).get_matches();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    // This comes first, because paths in the configuration start at the root of the workspace.
    let entered = workspace::enter_root().and(runtime);
    let ended = entered.map_err(StartError::new).and_then(|runtime| {
        let ended = runtime.block_on(execute(service, mounted, &matches));
        // Do not wait for a query that still runs in a thread of its own.
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {error}", service.name);
            ExitCode::FAILURE
        }
    }
}

/// Makes a path absolute before the process changes its working directory.
fn absolute(path: &str) -> std::io::Result<PathBuf> {
    std::path::absolute(path)
}

fn command_line(service: &Service) -> clap::Command {
    let version = format!("{} (git {})", service.version, env!("GIT_COMMIT"));
    let command = Arguments::command().name(service.name).version(version);
    match service.commands {
        Some(commands) => (commands.augment)(command),
        None => command,
    }
}

async fn execute(
    service: &Service,
    mounted: &[&Service],
    matches: &ArgMatches,
) -> Result<(), StartError> {
    let sources = Sources {
        file: matches.get_one("config").cloned(),
        variables: variables()?,
        ..Sources::default()
    };
    let mut application = Application::assemble(service, mounted, &sources).await?;
    let config = application.config();
    let traces = telemetry::init(
        service.name,
        service.version,
        &config.log,
        &config.telemetry,
    )?;
    for (name, right) in application.misspelt() {
        tracing::warn!("the variable {name} sets nothing: {right} is the right spelling");
    }
    let own = matches
        .subcommand_name()
        .is_some_and(|name| !Command::has_subcommand(name));
    if let Some(commands) = service.commands.filter(|_| own) {
        return (commands.run)(application.platform(), matches).await;
    }
    let arguments = Arguments::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    match arguments.command {
        Some(Command::Migrate { instead }) => migrate(&application, instead).await?,
        Some(Command::Config) => print_config(&application),
        Some(Command::Serve) | None => {
            application.part(traces);
            serve(service, application).await?;
            tracing::info!("stopped");
        }
    }
    Ok(())
}

async fn migrate(application: &Application, instead: Option<Migrate>) -> Result<(), StartError> {
    match instead {
        None => {
            for database in application.databases() {
                database.migrate().await?;
            }
        }
        Some(Migrate::Status) => {
            for database in application.databases() {
                println!("{}:", database.service());
                for state in database.migration_states().await? {
                    let mark = if state.applied { "applied" } else { "pending" };
                    println!("  {mark}  {}", state.name);
                }
            }
        }
        Some(Migrate::Down) => {
            if let Some(database) = application.databases().first() {
                match database.revert_migration().await? {
                    Some(name) => println!("undone: {name}"),
                    None => println!("there is no migration to undo"),
                }
            }
        }
    }
    Ok(())
}

fn print_config(application: &Application) {
    for (service, keys) in application.shown() {
        println!("# {service}");
        for key in keys {
            let value = key.value.unwrap_or_default();
            println!("{}: {value}  # {}", key.key, key.source);
        }
    }
}

/// Serves until a signal.
async fn serve(service: &Service, application: Application) -> Result<(), StartError> {
    // Registered before the start, so that a signal during the start does not kill the process.
    let mut terminate = signal(SignalKind::terminate()).map_err(StartError::new)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(StartError::new)?;
    let drain = application.config().shutdown.drain;
    let running: Running = tokio::select! {
        running = application.start() => running?,
        _ = terminate.recv() => return Ok(()),
        _ = interrupt.recv() => return Ok(()),
    };
    tracing::info!(service = service.name, version = service.version, http = %running.http(), grpc = %running.grpc(), "serving");

    // Ctrl-C comes from a person at a terminal, who should not wait for load balancers.
    let drain = tokio::select! {
        _ = terminate.recv() => drain,
        _ = interrupt.recv() => Duration::ZERO,
    };
    tracing::info!("stopping; a second signal ends the process at once");
    tokio::select! {
        () = running.stop(drain) => Ok(()),
        _ = terminate.recv() => std::process::exit(1),
        _ = interrupt.recv() => std::process::exit(1),
    }
}

/// The variables of the file `.env`, if there is one, then those of the environment, which win.
fn variables() -> Result<Vec<(String, String, String)>, StartError> {
    let wrong =
        |error: &dyn std::fmt::Display| StartError::new(format!(".env cannot be read: {error}"));
    let mut variables = Vec::new();
    match std::fs::read_to_string(".env") {
        Ok(text) => {
            // Some editors write a byte order mark at the start of a file.
            let text = text.trim_start_matches('\u{feff}');
            for line in dotenvy::from_read_iter(text.as_bytes()) {
                let (name, value) = line.map_err(|error| wrong(&error))?;
                variables.push((".env".to_owned(), name, value));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(wrong(&error)),
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables
        .extend(environment.map(|(name, value)| ("environment variable".to_owned(), name, value)));
    Ok(variables)
}
