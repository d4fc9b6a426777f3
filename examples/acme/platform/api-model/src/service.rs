//! Services and their methods.

use std::collections::BTreeMap;

use proc_macro2::Ident;
use prost_reflect::{MethodDescriptor, ServiceDescriptor};

use crate::{
    comment::Comment,
    http::{self, Binding},
    message::{FIELD_MASK, Field, Message},
    names::{camel, snake},
    options,
    policy::Policy,
    problem::Error,
};

/// A service of the contract.
pub struct Service {
    /// `UsersService`
    pub name: String,
    /// `users.v1.UsersService`
    pub full_name: String,
    /// Its comment in the contract.
    pub comment: Comment,
    /// The name of the trait to implement.
    pub ident: Ident,
    /// The function that makes an `api_runtime::Contract` from an implementation.
    pub constructor: Ident,
    /// In the order of the contract.
    pub methods: Vec<Method>,
}

/// A method of a service.
pub struct Method {
    /// `GetUser`
    pub name: String,
    /// `/users.v1.UsersService/GetUser`
    pub path: String,
    /// Its comment in the contract.
    pub comment: Comment,
    /// `get_user`
    pub ident: Ident,
    /// The full name of the request message.
    pub input: String,
    /// The full name of the answer message.
    pub output: String,
    /// Whether it takes a stream of requests.
    pub streams_requests: bool,
    /// Whether it returns a stream of answers.
    pub streams_answers: bool,
    /// Whether callers should stop using it.
    pub deprecated: bool,
    /// The conditions of a call.
    pub policy: Policy,
    /// Its REST bindings, the primary one first.
    pub bindings: Vec<Binding>,
}

impl Service {
    /// Reads a service.
    pub fn of(service: &ServiceDescriptor, problems: &mut Error) -> Self {
        let mut taken = BTreeMap::new();
        let mut methods = Vec::new();
        for method in service.methods() {
            let read = Method::of(&method, problems);
            for binding in &read.bindings {
                let place = (binding.verb.clone(), binding.shape());
                if let Some(other) = taken.insert(place, method.name().to_owned()) {
                    problems.add(
                        &method.parent_file(),
                        method.path(),
                        format_args!(
                            "google.api.http of {}: {} {} is already that of {other}",
                            method.name(),
                            binding.verb,
                            binding.template.text
                        ),
                    );
                }
            }
            methods.push(read);
        }
        Self {
            name: service.name().to_owned(),
            full_name: service.full_name().to_owned(),
            comment: Comment::of(&service.parent_file(), service.path()),
            ident: camel(service.name()),
            constructor: snake(service.name()),
            methods,
        }
    }
}

impl Method {
    fn of(method: &MethodDescriptor, problems: &mut Error) -> Self {
        Self {
            name: method.name().to_owned(),
            path: format!("/{}/{}", method.parent_service().full_name(), method.name()),
            comment: Comment::of(&method.parent_file(), method.path()),
            ident: snake(method.name()),
            input: method.input().full_name().to_owned(),
            output: method.output().full_name().to_owned(),
            streams_requests: method.is_client_streaming(),
            streams_answers: method.is_server_streaming(),
            deprecated: options::is_true(&method.options(), "deprecated"),
            bindings: http::bindings(method, problems),
            policy: Policy::of(method, problems),
        }
    }
}

/// The resource and the mask of an update request: a field mask `update_mask` beside one other message.
pub fn updated(input: &Message) -> Option<(&Field, &Field)> {
    let mask = input.field("update_mask");
    let mask = mask.filter(|mask| mask.message() == Some(FIELD_MASK))?;
    let mut messages = input
        .fields
        .iter()
        .filter(|field| field.message().is_some() && field.name != mask.name);
    let resource = messages.next()?;
    messages.next().is_none().then_some((resource, mask))
}
