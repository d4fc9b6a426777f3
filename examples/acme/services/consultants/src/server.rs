//! Wiring.

use consultants_api::v1;
use platform::{Module, Platform, Service, database::Migrations};

use crate::{biz::Consultants, data::ConsultantStore, service::ConsultantApi};

/// This service, as [`platform::run`] takes it.
pub const SERVICE: Service = platform::service!(wire);

/// The tables of this service.
pub const MIGRATIONS: Migrations = platform::migrations!();

/// Read from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, platform::Error> {
    let database = platform.database(&MIGRATIONS)?;
    let cache = platform.cache()?;
    let consultants = Consultants::new(ConsultantStore::new(database, &cache));
    Ok(Module::new().contract(v1::consultants_service(ConsultantApi::new(consultants))))
}
