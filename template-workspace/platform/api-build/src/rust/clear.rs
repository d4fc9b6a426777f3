//! Clears fields in a request or an answer, at any depth.

use api_model::message::{Field, Kind, Message, Shape, Types, Visibility};
use proc_macro2::TokenStream;
use quote::quote;

use super::types;

/// `fn clear_output_only` of the trait `Message`, if there is anything to clear.
pub fn output_only(types: &Types, message: &Message) -> Option<TokenStream> {
    let wanted = |field: &Field| field.behavior.output_only;
    let inner = quote!(::api_runtime::message::Message::clear_output_only(value));
    let body = walk(types, message, &wanted, &inner, |_, clear| clear)?;
    Some(quote!(fn clear_output_only(&mut self) { #body }))
}

/// `fn hide` of the trait `Message`, if there is anything to hide.
pub fn hide(types: &Types, message: &Message) -> Option<TokenStream> {
    let inner = quote!(::api_runtime::message::Message::hide(value, viewer));
    let body = walk(types, message, &is_restricted, &inner, |field, clear| {
        let sees = field
            .visible_to
            .as_ref()
            .map(|visibility| sees(message, visibility));
        quote!(if !#sees { #clear })
    })?;
    Some(quote! {
        fn hide(&mut self, viewer: ::core::option::Option<&::api_runtime::Viewer>) { #body }
    })
}

/// Whether a message contains a field with restricted visibility, at any depth.
pub fn is_restricted_message(types: &Types, message: &str) -> bool {
    types.reaches(message, &|message| message.fields.iter().any(is_restricted))
}

fn is_restricted(field: &Field) -> bool {
    field.visible_to.is_some()
}

fn sees(message: &Message, visibility: &Visibility) -> TokenStream {
    let owner = visibility
        .owner
        .as_ref()
        .and_then(|owner| message.field(owner));
    let owner = match owner {
        Some(Field {
            ident,
            shape: Shape::Optional,
            ..
        }) => quote!(self.#ident.as_deref()),
        Some(Field { ident, .. }) => quote!(Some(self.#ident.as_str())),
        None => quote!(None),
    };
    let roles = &visibility.any_role;
    quote!(::api_runtime::Viewer::sees(viewer, #owner, &[#(#roles),*]))
}

/// A statement for each selected field: `own` selects the message's own fields, and `inner` the messages inside that
/// have such a field.
fn walk(
    types: &Types,
    message: &Message,
    wanted: &impl Fn(&Field) -> bool,
    inner: &TokenStream,
    own: impl Fn(&Field, TokenStream) -> TokenStream,
) -> Option<TokenStream> {
    let has_wanted = |message: &Message| message.fields.iter().any(wanted);
    let mut code = TokenStream::new();
    for field in &message.fields {
        if wanted(field) {
            code.extend(own(field, clear(message, field)));
        } else if let Kind::Message(name) = &field.kind
            && types.reaches(name, &has_wanted)
        {
            code.extend(for_each(message, field, inner));
        }
    }
    (!code.is_empty()).then_some(code)
}

/// The statement that unsets a field.
fn clear(message: &Message, field: &Field) -> TokenStream {
    let ident = &field.ident;
    match &field.shape {
        Shape::Optional => quote!(self.#ident = None;),
        Shape::Member(..) => {
            let member = types::member(message, field).map(|(variant, oneof)| {
                let oneof = &oneof.ident;
                quote!(if let Some(#variant(_)) = &self.#oneof { self.#oneof = None; })
            });
            member.unwrap_or_default()
        }
        Shape::Value | Shape::List | Shape::Map(_) => {
            quote!(self.#ident = ::core::default::Default::default();)
        }
    }
}

/// A statement about `value`, for each message in a field.
fn for_each(message: &Message, field: &Field, statement: &TokenStream) -> TokenStream {
    let ident = &field.ident;
    match &field.shape {
        Shape::List => quote!(for value in &mut self.#ident { #statement; }),
        Shape::Map(_) => quote!(for value in self.#ident.values_mut() { #statement; }),
        Shape::Value => quote!({ let value = &mut self.#ident; #statement; }),
        Shape::Optional => {
            quote!(if let Some(value) = &mut self.#ident { #statement; })
        }
        Shape::Member(..) => {
            let member = types::member(message, field).map(|(variant, oneof)| {
                let oneof = &oneof.ident;
                quote!(if let Some(#variant(value)) = &mut self.#oneof { #statement; })
            });
            member.unwrap_or_default()
        }
    }
}
