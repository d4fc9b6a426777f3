//! `debug_redact`: fields that no log may show.

use std::fmt::Write;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use crate::{
    names::{Names, real_oneof, snake},
    source::Source,
};

fn redacted(field: &FieldDescriptor) -> bool {
    field
        .options()
        .get_field_by_name("debug_redact")
        .is_some_and(|value| value.as_bool() == Some(true))
}

/// The messages with such a field: prost makes no Debug for them.
pub fn messages(source: &Source) -> Vec<MessageDescriptor> {
    let mut messages = source.messages();
    messages.retain(|message| message.fields().any(|field| redacted(&field)));
    messages
}

/// Their Debug, which shows that there is something, but not what.
pub fn generate(source: &Source, names: &Names) -> String {
    let mut code = String::new();
    for message in messages(source) {
        let ty = names.ty(message.full_name()).unwrap_or_default();
        let mut fields = String::new();
        for field in message.fields().filter(|field| real_oneof(field).is_none()) {
            let name = snake(field.name());
            let value = if redacted(&field) {
                "&\"[redacted]\"".to_owned()
            } else {
                format!("&self.{name}")
            };
            let _ = write!(fields, ".field({name:?}, {value})");
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let name = snake(oneof.name());
            let value = if oneof.fields().any(|field| redacted(&field)) {
                "&\"[redacted]\"".to_owned()
            } else {
                format!("&self.{name}")
            };
            let _ = write!(fields, ".field({name:?}, {value})");
        }
        let _ = writeln!(
            code,
            "impl ::core::fmt::Debug for {ty} {{\n    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n        \
             f.debug_struct({:?}){fields}.finish()\n    }}\n}}",
            message.name()
        );
    }
    code
}
