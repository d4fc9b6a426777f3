//! Wiring.

use platform::{Module, Platform, Service, database::Migrations};
use {{contract_crate}}::v1;

use crate::{biz::{{UseCases}}, data::{{Resource}}Store, service::{{Resource}}Api};

/// This service, as [`platform::run`] takes it.
pub const SERVICE: Service = platform::service!(wire);

/// The tables of this service.
pub const MIGRATIONS: Migrations = platform::migrations!();

/// Read from top to bottom: each line needs the ones above it.
async fn wire(platform: &Platform) -> Result<Module, platform::Error> {
    let database = platform.database(&MIGRATIONS)?;
    let {{resources_ident}} = {{UseCases}}::new({{Resource}}Store::new(database));
    Ok(Module::new().contract(v1::{{proto_service_snake}}({{Resource}}Api::new({{resources_ident}}))))
}
