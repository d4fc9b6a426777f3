//! Life after generation: `cargo xtask --help` lists what it can do.

mod api;
mod call;
mod cargo;
mod migration;
mod mount;
mod policy;
mod processes;
mod workspace;

use std::process::ExitCode;

use anyhow::ensure;
use clap::{Parser, Subcommand};

/// Tasks of this workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build and run every service until Ctrl-C.
    Execute,
    /// Build and start every service in the background; logs go to data/logs/.
    Up,
    /// Stop what `up` started.
    Down,
    /// Check the contracts; write descriptor sets and OpenAPI documents to target/api/.
    Api,
    /// Print who may call what: a line for each method of each contract.
    Policy,
    /// Let `core` run a service in its own process, on its own ports.
    Mount {
        /// The service's folder under services/.
        service: String,
    },
    /// Undo `mount`.
    Unmount {
        /// The service's folder under services/.
        service: String,
    },
    /// Make migrations, and check them.
    Migration {
        #[command(subcommand)]
        task: MigrationTask,
    },
    /// Call a method over gRPC: the request and the answer are JSON.
    Call(call::Arguments),
}

#[derive(Subcommand)]
enum MigrationTask {
    /// Make the files of one for both databases: `cargo xtask migration new add_phone -p users`.
    New {
        /// What it does, say add_phone_to_users.
        name: String,
        /// The service's folder under services/.
        #[arg(short, long, value_name = "SERVICE")]
        package: String,
    },
    /// Look for what would break the version that still runs, in the migrations of every service.
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
    let is_in_workspace = workspace::enter_root()?;
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
