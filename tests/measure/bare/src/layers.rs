//! The echo behind everything that the platform puts around a service.

use std::sync::Arc;

use items_api::v1;
use platform::{Module, Platform, Service, StartError};

use crate::{grpc::Items, store::Store};

pub static SERVICE: Service = platform::service!(wire);

async fn wire(_: &Platform) -> Result<Module, StartError> {
    Ok(Module::new().contract(v1::items_service(Items(Arc::new(Store::Memory)))))
}
