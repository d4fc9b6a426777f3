//! The JSON of messages and enums.

use api_model::message::{Enum, Message, Shape, Types};
use proc_macro2::{Literal, TokenStream};
use quote::quote;

use super::types;

/// The serde impls of a message and `impl Fields`.
pub fn message(types: &Types, message: &Message) -> TokenStream {
    let ty = &message.ty;
    let names = message.fields.iter().map(|field| &field.json);
    let write = write(types, message);
    let read = read(types, message);
    quote! {
        ::api_runtime::json_message!(#ty);
        impl ::api_runtime::json::Fields for #ty {
            const NAMES: &'static [&'static str] = &[#(#names),*];

            fn write<__S: ::api_runtime::serde::Serializer>(
                &self,
                object: &mut ::api_runtime::json::Object<__S>,
            ) -> ::core::result::Result<(), __S::Error> {
                #write
                Ok(())
            }

            fn field<'de, __A: ::api_runtime::serde::de::MapAccess<'de>>(
                &mut self,
                name: &str,
                map: &mut __A,
            ) -> ::core::result::Result<::core::option::Option<usize>, __A::Error> {
                let place = match name {
                    #read
                    _ => return Ok(None),
                };
                Ok(Some(place))
            }
        }
    }
}

fn write(types: &Types, message: &Message) -> TokenStream {
    let mut code = TokenStream::new();
    for field in &message.fields {
        let (name, ident) = (&field.json, &field.ident);
        let kind = types::json(types, &field.kind);
        code.extend(match &field.shape {
            Shape::Value => quote!(object.value::<#kind>(#name, &self.#ident)?;),
            Shape::Optional => quote!(object.optional::<#kind>(#name, &self.#ident)?;),
            Shape::List => quote!(object.list::<#kind>(#name, &self.#ident)?;),
            Shape::Map(key) => {
                let key = types::json(types, key);
                quote!(object.map::<#key, #kind>(#name, &self.#ident)?;)
            }
            Shape::Member(..) => {
                let member = types::member(message, field).map(|(variant, oneof)| {
                    let oneof = &oneof.ident;
                    quote! {
                        if let Some(#variant(value)) = &self.#oneof {
                            object.value::<#kind>(#name, value)?;
                        }
                    }
                });
                member.unwrap_or_default()
            }
        });
    }
    code
}

/// The match arms that read a field and return its place.
fn read(types: &Types, message: &Message) -> TokenStream {
    let mut arms = TokenStream::new();
    for (place, field) in message.fields.iter().enumerate() {
        let ident = &field.ident;
        let kind = types::json(types, &field.kind);
        let read = match &field.shape {
            Shape::Value => quote!(value::<#kind, __A>(map, &mut self.#ident)),
            Shape::Optional => quote!(optional::<#kind, __A>(map, &mut self.#ident)),
            Shape::List => quote!(list::<#kind, __A>(map, &mut self.#ident)),
            Shape::Map(key) => {
                let key = types::json(types, key);
                quote!(map::<#key, #kind, __A>(map, &mut self.#ident))
            }
            Shape::Member(..) => {
                let member = types::member(message, field).map(|(variant, oneof)| {
                    let oneof = &oneof.ident;
                    quote! {
                        member::<#kind, __A, _>(map, &mut self.#oneof, |value| #variant(value.into()))
                    }
                });
                member.unwrap_or_default()
            }
        };
        let names = types::names(field);
        let place = Literal::usize_unsuffixed(place);
        arms.extend(quote! {
            #names => {
                ::api_runtime::json::#read?;
                #place
            }
        });
    }
    arms
}

/// The JSON names of an enum.
pub fn enumeration(values: &Enum) -> TokenStream {
    let ty = &values.ty;
    let aliases = values.aliases().map(|(name, number)| {
        let number = Literal::i32_unsuffixed(*number);
        quote!(, #name => #number)
    });
    quote!(::api_runtime::json_enum!(#ty #(#aliases)*);)
}
