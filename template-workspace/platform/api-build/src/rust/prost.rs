//! The messages and enums, as prost generates them.

use api_model::{
    Contract, Error, comment,
    names::{self, Names},
    source::Source,
};
use prost::Message;
use prost_build::Module;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions,
    field_descriptor_proto::Type,
};
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

/// Whether a message is the entry of a map whose values are enums.
fn is_of_enums(entry: &DescriptorProto) -> bool {
    let is_entry = entry
        .options
        .as_ref()
        .is_some_and(MessageOptions::map_entry);
    is_entry
        && entry
            .field
            .iter()
            .any(|field| field.number() == 2 && field.r#type() == Type::Enum)
}

/// Removes what rustc or clippy would refuse in the crate of a contract, and renames what prost cannot name.
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
    fn tidy_message(message: &mut DescriptorProto, above: &str) {
        let full_name = format!("{above}.{}", message.name());
        let maps = message
            .nested_type
            .iter()
            .filter(|entry| is_of_enums(entry));
        let maps: Vec<String> = maps
            .map(|entry| format!("{full_name}.{}", entry.name()))
            .collect();
        for field in &mut message.field {
            if let Some(options) = &mut field.options {
                options.deprecated = None;
            }
            let is_map_of_enums = maps.iter().any(|entry| field.type_name() == entry);
            field.name = Some(names::for_prost(field.name(), is_map_of_enums));
        }
        message.enum_type.iter_mut().for_each(tidy_enum);
        for nested in &mut message.nested_type {
            tidy_message(nested, &full_name);
        }
    }
    file.enum_type.iter_mut().for_each(tidy_enum);
    let package = match file.package() {
        "" => String::new(),
        package => format!(".{package}"),
    };
    for message in &mut file.message_type {
        tidy_message(message, &package);
    }
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
