//! `debug_redact`: fields that no log may show.

use std::fmt::Write;

use prost_reflect::{FieldDescriptor, MessageDescriptor};

use crate::{
    names::{Names, camel, real_oneof, snake},
    source::Source,
};

fn redacted(field: &FieldDescriptor) -> bool {
    field
        .options()
        .get_field_by_name("debug_redact")
        .is_some_and(|value| value.as_bool() == Some(true))
}

/// The messages with such a field, and those inside of them: prost-build leaves Debug out by prefix.
pub fn messages(source: &Source) -> Vec<MessageDescriptor> {
    fn concerns(message: &MessageDescriptor) -> bool {
        message.fields().any(|field| redacted(&field))
            || message
                .parent_message()
                .is_some_and(|parent| concerns(&parent))
    }
    let mut messages = source.messages();
    messages.retain(concerns);
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
                HIDDEN
            } else {
                &format!("&self.{name}")
            };
            let _ = write!(fields, ".field({:?}, {value})", field.name());
        }
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let name = snake(oneof.name());
            let _ = write!(fields, ".field({:?}, &self.{name})", oneof.name());
            let mut arms = String::new();
            for field in oneof.fields() {
                let value = if redacted(&field) { HIDDEN } else { "value" };
                let variant = camel(field.name());
                let _ = write!(
                    arms,
                    "Self::{variant}(value) => f.debug_tuple({variant:?}).field({value}).finish(),"
                );
            }
            debug(
                &mut code,
                &names.oneof(&oneof),
                &format!("match self {{ {arms} }}"),
            );
        }
        debug(
            &mut code,
            &ty,
            &format!("f.debug_struct({:?}){fields}.finish()", message.name()),
        );
    }
    code
}

const HIDDEN: &str = "&\"[redacted]\"";

fn debug(code: &mut String, ty: &str, body: &str) {
    let _ = writeln!(
        code,
        "impl ::core::fmt::Debug for {ty} {{\n    fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n        {body}\n    }}\n}}"
    );
}
