//! The commands of `core` beside those of every service.

use std::{path::PathBuf, time::Duration};

use clap::Subcommand;
use platform::{Platform, auth::SigningKeys};

use crate::server::Settings;

/// What `core` can be told on the command line.
#[derive(Subcommand)]
pub enum Command {
    /// The keys that sign tokens.
    Keys {
        #[command(subcommand)]
        command: Keys,
    },
}

#[derive(Subcommand)]
pub enum Keys {
    /// Add a key that signs after a while, when all who verify know it, and delete those whose last token has expired.
    Rotate {
        /// How long it is only published: longer than any verifier takes to read the keys again.
        #[arg(long, value_name = "DURATION", default_value = "10m", value_parser = humantime::parse_duration)]
        after: Duration,
        /// A private key (PEM, PKCS#8) to add, instead of a new one.
        #[arg(long, value_name = "PATH")]
        key: Option<PathBuf>,
    },
}

impl Command {
    /// Does what was told, with the configuration of the service.
    pub async fn run(self, platform: &Platform) -> Result<(), platform::Error> {
        match self {
            Self::Keys {
                command: Keys::Rotate { after, key },
            } => {
                let settings = platform.settings::<Settings>()?;
                let keys = SigningKeys::open(platform.auth(), settings.token_lifetime)?;
                let begins = keys.rotate(after, key.as_deref())?;
                println!("a new key is published now, and signs from {begins} on");
            }
        }
        Ok(())
    }
}
