//! Declarations of a contract that would have the same name in Rust.

use std::collections::BTreeSet;

use prost_reflect::{EnumDescriptor, FileDescriptor, MessageDescriptor, ServiceDescriptor};

use crate::{
    message::real_oneof,
    names::{self, Scope, camel, snake},
    problem::Error,
};

/// Refuses what would have the same name, and returns the names in the module of the contract.
pub fn refuse(files: &[FileDescriptor], problems: &mut Error) -> Scope {
    let mut module = Scope::default();
    let mut services = Scope::default();
    for file in files {
        for message in file.messages() {
            refuse_in_message(&message, &mut module, problems);
        }
        for values in file.enums() {
            refuse_in_enum(&values, &mut module, problems);
        }
        for service in file.services() {
            refuse_in_service(&service, &mut services, problems);
        }
    }
    module
}

/// `outer` has the type of the message, and the module of what is declared inside.
fn refuse_in_message(message: &MessageDescriptor, outer: &mut Scope, problems: &mut Error) {
    let file = &message.parent_file();
    let what = format!("message {}", message.name());
    outer.claim(
        &camel(message.name()),
        &what,
        (file, message.path()),
        problems,
    );
    let nested: Vec<_> = message
        .child_messages()
        .filter(|nested| !nested.is_map_entry())
        .collect();
    let oneofs: Vec<_> = message
        .oneofs()
        .filter(|oneof| !oneof.is_synthetic())
        .collect();
    if !nested.is_empty() || !oneofs.is_empty() || message.child_enums().len() > 0 {
        let what = format!("the inside of {what}");
        outer.claim(
            &snake(message.name()),
            &what,
            (file, message.path()),
            problems,
        );
    }

    let mut inside = Scope::default();
    let mut fields = Scope::default();
    let mut functions = Scope::default();
    for nested in &nested {
        refuse_in_message(nested, &mut inside, problems);
    }
    for values in message.child_enums() {
        refuse_in_enum(&values, &mut inside, problems);
    }
    for field in message.fields() {
        if real_oneof(&field).is_none() {
            let what = format!("field {}", field.name());
            let place = (file, field.path());
            fields.claim(&names::field(&field), &what, place, problems);
            for function in names::functions(&field) {
                let what = format!("a function of {what}");
                functions.claim(&function, &what, place, problems);
            }
        }
    }
    for oneof in oneofs {
        let what = format!("oneof {}", oneof.name());
        fields.claim(&snake(oneof.name()), &what, (file, oneof.path()), problems);
        inside.claim(&names::oneof(&oneof), &what, (file, oneof.path()), problems);
        let mut members = Scope::default();
        for field in oneof.fields() {
            let what = format!("field {}", field.name());
            members.claim(&camel(field.name()), &what, (file, field.path()), problems);
        }
    }
}

fn refuse_in_enum(values: &EnumDescriptor, outer: &mut Scope, problems: &mut Error) {
    let file = &values.parent_file();
    let what = format!("enum {}", values.name());
    outer.claim(
        &camel(values.name()),
        &what,
        (file, values.path()),
        problems,
    );
    let mut variants = Scope::default();
    let mut numbers = BTreeSet::new();
    for (value, (variant, number)) in values.values().zip(names::variants(values)) {
        // prost makes one variant for each number.
        if numbers.insert(number) {
            let what = format!("value {}", value.name());
            variants.claim(&variant, &what, (file, value.path()), problems);
        }
    }
}

fn refuse_in_service(service: &ServiceDescriptor, outer: &mut Scope, problems: &mut Error) {
    let file = &service.parent_file();
    let what = format!("service {}", service.name());
    outer.claim(
        &snake(service.name()),
        &what,
        (file, service.path()),
        problems,
    );
    let mut methods = Scope::default();
    for method in service.methods() {
        let what = format!("rpc {}", method.name());
        methods.claim(
            &snake(method.name()),
            &what,
            (file, method.path()),
            problems,
        );
    }
}
