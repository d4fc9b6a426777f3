//! The messages and enums, as prost generates them.

use api_model::{Contract, Error, comment, names::Names, source::Source};
use prost::Message;
use prost_build::Module;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet};
use quote::quote;

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
    for other in source.foreign_types() {
        // A type that nothing makes is not used here either. prost would make it.
        let path = names.ty(&other).map_or_else(
            || "()".to_owned(),
            |path| quote!(#path).to_string().replace(' ', ""),
        );
        config.extern_path(format!(".{other}"), path);
    }
    let files = files.file.into_iter().map(|mut file| {
        tidy(&mut file);
        (Module::from_protobuf_package_name(file.package()), file)
    });
    let mut modules = config
        .generate(files.collect())
        .map_err(|error| problem(&error))?;
    let code = modules
        .remove(&Module::from_protobuf_package_name(&source.package))
        .unwrap_or_default();
    let file = syn::parse_file(&code).map_err(|error| problem(&error))?;
    Ok(file.items)
}

/// Removes what rustc or clippy would refuse in the crate of a contract.
///
/// `#[deprecated]` is for those who call. But the service that must still fill a deprecated field uses the same type.
fn tidy(file: &mut FileDescriptorProto) {
    fn tidy_enum(values: &mut EnumDescriptorProto) {
        for options in values
            .value
            .iter_mut()
            .filter_map(|value| value.options.as_mut())
        {
            options.deprecated = None;
        }
    }
    fn tidy_message(message: &mut DescriptorProto) {
        for options in message
            .field
            .iter_mut()
            .filter_map(|field| field.options.as_mut())
        {
            options.deprecated = None;
        }
        message.enum_type.iter_mut().for_each(tidy_enum);
        message.nested_type.iter_mut().for_each(tidy_message);
    }
    file.enum_type.iter_mut().for_each(tidy_enum);
    file.message_type.iter_mut().for_each(tidy_message);
    let locations = file
        .source_code_info
        .iter_mut()
        .flat_map(|info| &mut info.location);
    for location in locations {
        let leading = location.leading_comments.iter_mut();
        let comments = leading
            .chain(&mut location.trailing_comments)
            .chain(&mut location.leading_detached_comments);
        for comment in comments {
            *comment = comment::printable(comment);
        }
    }
}
