//! Wiring.

use consultants_api::v1;
use platform::{Module, Platform, Service, StartError, database::Migrations};

use crate::{biz::Consultants, data::ConsultantStore, service::ConsultantApi};

/// This service, for [`platform::run`].
///
/// A `const` would be compiled into the program and into each test program; a `static` is compiled once, here.
pub static SERVICE: Service = platform::service!(wire);

/// The migrations of this service's tables.
pub const MIGRATIONS: Migrations = platform::migrations!();

/// Wires the service from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, StartError> {
    let database = platform.database(&MIGRATIONS)?;
    let cache = platform.cache()?;
    let consultants = Consultants::new(ConsultantStore::new(database, &cache));
    Ok(Module::new().contract(v1::consultants_service(ConsultantApi::new(consultants))))
}
