use std::path::Path;

use crate::{
    messages,
    names::Names,
    openapi,
    problem::Error,
    reasons,
    services::Service,
    source::{self, Source},
};

/// What people and other languages use of one version of a contract.
pub struct Artifacts {
    /// `consultants.v1`
    pub package: String,
    /// Serialized `google.protobuf.FileDescriptorSet` with imports and comments.
    pub descriptor_set: Vec<u8>,
    /// OpenAPI 3.1 document (JSON) of all services of the package.
    pub openapi: String,
}

/// Checks a contract, such as the folder `api/consultants`, and makes what is not Rust, one for each version.
///
/// # Errors
/// What [`compile`](crate::compile) would refuse.
pub fn artifacts(contract: &Path) -> Result<Vec<Artifacts>, Error> {
    let mut all = Vec::new();
    for version in source::versions(contract)? {
        let source = Source::load(contract, &version)?;
        let mut problems = Error::default();
        let descriptors = source
            .own_files()
            .flat_map(|file| file.services().collect::<Vec<_>>());
        let services: Vec<Service> = descriptors
            .map(|service| Service::new(service, &mut problems))
            .collect();
        // Made only for what it refuses.
        let names = Names::of_imports(&source);
        messages::generate(&source, &names, &mut problems);
        reasons::generate(&source, &mut problems);
        problems.into_result()?;
        let openapi = openapi::generate(&source, &services.iter().collect::<Vec<_>>());
        let openapi = serde_json::to_string_pretty(&openapi)
            .map_err(|error| Error::new(error.to_string()))?;
        all.push(Artifacts {
            package: source.package,
            descriptor_set: source.descriptor_set,
            openapi,
        });
    }
    Ok(all)
}
