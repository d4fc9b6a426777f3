//! Generates the check of a message: the contract's rules, and values that are never allowed.

use api_model::{
    message::{Field, Group, Kind, Message, Shape, Types},
    rule::Rule,
};
use proc_macro2::TokenStream;
use quote::quote;

use super::{
    conditions::{Checked, statement},
    types,
};

/// `fn check` of the trait `Message`.
pub fn check(types: &Types, message: &Message) -> TokenStream {
    let fields = message
        .plain_fields()
        .map(|field| checked(types, message, field));
    let oneofs = (0..message.oneofs.len()).map(|oneof| oneof_checks(types, message, oneof));
    let groups = message
        .groups
        .iter()
        .map(|group| group_check(message, group));
    quote! {
        fn check(
            &self,
            at: &::api_runtime::violations::Path<'_>,
            violations: &mut ::api_runtime::violations::Violations,
        ) {
            #(#fields)*
            #(#oneofs)*
            #(#groups)*
        }
    }
}

/// `fn check_immutable` of the trait `Message`, if the message has an IMMUTABLE field.
pub fn immutable(message: &Message) -> Option<TokenStream> {
    let fields = message
        .fields
        .iter()
        .filter(|field| field.behavior.immutable);
    let checks: Vec<TokenStream> = fields
        .map(|field| {
            let (name, at) = (&field.name, at(field));
            let set = is_set(message, field, true);
            let ident = match types::member(message, field) {
                Some((_, oneof)) => &oneof.ident,
                None => &field.ident,
            };
            quote! {
                if ::api_runtime::sets(mask, #name, #set)
                    && stored.is_none_or(|stored| stored.#ident != self.#ident)
                {
                    #at
                    violations.immutable(at);
                }
            }
        })
        .collect();
    (!checks.is_empty()).then(|| {
        quote! {
            fn check_immutable(
                &self,
                stored: ::core::option::Option<&Self>,
                mask: ::core::option::Option<&::api_runtime::wkt::FieldMask>,
                at: &::api_runtime::violations::Path<'_>,
                violations: &mut ::api_runtime::violations::Violations,
            ) {
                #(#checks)*
            }
        }
    })
}

/// The checks of a field, at its path.
fn checked(types: &Types, message: &Message, field: &Field) -> TokenStream {
    // A request cannot set an OUTPUT_ONLY field, so it needs no check.
    if field.behavior.output_only {
        return TokenStream::new();
    }
    let body = match &field.shape {
        Shape::List | Shape::Map(_) => collection(types, message, field),
        Shape::Optional => optional(types, field),
        Shape::Value | Shape::Member(..) => plain(types, message, field),
    };
    if body.is_empty() {
        return body;
    }
    let at = at(field);
    quote!({ #at #body })
}

/// The path of a field below the path of its message.
fn at(field: &Field) -> TokenStream {
    let (name, json) = (&field.name, &field.json);
    quote!(let at = &at.field(#name, #json);)
}

fn optional(types: &Types, field: &Field) -> TokenStream {
    let ident = &field.ident;
    let checks = value(
        types,
        &field.kind,
        &field.rules.own,
        &Checked::reference(&quote!(value)),
    );
    match (checks.is_empty(), field.rules.required) {
        (true, false) => checks,
        (true, true) => quote! {
            if self.#ident.is_none() {
                violations.required(at);
            }
        },
        (false, required) => {
            let otherwise = required.then(|| quote!(else { violations.required(at); }));
            quote!(if let Some(value) = &self.#ident { #checks } #otherwise)
        }
    }
}

fn plain(types: &Types, message: &Message, field: &Field) -> TokenStream {
    let ident = &field.ident;
    let checks = value(
        types,
        &field.kind,
        &field.rules.own,
        &Checked::place(&quote!(self.#ident)),
    );
    let (set, unset) = (is_set(message, field, true), is_set(message, field, false));
    match (checks.is_empty(), field.rules.required, field.rules.if_set) {
        (true, true, _) => quote!(if #unset { violations.required(at); }),
        (false, true, _) => quote!(if #set { #checks } else { violations.required(at); }),
        (false, false, true) => quote!(if #set { #checks }),
        _ => checks,
    }
}

/// Checks of a list or map as a whole, and of its items.
fn collection(types: &Types, message: &Message, field: &Field) -> TokenStream {
    let ident = &field.ident;
    let mut code = TokenStream::new();
    if field.rules.required {
        code.extend(quote! {
            if self.#ident.is_empty() {
                violations.required(at);
            }
        });
    }
    let whole = Checked::place(&quote!(self.#ident));
    let guard = field.rules.if_set.then(|| is_set(message, field, true));
    for rule in &field.rules.own {
        code.extend(statement(types, rule, &whole, &field.kind, guard.as_ref()));
    }
    let items = value(
        types,
        &field.kind,
        &field.rules.items,
        &Checked::reference(&quote!(value)),
    );
    let Shape::Map(key) = &field.shape else {
        if !items.is_empty() {
            code.extend(quote! {
                for (index, value) in self.#ident.iter().enumerate() {
                    let at = &at.index(index);
                    #items
                }
            });
        }
        return code;
    };
    let keys = value(
        types,
        key,
        &field.rules.keys,
        &Checked::reference(&quote!(key)),
    );
    if !keys.is_empty() || !items.is_empty() {
        code.extend(quote! {
            for (key, value) in &self.#ident {
                let at = &at.key(key);
                #keys
                #items
            }
        });
    }
    code
}

fn oneof_checks(types: &Types, message: &Message, oneof: usize) -> TokenStream {
    let mut arms = TokenStream::new();
    for (field, _) in message.members(oneof) {
        let checks = value(
            types,
            &field.kind,
            &field.rules.own,
            &Checked::reference(&quote!(value)),
        );
        if let (false, Some((variant, _))) = (checks.is_empty(), types::member(message, field)) {
            let at = at(field);
            arms.extend(quote! {
                Some(#variant(value)) => {
                    #at
                    #checks
                }
            });
        }
    }
    let oneof = &message.oneofs[oneof];
    if oneof.required {
        let name = &oneof.name;
        arms.extend(quote!(None => violations.required(&at.field(#name, #name)),));
    }
    if arms.is_empty() {
        return arms;
    }
    let ident = &oneof.ident;
    quote! {
        match &self.#ident {
            #arms
            _ => (),
        }
    }
}

fn group_check(message: &Message, group: &Group) -> TokenStream {
    let set = group.fields.iter().filter_map(|name| {
        let set = is_set(message, message.field(name)?, true);
        Some(quote!(usize::from(#set)))
    });
    let (broken, words) = match group.required {
        true => (quote!(!= 1), "exactly"),
        false => (quote!(> 1), "at most"),
    };
    let sentence = format!("{words} one of {} must be set", group.fields.join(", "));
    quote! {
        if #(#set)+* #broken {
            violations.add(at, "message.oneof", #sentence);
        }
    }
}

/// The condition that a field is set, or is not.
fn is_set(message: &Message, field: &Field, set: bool) -> TokenStream {
    let ident = &field.ident;
    let not = set.then(|| quote!(!));
    match (&field.shape, &field.kind) {
        (Shape::Member(..), _) => {
            let member = types::member(message, field).map(|(variant, oneof)| {
                let oneof = &oneof.ident;
                let unset = (!set).then(|| quote!(!));
                quote!(#unset matches!(self.#oneof, Some(#variant(_))))
            });
            member.unwrap_or_default()
        }
        (Shape::List | Shape::Map(_), _) | (Shape::Value, Kind::String | Kind::Bytes) => {
            quote!(#not self.#ident.is_empty())
        }
        (Shape::Optional, _) if set => quote!(self.#ident.is_some()),
        (Shape::Optional, _) => quote!(self.#ident.is_none()),
        (Shape::Value, Kind::Bool) if set => quote!(self.#ident),
        (Shape::Value, Kind::Bool) => quote!(!self.#ident),
        (Shape::Value, Kind::Double | Kind::Float) if set => quote!(self.#ident != 0.0),
        (Shape::Value, Kind::Double | Kind::Float) => quote!(self.#ident == 0.0),
        (Shape::Value, Kind::Message(_)) => quote!(#set),
        (Shape::Value, _) if set => quote!(self.#ident != 0),
        (Shape::Value, _) => quote!(self.#ident == 0),
    }
}

/// First the values that are never allowed, then the rules.
fn value(types: &Types, kind: &Kind, rules: &[Rule], checked: &Checked) -> TokenStream {
    let reference = &checked.reference;
    let mut code = match kind {
        Kind::String => quote!(violations.text(at, #reference);),
        Kind::Double | Kind::Float => checked.finite(kind),
        Kind::Message(_) => {
            quote!(::api_runtime::message::Message::check(#reference, at, violations);)
        }
        _ => TokenStream::new(),
    };
    for rule in rules {
        code.extend(statement(types, rule, checked, kind, None));
    }
    code
}
