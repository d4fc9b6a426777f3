//! `debug_redact`: fields that must not be logged.

use api_model::{
    Contract,
    message::{Field, Message},
};
use proc_macro2::TokenStream;
use quote::quote;

use super::types;

/// The messages with such a field, and those nested in them, because prost-build skips Debug by prefix.
pub fn messages(contract: &Contract) -> impl Iterator<Item = &Message> {
    contract
        .messages()
        .filter(|message| is_inside_of_redacted(contract, &message.full_name))
}

fn is_inside_of_redacted(contract: &Contract, full_name: &str) -> bool {
    let message = contract.types.messages.get(full_name);
    message.is_some_and(|message| message.fields.iter().any(|field| field.redacted))
        || full_name
            .rsplit_once('.')
            .is_some_and(|(parent, _)| is_inside_of_redacted(contract, parent))
}

/// A Debug impl that prints `[redacted]` in place of a redacted value.
pub fn debug(message: &Message) -> TokenStream {
    let (ty, name) = (&message.ty, &message.name);
    let fields = message.plain_fields().map(|field| {
        let (name, ident) = (&field.name, &field.ident);
        let value = shown(field, quote!(&self.#ident));
        quote!(.field(#name, #value))
    });
    let oneofs = message.oneofs.iter().map(|oneof| {
        let (name, ident) = (&oneof.name, &oneof.ident);
        quote!(.field(#name, &self.#ident))
    });
    let body = quote!(f.debug_struct(#name)#(#fields)*#(#oneofs)*.finish());
    let message_debug = debug_impl(&quote!(#ty), &body);
    let oneofs = message.oneofs.iter().enumerate().map(|(place, oneof)| {
        let arms = message.members(place).filter_map(|(field, variant)| {
            let (path, _) = types::member(message, field)?;
            let name = variant.to_string();
            let value = shown(field, quote!(value));
            Some(quote!(#path(value) => f.debug_tuple(#name).field(#value).finish(),))
        });
        let ty = &oneof.ty;
        debug_impl(&quote!(#ty), &quote!(match self { #(#arms)* }))
    });
    quote!(#message_debug #(#oneofs)*)
}

fn shown(field: &Field, value: TokenStream) -> TokenStream {
    if field.redacted {
        quote!(&"[redacted]")
    } else {
        value
    }
}

fn debug_impl(ty: &TokenStream, body: &TokenStream) -> TokenStream {
    quote! {
        impl ::core::fmt::Debug for #ty {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                #body
            }
        }
    }
}
