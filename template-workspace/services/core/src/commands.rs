//! What `core` can be told on its command line.

use std::sync::Arc;

use clap::Subcommand;

use crate::biz::{Error, UserRepository, Users};

/// The commands beside those of every service: `core users grant ada@example.com admin`.
#[derive(Subcommand)]
pub enum Command {
    /// Say what users are to the team.
    #[command(subcommand)]
    Users(UsersCommand),
}

#[derive(Subcommand)]
pub enum UsersCommand {
    /// Give a role to a user, from their next access token on.
    Grant {
        /// The address that the user logs in with.
        email: String,
        /// One of `service.roles` of the configuration.
        role: String,
    },
    /// Take a role from a user, from their next access token on.
    Revoke {
        /// The address that the user logs in with.
        email: String,
        /// A role that the user has.
        role: String,
    },
}

impl Command {
    pub async fn run<R: UserRepository>(self, users: Arc<Users<R>>) -> Result<(), platform::Error> {
        let Self::Users(command) = self;
        let done = match &command {
            UsersCommand::Grant { email, role } => users.grant(email, role).await,
            UsersCommand::Revoke { email, role } => users.revoke(email, role).await,
        };
        done.map_err(|error| match error {
            Error::Platform(error) => error,
            error => platform::Error::internal(error),
        })
    }
}
