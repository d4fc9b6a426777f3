//! The Rust code of a contract, from the model to one readable file.

mod adapter;
mod checks;
mod clear;
mod conditions;
mod docs;
mod errors;
mod json;
mod paths;
mod prost;
mod redact;
mod service;
mod tonic;
mod types;

use api_model::{Contract, Error, message::Message, names::Names, source::Source};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::parse_quote;

pub use service::document;

/// The module of one version.
///
/// # Errors
/// When prost refuses the contract.
pub fn generate(contract: &Contract, source: &Source, names: &Names) -> Result<String, Error> {
    let package = &contract.package;
    let types = &contract.types;
    let no_rust = |error| Error::new(format!("{package}: the generated code is no Rust: {error}"));
    let mut code = TokenStream::new();
    for (exported, library) in names.libraries() {
        code.extend(quote!(#[doc(hidden)] pub use ::#library as #exported;));
    }
    for service in &contract.services {
        let client = tonic::client(package, types, service).map_err(no_rust)?;
        let server = tonic::server(package, types, service).map_err(no_rust)?;
        code.extend(quote!(#client #server));
    }
    code.extend(redact::messages(contract).map(redact::debug));
    for message in contract.messages() {
        code.extend(json::message(types, message));
        code.extend(message_impl(contract, message));
    }
    code.extend(
        contract
            .own_enums
            .iter()
            .map(|name| json::enumeration(&types.enums[name])),
    );
    code.extend(errors::module(contract));
    for service in &contract.services {
        code.extend(adapter::adapter(types, service));
        code.extend(service::contract(contract, service));
    }

    code.extend(service::descriptor_set(contract));

    let docs = format!(" The contract `{package}`.");
    let version = format_ident!("{}", contract.version);
    let mut module: syn::ItemMod = parse_quote! {
        #[doc = #docs]
        #[allow(
            clippy::all,
            clippy::pedantic,
            missing_docs,
            nonstandard_style,
            rustdoc::all,
            unused,
            unreachable_code,
            reason = "generated from the contract"
        )]
        pub mod #version {}
    };
    let ours: syn::File = syn::parse2(code).map_err(no_rust)?;
    if let Some((_, items)) = &mut module.content {
        items.extend(prost::items(source, contract, names)?);
        items.extend(ours.items);
    }
    Ok(prettyplease::unparse(&parse_quote!(#module)))
}

/// The trait `Message` of a message.
fn message_impl(contract: &Contract, message: &Message) -> TokenStream {
    let (types, ty) = (&contract.types, &message.ty);
    let set = paths::set(types, message);
    let has = paths::has(types, message);
    let check = checks::check(types, message);
    let clear_output_only = clear::output_only(types, message);
    let check_immutable = checks::immutable(message);
    let hide = clear::hide(types, message);
    quote! {
        impl ::api_runtime::message::Message for #ty {
            #set
            #has
            #check
            #clear_output_only
            #check_immutable
            #hide
        }
    }
}
