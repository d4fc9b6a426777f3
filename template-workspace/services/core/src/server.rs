//! Wiring.

use std::sync::Arc;

use auth_api::v1 as auth;
use platform::{Module, Platform, Service, auth::SigningKey, database::Migrations};
use users_api::v1 as users;

use crate::{
    biz::{Sessions, Users},
    data::UserStore,
    service::{AuthApi, UsersApi},
};

/// This service, as [`platform::run`] takes it.
pub const SERVICE: Service = platform::service!(wire);

/// Services that run in this process, on its ports: `cargo xtask mount NAME` adds one.
pub const MOUNTED: &[Service] = &[
];

const MIGRATIONS: Migrations = platform::migrations!("migrations");

/// Read from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, platform::Error> {
    let database = platform.database(&MIGRATIONS)?;
    let signing_key = SigningKey::open(platform.auth())?;
    let store = Arc::new(UserStore::new(database));

    let users = UsersApi::new(Users::new(store.clone()));
    let sessions = AuthApi::new(Sessions::new(store, signing_key));

    Ok(Module::new()
        .contract(users::users_service(users))
        .contract(auth::auth_service(sessions)))
}
