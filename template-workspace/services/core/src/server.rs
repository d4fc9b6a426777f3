//! Wiring.

use std::{sync::Arc, time::Duration};

use auth_api::v1 as auth;
use platform::{
    Module, Platform, Service, auth::SigningKeys, config::duration, database::Migrations,
};
use serde::{Deserialize, Deserializer, de::Error};
use users_api::v1 as users;

use crate::{
    biz::{Lifetimes, Roles, Sessions, Users},
    commands::Command,
    data::{SessionStore, UserStore},
    service::{AuthApi, UsersApi},
};

/// This service, as [`platform::run`] takes it.
///
/// A `static` and no `const`, whose code would be compiled into the program and each test program instead of once, here.
pub static SERVICE: Service = platform::service!(wire, commands: Command);

/// Services that run in this process, on its ports.
pub const MOUNTED: &[&Service] = &[
    // `cargo xtask mount NAME` adds a line here, `unmount` removes it.
];

/// The tables of this service.
pub const MIGRATIONS: Migrations = platform::migrations!();

/// The `service` section of the configuration.
#[derive(Deserialize)]
pub(crate) struct Settings {
    /// For how long an access token is accepted.
    #[serde(deserialize_with = "token_lifetime")]
    pub token_lifetime: Duration,
    /// How long a session lasts without a refresh.
    #[serde(deserialize_with = "session_lifetime")]
    session_idle: Duration,
    /// How long a session lasts.
    #[serde(deserialize_with = "session_lifetime")]
    session_lifetime: Duration,
    pub roles: Roles,
}

/// Read from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, platform::Error> {
    let database = platform.database(&MIGRATIONS)?;
    let cache = platform.cache()?;
    let settings = platform.settings::<Settings>()?;
    let lifetimes = Lifetimes {
        idle: settings.session_idle,
        total: settings.session_lifetime,
    };
    let signing_keys = SigningKeys::open(platform.auth(), settings.token_lifetime)?;

    let users = Arc::new(UserStore::new(database.clone(), &cache));
    let users = UsersApi::new(Users::new(users, settings.roles.clone()));
    let sessions = Arc::new(SessionStore::new(database));
    let sessions = Sessions::new(sessions, signing_keys.clone(), settings.roles, lifetimes);

    Ok(Module::new()
        .issuer(&signing_keys)
        .contract(users::users_service(users))
        .contract(auth::auth_service(AuthApi::new(sessions))))
}

/// Nothing calls an access token back: for so long it speaks for a user who was deleted or has logged out.
fn token_lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const LONGEST: Duration = Duration::from_secs(5 * 60);
    let lifetime = duration::deserialize(deserializer)?;
    match (Duration::from_secs(1)..=LONGEST).contains(&lifetime) {
        true => Ok(lifetime),
        false => Err(D::Error::custom("must be from 1s to 5m")),
    }
}

fn session_lifetime<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    let lifetime = duration::deserialize(deserializer)?;
    match (Duration::from_secs(1)..=LONGEST).contains(&lifetime) {
        true => Ok(lifetime),
        false => Err(D::Error::custom("must be from 1s to 3650d")),
    }
}
