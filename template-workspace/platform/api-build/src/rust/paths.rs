//! Access to the fields of a message by path: for path variables, query parameters and field masks.

use api_model::message::{Field, Kind, Message, Shape, Types};
use proc_macro2::TokenStream;
use quote::quote;

use super::types;

/// `fn set` of the trait `Message`.
pub fn set(types: &Types, message: &Message) -> TokenStream {
    let arms = message.fields.iter().filter_map(|field| {
        let names = types::names(field);
        let set = set_field(types, message, field)?;
        Some(quote!(#names => ::api_runtime::#set,))
    });
    quote! {
        fn set(
            &mut self,
            path: &str,
            text: &str,
        ) -> ::core::result::Result<::api_runtime::params::Arity, ::api_runtime::params::ParamError> {
            let (name, rest) = ::api_runtime::message::split(path);
            match name {
                #(#arms)*
                _ => Err(::api_runtime::params::ParamError::Unknown),
            }
        }
    }
}

/// The call that sets a field; None for a field that a query cannot express.
fn set_field(types: &Types, message: &Message, field: &Field) -> Option<TokenStream> {
    let ident = &field.ident;
    let kind = types::json(types, &field.kind);
    let nested = field.kind.is_object();
    Some(match &field.shape {
        Shape::Map(_) => return None,
        Shape::List if nested => return None,
        Shape::Value if nested => quote!(message::nested(&mut self.#ident, rest, text)),
        Shape::Value => quote!(params::value::<#kind>(&mut self.#ident, rest, text)),
        Shape::Optional if nested => {
            quote!(message::nested(&mut *self.#ident.get_or_insert_default(), rest, text))
        }
        Shape::Optional => quote!(params::optional::<#kind>(&mut self.#ident, rest, text)),
        Shape::List => quote!(params::push::<#kind>(&mut self.#ident, rest, text)),
        Shape::Member(..) => {
            let (variant, oneof) = types::member(message, field)?;
            let oneof = &oneof.ident;
            if nested {
                quote! {
                    message::nested(
                        match self.#oneof.get_or_insert_with(|| #variant(::core::default::Default::default())) {
                            #variant(value) => &mut *value,
                            _ => return Err(::api_runtime::params::taken()),
                        },
                        rest,
                        text,
                    )
                }
            } else {
                quote! {
                    params::member::<#kind, _>(&mut self.#oneof, rest, text, |value| #variant(value.into()))
                }
            }
        }
    })
}

/// `fn has` of the trait `Message`.
pub fn has(types: &Types, message: &Message) -> TokenStream {
    let mut arms = TokenStream::new();
    let mut leaves = Vec::new();
    for field in &message.fields {
        let name = &field.name;
        match (&field.kind, &field.shape) {
            (Kind::Message(inner), Shape::Value | Shape::Optional | Shape::Member(..)) => {
                let ty = types::message(types, inner);
                arms.extend(quote! {
                    #name => rest.is_none_or(<#ty as ::api_runtime::message::Message>::has),
                });
            }
            _ => leaves.push(name),
        }
    }
    if !leaves.is_empty() {
        arms.extend(quote!(#(#leaves)|* => rest.is_none(),));
    }
    quote! {
        fn has(path: &str) -> bool {
            let (name, rest) = ::api_runtime::message::split(path);
            match name {
                #arms
                _ => false,
            }
        }
    }
}
