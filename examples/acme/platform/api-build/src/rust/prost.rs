//! The messages and enums, as prost generates them.

use api_model::{Contract, Error, names::Names, source::Source};
use prost::Message;
use prost_build::Module;
use prost_types::FileDescriptorSet;

use super::redact;

/// # Errors
/// When prost refuses the contract.
pub fn items(source: &Source, contract: &Contract, names: &Names) -> Result<Vec<syn::Item>, Error> {
    let problem =
        |error: &dyn std::fmt::Display| Error::new(format!("{}: {error}", source.package));
    let files = FileDescriptorSet::decode(source.descriptor_set.as_slice())
        .map_err(|error| problem(&error))?;
    let mut config = prost_build::Config::new();
    config.compile_well_known_types();
    // A sorted map, so that equal answers have equal JSON.
    config.btree_map(["."]);
    config.skip_debug(redact::messages(contract).map(|message| format!(".{}", message.full_name)));
    for (prefix, path) in names.extern_paths() {
        config.extern_path(prefix, path);
    }
    // Only files that define types of the contract: prost does not need options and the files that define them.
    let used = source.files_of_types();
    let files = files.file.into_iter();
    let files = files
        .filter(|file| used.contains(file.name()))
        .map(|file| (Module::from_protobuf_package_name(file.package()), file));
    let mut modules = config
        .generate(files.collect())
        .map_err(|error| problem(&error))?;
    let code = modules
        .remove(&Module::from_protobuf_package_name(&source.package))
        .unwrap_or_default();
    let file = syn::parse_file(&code).map_err(|error| problem(&error))?;
    Ok(file.items)
}
