//! Wiring.

use std::{sync::Arc, time::Duration};

use auth_api::v1 as auth;
use platform::{Module, Platform, Service, auth::SigningKeys, database::Migrations};
use users_api::v1 as users;

use crate::{
    biz::{Sessions, Users},
    commands::Command,
    data::UserStore,
    service::{AuthApi, UsersApi},
};

/// This service, as [`platform::run`] takes it.
pub const SERVICE: Service = platform::service!(wire, commands: Command);

/// Services that run in this process, on its ports.
pub const MOUNTED: &[&Service] = &[
    // `cargo xtask mount NAME` adds a line here, `unmount` removes it.
];

/// The tables of this service.
pub const MIGRATIONS: Migrations = platform::migrations!();

/// The `service` section of the configuration.
#[derive(serde::Deserialize)]
pub(crate) struct Settings {
    /// For how long a token is accepted.
    #[serde(with = "platform::config::duration")]
    pub token_lifetime: Duration,
}

/// Read from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, platform::Error> {
    let database = platform.database(&MIGRATIONS)?;
    let cache = platform.cache()?;
    let settings = platform.settings::<Settings>()?;
    let signing_keys = SigningKeys::open(platform.auth(), settings.token_lifetime)?;
    let store = Arc::new(UserStore::new(database, &cache));

    let users = UsersApi::new(Users::new(store.clone()));
    let sessions = AuthApi::new(Sessions::new(store, signing_keys.clone()));

    Ok(Module::new()
        .issuer(&signing_keys)
        .contract(users::users_service(users))
        .contract(auth::auth_service(sessions)))
}
