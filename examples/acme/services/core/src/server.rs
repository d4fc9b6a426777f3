//! Wiring.

use std::{sync::Arc, time::Duration};

use auth_api::v1 as auth;
use platform::{
    Module, Platform, Service, StartError, auth::SigningKeys, database::Migrations, section,
};
use users_api::v1 as users;

use crate::{
    biz::{Lifetimes, Roles, Sessions, Users},
    commands::Command,
    data::{SessionStore, UserStore},
    service::{AuthApi, UsersApi},
};

/// This service, for [`platform::run`].
///
/// A `static` and no `const`, whose code would be compiled into the program and each test program instead of once, here.
pub static SERVICE: Service = platform::service!(wire, commands: Command);

/// Services that run in this process, on its ports.
pub const MOUNTED: &[&Service] = &[
    // `cargo xtask mount NAME` adds a line here, `unmount` removes it.
];

/// The tables of this service.
pub const MIGRATIONS: Migrations = platform::migrations!();

section! {
    /// Section `service` of the configuration.
    pub(crate) struct Settings {
        /// How long an access token is valid. It cannot be revoked: it stays valid for this time after its user was
        /// deleted or has logged out.
        token_lifetime: Duration => within("1s", "5m"),
        /// How long a session lasts without a refresh.
        session_idle: Duration => within("1s", "3650d"),
        /// How long a session lasts, however often it is refreshed.
        session_lifetime: Duration => within("1s", "3650d"),
        /// The roles that users can have, each with the scopes that come with it.
        roles: Roles,
    }
}

/// Makes the parts of the service. Read it from top to bottom: each line needs those above it.
async fn wire(platform: &Platform) -> Result<Module, StartError> {
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
