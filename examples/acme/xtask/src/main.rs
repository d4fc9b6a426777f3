//! The tasks of this workspace; `cargo xtask --help` lists them.

mod api;
mod call;
mod cargo;
mod migration;
mod mount;
mod policy;
mod processes;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, Subcommand};

/// The tasks of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build every service and run them until Ctrl-C.
    Execute,
    /// Build every service and start them in the background; their logs go to data/logs/.
    Up,
    /// Stop the services that `up` has started.
    Down,
    /// Check the contracts; write their descriptor sets and OpenAPI documents to target/api/.
    Api,
    /// Print who may call each method of each contract, how often and for how long.
    Policy,
    /// Let `core` run a service in the process and on the ports of `core`.
    Mount {
        /// The service's folder under services/.
        service: String,
    },
    /// Undo `mount`.
    Unmount {
        /// The service's folder under services/.
        service: String,
    },
    /// Make a migration, or check all of them.
    Migration {
        #[command(subcommand)]
        task: MigrationTask,
    },
    /// Call a gRPC method. The request and the response are JSON.
    Call(call::Arguments),
}

#[derive(Subcommand)]
enum MigrationTask {
    /// Make the files of a migration, for both databases: `cargo xtask migration new add_phone -p users`.
    New {
        /// What the migration does, such as add_phone_to_users.
        name: String,
        /// The service's folder under services/.
        #[arg(short, long, value_name = "SERVICE")]
        package: String,
    },
    /// Refuse migrations that would break the version that still runs, in every service.
    Check,
}

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let is_in_workspace = platform_base::workspace::enter_root()?;
    ensure!(
        is_in_workspace,
        "this folder is in no workspace: there is no .platform/workspace.rhai in it or above it"
    );
    match cli.task {
        Task::Execute => processes::execute(),
        Task::Up => processes::up(),
        Task::Down => processes::down(),
        Task::Api => api::write(),
        Task::Policy => policy::print(),
        Task::Mount { service } => mount::mount(&service),
        Task::Unmount { service } => mount::unmount(&service),
        Task::Migration {
            task: MigrationTask::New { name, package },
        } => migration::new(&name, &package),
        Task::Migration {
            task: MigrationTask::Check,
        } => migration::check(),
        Task::Call(arguments) => call::call(&arguments),
    }
}
