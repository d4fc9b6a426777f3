//! The command line of a service, and the life of its process.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

use crate::{
    Error, Service,
    application::{Application, Sources},
    telemetry,
};

#[derive(Parser)]
struct Arguments {
    /// A YAML file whose values go over the built-in configuration.
    #[arg(long, value_name = "PATH")]
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
}

#[derive(Subcommand)]
enum Migrate {
    /// Say which migrations the database has.
    Status,
    /// Undo the migration that was applied last.
    Down,
}

/// The whole of a service's `main`: reads the command line, and serves until it is told to stop. Services in `mounted`
/// share the process and its ports.
pub fn run(service: &Service, mounted: &[&Service]) -> ExitCode {
    let matches = command_line(service).get_matches();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = runtime.map_err(Error::internal).and_then(|runtime| {
        let ended = runtime.block_on(execute(service, mounted, &matches));
        // A query that still runs on a thread of its own must not hold the process up.
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
) -> Result<(), Error> {
    let sources = Sources {
        file: matches.get_one("config").cloned(),
        variables: variables()?,
        ..Sources::default()
    };
    let application = Application::assemble(service, mounted, &sources).await?;
    let telemetry = telemetry::init(service.name, service.version, application.config())?;
    let own = matches
        .subcommand_name()
        .is_some_and(|name| !Command::has_subcommand(name));
    if let Some(commands) = service.commands.filter(|_| own) {
        return (commands.run)(application.platform(), matches).await;
    }
    let arguments = Arguments::from_arg_matches(matches).unwrap_or_else(|error| error.exit());
    match arguments.command {
        Some(Command::Migrate { instead: None }) => application.migrate().await?,
        Some(Command::Migrate {
            instead: Some(Migrate::Status),
        }) => application.print_migrations().await?,
        Some(Command::Migrate {
            instead: Some(Migrate::Down),
        }) => application.revert_migration().await?,
        Some(Command::Serve) | None => {
            application.migrate_at_start().await?;
            let left = serve(service, application).await?;
            telemetry.flush(left).await;
            tracing::info!("stopped");
        }
    }
    Ok(())
}

/// Serves until a signal; returns how much of the time for stopping is left.
async fn serve(service: &Service, application: Application) -> Result<Duration, Error> {
    // Asked for before anything is served, so that a signal is never answered by an abrupt end.
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::internal)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::internal)?;
    let drain = application.config().shutdown.drain;
    let running = application.start().await?;
    tracing::info!(service = service.name, version = service.version, http = %running.http(), grpc = %running.grpc(), "serving");

    // A person at a terminal does not want to wait for load balancers.
    let drain = tokio::select! {
        _ = terminate.recv() => drain,
        _ = interrupt.recv() => Duration::ZERO,
    };
    tracing::info!("stopping; a second signal ends the process at once");
    tokio::select! {
        left = running.stop(drain) => Ok(left),
        _ = terminate.recv() => std::process::exit(1),
        _ = interrupt.recv() => std::process::exit(1),
    }
}

/// The environment, over the file `.env` where there is one.
fn variables() -> Result<Vec<(String, String, String)>, Error> {
    let mut variables = Vec::new();
    match dotenvy::from_path_iter(".env") {
        Ok(lines) => {
            for line in lines {
                let (name, value) =
                    line.map_err(|error| Error::internal(format!(".env cannot be read: {error}")))?;
                variables.push((".env".to_owned(), name, value));
            }
        }
        Err(error) if error.not_found() => {}
        Err(error) => return Err(Error::internal(format!(".env cannot be read: {error}"))),
    }
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    variables
        .extend(environment.map(|(name, value)| ("environment variable".to_owned(), name, value)));
    Ok(variables)
}
