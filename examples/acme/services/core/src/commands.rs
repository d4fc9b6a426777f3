//! The commands that only `core` has.

use std::{path::PathBuf, sync::Arc, time::Duration};

use clap::Subcommand;
use platform::{Platform, StartError, auth::SigningKeys};

use crate::{
    biz::{Error, Users},
    data::UserStore,
    server::{MIGRATIONS, Settings},
};

/// The commands of `core`.
#[derive(Subcommand)]
pub enum Command {
    /// The keys that sign tokens.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
    /// The roles of users.
    Users {
        #[command(subcommand)]
        command: Roles,
    },
}

#[derive(Subcommand)]
pub enum Keys {
    /// Add a key, which signs once all services can know it, and delete the keys whose last token has expired.
    Rotate {
        /// How long the key is published before it signs. It must be longer than services take to read the keys again.
        #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
        after: Duration,
        /// A private key to add (PEM, PKCS#8). Without it, a new one is made.
        #[arg(long, value_name = "PATH")]
        key: Option<PathBuf>,
    },
}

#[derive(Subcommand)]
pub enum Roles {
    /// Give a role to a user. Their next access token has it.
    Grant {
        /// The address that the user logs in with.
        email: String,
        /// One of `service.roles` of the configuration.
        role: String,
    },
    /// Take a role from a user. Their next access token does not have it.
    Revoke {
        /// The address that the user logs in with.
        email: String,
        /// A role that the user has.
        role: String,
    },
}

impl Command {
    /// Runs the command with the configuration of the service.
    pub async fn run(self, platform: &Platform) -> Result<(), StartError> {
        let settings = platform.settings::<Settings>()?;
        match self {
            Self::Keys {
                command: Keys::Rotate { after, key },
            } => {
                let keys = SigningKeys::open(platform.auth(), settings.token_lifetime)?;
                let begins = keys.rotate(after, key.as_deref())?;
                println!("a new key is published now, and signs from {begins} on");
                Ok(())
            }
            Self::Users { command } => {
                let database = platform.database(&MIGRATIONS)?;
                if database.pending(&MIGRATIONS).await? > 0 {
                    let reason = "the database lacks migrations: run the command `migrate`";
                    return Err(StartError::new(reason));
                }
                let store = UserStore::new(database, &platform.cache()?);
                let users = Users::new(Arc::new(store), settings.roles);
                let done = match &command {
                    Roles::Grant { email, role } => users.grant(email, role).await,
                    Roles::Revoke { email, role } => users.revoke(email, role).await,
                };
                done.map_err(|error| match error {
                    Error::Platform(error) => error.into(),
                    error => StartError::new(error),
                })
            }
        }
    }
}
