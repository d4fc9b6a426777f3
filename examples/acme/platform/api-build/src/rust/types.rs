//! Rust types of fields and messages.

use api_model::message::{Field, Kind, Message, NULL_VALUE, Oneof, Shape, Types};
use proc_macro2::TokenStream;
use quote::quote;

/// Messages of `google.protobuf` that have their own JSON form.
const OWN_JSON: [&str; 17] = [
    "Any",
    "BoolValue",
    "BytesValue",
    "DoubleValue",
    "Duration",
    "Empty",
    "FieldMask",
    "FloatValue",
    "Int32Value",
    "Int64Value",
    "ListValue",
    "StringValue",
    "Struct",
    "Timestamp",
    "UInt32Value",
    "UInt64Value",
    "Value",
];

/// The Rust type of a message.
pub fn message<'a>(types: &'a Types, name: &str) -> &'a Option<syn::Path> {
    &types.messages[name].ty
}

/// The type of `api_runtime::json` that reads and writes a value.
pub fn json(types: &Types, kind: &Kind) -> TokenStream {
    match kind {
        Kind::Double => quote!(::api_runtime::json::F64),
        Kind::Float => quote!(::api_runtime::json::F32),
        Kind::Int32 => quote!(::api_runtime::json::I32),
        Kind::Int64 => quote!(::api_runtime::json::I64),
        Kind::Uint32 => quote!(::api_runtime::json::U32),
        Kind::Uint64 => quote!(::api_runtime::json::U64),
        Kind::Bool => quote!(::api_runtime::json::Bool),
        Kind::String => quote!(::api_runtime::json::Str),
        Kind::Bytes => quote!(::api_runtime::json::Bytes),
        Kind::Enum(name) => {
            let ty = &types.enums[name].ty;
            match name.as_str() {
                NULL_VALUE => quote!(#ty),
                _ => quote!(::api_runtime::json::Enum<#ty>),
            }
        }
        Kind::Message(name) => {
            let ty = message(types, name);
            let known = name.strip_prefix("google.protobuf.");
            match known.is_some_and(|known| OWN_JSON.contains(&known)) {
                true => quote!(#ty),
                false => quote!(::api_runtime::json::Msg<#ty>),
            }
        }
    }
}

/// The same for a whole field, including lists and maps.
pub fn json_field(types: &Types, field: &Field) -> TokenStream {
    let value = json(types, &field.kind);
    match &field.shape {
        Shape::List => quote!(::api_runtime::json::ListOf<#value>),
        Shape::Map(key) => {
            let key = json(types, key);
            quote!(::api_runtime::json::MapOf<#key, #value>)
        }
        Shape::Value | Shape::Optional | Shape::Member(..) => value,
    }
}

/// A pattern that matches both JSON names of a field.
pub fn names(field: &Field) -> TokenStream {
    let (json, proto) = (&field.json, &field.name);
    if json == proto {
        quote!(#json)
    } else {
        quote!(#json | #proto)
    }
}

/// The variant of a oneof member, and the oneof.
pub fn member<'a>(message: &'a Message, field: &Field) -> Option<(TokenStream, &'a Oneof)> {
    let Shape::Member(oneof, variant) = &field.shape else {
        return None;
    };
    let oneof = &message.oneofs[*oneof];
    let ty = &oneof.ty;
    Some((quote!(#ty::#variant), oneof))
}
