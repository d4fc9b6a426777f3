//! For every proto service: the adapter that checks requests, the table of its methods, and its REST routes.

use std::{collections::BTreeMap, fmt::Write, path::Path};

use heck::{ToShoutySnakeCase, ToUpperCamelCase};
use prost_reflect::{
    FieldDescriptor, Kind, MessageDescriptor, MethodDescriptor, ServiceDescriptor,
};

use crate::{
    http::{self, Binding, Body, Segment},
    names::{Names, is_optional, real_oneof, snake},
    openapi,
    policy::Policy,
    problem::Error,
    source::Source,
    write,
};

pub fn generate(
    source: &Source,
    names: &Names,
    out: &Path,
    problems: &mut Error,
) -> Result<String, Error> {
    let mut code = String::new();
    let descriptors = source
        .own_files()
        .flat_map(|file| file.services().collect::<Vec<_>>());
    let services: Vec<Service> = descriptors
        .map(|service| Service::new(service, problems))
        .collect();
    for service in &services {
        let document = format!("{}.{}.json", source.version, service.snake);
        let openapi = openapi::generate(source, &[service]);
        write(&out.join(&document), openapi.to_string().as_bytes())?;
        service.generate(&mut code, source, names, &document, problems);
    }
    let openapi = openapi::generate(source, &services.iter().collect::<Vec<_>>());
    let document = out.join(format!("{}.openapi.json", source.version));
    write(&document, format!("{openapi:#}").as_bytes())?;
    if !code.is_empty() {
        let _ = writeln!(
            code,
            "static DESCRIPTOR_SET: &[u8] = ::core::include_bytes!(::core::concat!(::core::env!(\"OUT_DIR\"), \"/{}.bin\"));",
            source.version
        );
    }
    Ok(code)
}

/// A proto service with its bindings.
pub struct Service {
    pub descriptor: ServiceDescriptor,
    pub methods: Vec<Method>,
    snake: String,
}

pub struct Method {
    pub descriptor: MethodDescriptor,
    pub policy: Policy,
    pub bindings: Vec<Binding>,
}

impl Service {
    pub fn new(descriptor: ServiceDescriptor, problems: &mut Error) -> Self {
        let mut taken = BTreeMap::new();
        let mut methods = Vec::new();
        for method in descriptor.methods() {
            let bindings = http::bindings(&method, problems);
            for binding in &bindings {
                let place = (binding.verb.clone(), shape(binding));
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
            methods.push(Method {
                policy: Policy::of(&method, problems),
                descriptor: method,
                bindings,
            });
        }
        let snake = snake(descriptor.name());
        Self {
            descriptor,
            methods,
            snake,
        }
    }

    fn generate(
        &self,
        code: &mut String,
        source: &Source,
        names: &Names,
        document: &str,
        problems: &mut Error,
    ) {
        let Self {
            descriptor, snake, ..
        } = self;
        let name = descriptor.name().to_upper_camel_case();
        let module = format!("{snake}_server");
        let table = descriptor.name().to_shouty_snake_case();
        self.table(code, &table);
        self.adapter(code, names, &name, &module);
        let _ = write!(
            code,
            "/// [`{full}`]({module}::{name}) with everything that a server needs to offer it.\n///\n\
             /// Requests are checked before `service` sees them, but for streams of requests: `api_runtime::validate::check` each.\n\
             pub fn {snake}<S: {module}::{name}>(service: S) -> ::api_runtime::Contract {{\n    \
             let service = ::std::sync::Arc::new(Checked{name}(service));\n    \
             let mut rest = ::std::vec::Vec::new();\n",
            full = descriptor.full_name(),
        );
        let mut rules = String::new();
        for (index, method) in self.methods.iter().enumerate() {
            for (number, binding) in method.bindings.iter().enumerate() {
                let rule = format!(
                    "{table}_{}_{number}",
                    method.descriptor.name().to_shouty_snake_case()
                );
                static_rule(&mut rules, &rule, binding);
                self.route(code, names, &table, index, &rule, method, binding, problems);
            }
        }
        let types = any_types(source, names, descriptor);
        let _ = write!(
            code,
            "{types}    ::api_runtime::Contract::new(\n        ::api_runtime::Description {{\n            \
             name: {:?},\n            methods: &{table}_METHODS,\n            descriptor_set: DESCRIPTOR_SET,\n            \
             openapi: ::core::include_str!(::core::concat!(::core::env!(\"OUT_DIR\"), \"/{document}\")),\n        }},\n        \
             {module}::{name}Server::from_arc(service).max_decoding_message_size(::api_runtime::LARGEST_MESSAGE),\n        rest,\n    )\n}}\n{rules}",
            descriptor.full_name(),
        );
    }

    fn table(&self, code: &mut String, table: &str) {
        let _ = writeln!(
            code,
            "static {table}_METHODS: [::api_runtime::Method; {}] = [",
            self.methods.len()
        );
        for method in &self.methods {
            let Method {
                descriptor, policy, ..
            } = method;
            let _ = writeln!(
                code,
                "    ::api_runtime::Method {{ path: \"/{}/{}\", policy: {}, streams: {} }},",
                self.descriptor.full_name(),
                descriptor.name(),
                policy.code(),
                descriptor.is_server_streaming(),
            );
        }
        code.push_str("];\n");
    }

    /// The service, each method behind the checks of its request.
    fn adapter(&self, code: &mut String, names: &Names, name: &str, module: &str) {
        let _ = write!(
            code,
            "struct Checked{name}<S>(S);\nimpl<S: {module}::{name}> {module}::{name} for Checked{name}<S> {{\n"
        );
        for Method { descriptor, .. } in &self.methods {
            let method = snake(descriptor.name());
            let (input, output) = (
                message(names, &descriptor.input()),
                message(names, &descriptor.output()),
            );
            let answer = if descriptor.is_server_streaming() {
                let stream = format!("{}Stream", descriptor.name().to_upper_camel_case());
                let _ = writeln!(code, "    type {stream} = S::{stream};");
                format!("Self::{stream}")
            } else {
                output
            };
            let request = if descriptor.is_client_streaming() {
                format!("::tonic::Streaming<{input}>")
            } else {
                input
            };
            // What `async_trait` makes of an async fn, written out: the check needs no box of its own.
            let _ = write!(
                code,
                "    fn {method}<'life0, 'async_trait>(&'life0 self, request: ::tonic::Request<{request}>) -> ::core::pin::Pin<::std::boxed::Box<\
                 dyn ::core::future::Future<Output = ::core::result::Result<::tonic::Response<{answer}>, ::tonic::Status>> + ::core::marker::Send + 'async_trait>>\n    \
                 where 'life0: 'async_trait, Self: 'async_trait {{\n        "
            );
            if descriptor.is_client_streaming() {
                // tonic's stream cannot be wrapped, so its messages reach the service unchecked: it calls `check`.
                let _ = writeln!(code, "self.0.{method}(request)\n    }}");
                continue;
            }
            let check = match updated(&descriptor.input()) {
                Some((resource, mask)) => {
                    let Kind::Message(ty) = resource.kind() else {
                        continue;
                    };
                    format!(
                        "check_update::<{}>(request.get_ref(), {:?}, request.get_ref().{}.as_ref())",
                        message(names, &ty),
                        resource.name(),
                        snake(mask.name()),
                    )
                }
                None => "check(request.get_ref())".to_owned(),
            };
            let _ = write!(
                code,
                "match ::api_runtime::validate::{check} {{\n            \
                 ::core::result::Result::Ok(()) => self.0.{method}(request),\n            \
                 ::core::result::Result::Err(status) => ::std::boxed::Box::pin(::core::future::ready(::core::result::Result::Err(status))),\n        }}\n    }}\n"
            );
        }
        code.push_str("}\n");
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "one call, and all of it goes into one statement"
    )]
    fn route(
        &self,
        code: &mut String,
        names: &Names,
        table: &str,
        index: usize,
        rule: &str,
        method: &Method,
        binding: &Binding,
        problems: &mut Error,
    ) {
        let descriptor = &method.descriptor;
        let (input, output) = (
            message(names, &descriptor.input()),
            message(names, &descriptor.output()),
        );
        let decode = decode(names, &descriptor.input(), &binding.body)
            .map(|decode| decode.replacen("|message,", &format!("|message: &mut {input},"), 1));
        let encode = encode(names, &descriptor.output(), binding.response_body.as_ref())
            .map(|encode| encode.replacen("|message|", &format!("|message: &{output}|"), 1));
        let (Some(decode), Some(encode)) = (decode, encode) else {
            problems.add(
                &descriptor.parent_file(),
                descriptor.path(),
                format_args!("nothing makes the types of {}", descriptor.name()),
            );
            return;
        };
        let kind = if descriptor.is_server_streaming() {
            "stream"
        } else {
            "unary"
        };
        let call = snake(descriptor.name());
        let _ = write!(
            code,
            "    let called = service.clone();\n    \
             rest.push(::api_runtime::rest::{kind}(&{table}_METHODS[{index}], &{rule}, {decode}, {encode}, move |request: ::tonic::Request<{input}>| {{\n        \
             let service = called.clone();\n        \
             async move {{ {}::{}::{call}(&*service, request).await }}\n    }}));\n",
            format_args!("{}_server", self.snake),
            self.descriptor.name().to_upper_camel_case(),
        );
    }
}

/// The template with the names of its variables left out: what a path can tell apart.
fn shape(binding: &Binding) -> String {
    format!("{:?}{:?}", binding.template.segments, binding.template.verb)
}

fn message(names: &Names, message: &MessageDescriptor) -> String {
    names
        .ty(message.full_name())
        .unwrap_or_else(|| message.full_name().to_owned())
}

/// The resource and the mask of a request that updates: a field mask `update_mask` beside one other message.
pub fn updated(input: &MessageDescriptor) -> Option<(FieldDescriptor, FieldDescriptor)> {
    let is_mask = |field: &FieldDescriptor| {
        matches!(field.kind(), Kind::Message(m) if m.full_name() == "google.protobuf.FieldMask")
            && !field.is_list()
    };
    let mask = input.get_field_by_name("update_mask").filter(is_mask)?;
    let mut messages = input.fields().filter(|field| {
        matches!(field.kind(), Kind::Message(_))
            && !field.is_list()
            && !field.is_map()
            && real_oneof(field).is_none()
            && field.name() != mask.name()
    });
    let resource = messages.next()?;
    messages.next().is_none().then_some((resource, mask))
}

const HTTP_BODY: &str = "google.api.HttpBody";

fn is_http_body(kind: &Kind) -> bool {
    matches!(kind, Kind::Message(message) if message.full_name() == HTTP_BODY)
}

/// How the body gets into the request, as a closure.
fn decode(names: &Names, input: &MessageDescriptor, body: &Body) -> Option<String> {
    Some(match body {
        Body::None => "|_, _, _| {}".to_owned(),
        Body::Whole if input.full_name() == HTTP_BODY => {
            "|message, body, _| *message = body.raw()".to_owned()
        }
        Body::Whole => {
            let kind = names.kind(&Kind::Message(input.clone()))?;
            format!(
                "|message, body, violations| if let ::core::option::Option::Some(value) = body.read::<{kind}>(\"\", violations) {{ *message = value; }}"
            )
        }
        Body::Field(field) => {
            let ident = snake(field.name());
            let name = field.json_name();
            let read = match field.kind() {
                kind if is_http_body(&kind) && !field.is_list() => {
                    return Some(format!(
                        "|message, body, _| message.{ident} = ::core::option::Option::Some(body.raw())"
                    ));
                }
                Kind::Message(entry) if field.is_map() => format!(
                    "::api_runtime::json::MapOf<{}, {}>",
                    names.kind(&entry.map_entry_key_field().kind())?,
                    names.kind(&entry.map_entry_value_field().kind())?
                ),
                kind if field.is_list() => {
                    format!("::api_runtime::json::ListOf<{}>", names.kind(&kind)?)
                }
                kind => names.kind(&kind)?,
            };
            let value = match real_oneof(field) {
                Some(oneof) => {
                    let variant = format!(
                        "{}::{}",
                        names.oneof(&oneof),
                        crate::names::camel(field.name())
                    );
                    format!(
                        "message.{} = ::core::option::Option::Some({variant}(value.into()))",
                        snake(oneof.name())
                    )
                }
                None if is_optional(field) => {
                    format!("message.{ident} = ::core::option::Option::Some(value.into())")
                }
                None => format!("message.{ident} = value"),
            };
            format!(
                "|message, body, violations| if let ::core::option::Option::Some(value) = body.read::<{read}>({name:?}, violations) {{ {value}; }}"
            )
        }
    })
}

/// How the answer becomes a body, as a closure.
fn encode(
    names: &Names,
    output: &MessageDescriptor,
    field: Option<&FieldDescriptor>,
) -> Option<String> {
    let reply = "::api_runtime::rest::Reply";
    let Some(field) = field else {
        return Some(match output.full_name() {
            HTTP_BODY => format!("|message| {reply}::raw(message)"),
            _ => format!("|message| {reply}::json(message)"),
        });
    };
    let ident = snake(field.name());
    Some(match field.kind() {
        kind if is_http_body(&kind) && !field.is_list() => {
            format!("|message| {reply}::raw(&message.{ident}.clone().unwrap_or_default())")
        }
        Kind::Message(entry) if field.is_map() => format!(
            "|message| {reply}::field::<::api_runtime::json::MapOf<{}, {}>>(&message.{ident})",
            names.kind(&entry.map_entry_key_field().kind())?,
            names.kind(&entry.map_entry_value_field().kind())?
        ),
        kind if field.is_list() => format!(
            "|message| {reply}::field::<::api_runtime::json::ListOf<{}>>(&message.{ident})",
            names.kind(&kind)?
        ),
        kind => {
            let read = names.kind(&kind)?;
            match real_oneof(field) {
                Some(oneof) => {
                    let variant = format!(
                        "{}::{}",
                        names.oneof(&oneof),
                        crate::names::camel(field.name())
                    );
                    format!(
                        "|message| match &message.{} {{ ::core::option::Option::Some({variant}(value)) => {reply}::field::<{read}>(value), _ => {reply}::null() }}",
                        snake(oneof.name())
                    )
                }
                None if is_optional(field) => format!(
                    "|message| match &message.{ident} {{ ::core::option::Option::Some(value) => {reply}::field::<{read}>(value), _ => {reply}::null() }}"
                ),
                None => format!("|message| {reply}::field::<{read}>(&message.{ident})"),
            }
        }
    })
}

fn static_rule(code: &mut String, name: &str, binding: &Binding) {
    let segments: Vec<String> = binding
        .template
        .segments
        .iter()
        .map(|segment| match segment {
            Segment::Literal(word) => format!("::api_runtime::rest::Segment::Literal({word:?})"),
            Segment::One => "::api_runtime::rest::Segment::One".to_owned(),
            Segment::Rest => "::api_runtime::rest::Segment::Rest".to_owned(),
        })
        .collect();
    let variables: Vec<String> = binding
        .template
        .variables
        .iter()
        .map(|variable| {
            format!(
                "::api_runtime::rest::Variable {{ field: {:?}, json: {:?}, first: {}, end: {} }}",
                variable.field, variable.json, variable.first, variable.end
            )
        })
        .collect();
    let verb = match &binding.template.verb {
        Some(verb) => format!("::core::option::Option::Some({verb:?})"),
        None => "::core::option::Option::None".to_owned(),
    };
    let (body, body_json) = match &binding.body {
        Body::None => ("", ""),
        Body::Whole => ("*", "*"),
        Body::Field(field) => (field.name(), field.json_name()),
    };
    let _ = write!(
        code,
        "static {name}: ::api_runtime::rest::Rule = ::api_runtime::rest::Rule {{\n    verb: {:?},\n    \
         template: ::api_runtime::rest::Template {{\n        text: {:?},\n        segments: &[{}],\n        verb: {verb},\n        variables: &[{}],\n    }},\n    \
         body: {body:?},\n    body_json: {body_json:?},\n}};\n",
        binding.verb,
        binding.template.text,
        segments.join(", "),
        variables.join(", "),
    );
}

/// Makes the messages of the contract known to `Any`, if the service can meet one at all.
fn any_types(source: &Source, names: &Names, service: &ServiceDescriptor) -> String {
    let mut seen = Vec::new();
    let meets = service.methods().any(|method| {
        reaches_any(&method.input(), &mut seen) || reaches_any(&method.output(), &mut seen)
    });
    if !meets {
        return String::new();
    }
    let types: String = source
        .messages()
        .iter()
        .filter_map(|message| {
            Some((
                message.full_name().to_owned(),
                names.ty(message.full_name())?,
            ))
        })
        .map(|(name, ty)| format!("({name:?}, ::api_runtime::wkt::AnyType::of::<{ty}>()), "))
        .collect();
    format!("    ::api_runtime::wkt::register(&[{types}]);\n")
}

fn reaches_any(message: &MessageDescriptor, seen: &mut Vec<String>) -> bool {
    if message.full_name() == "google.protobuf.Any" {
        return true;
    }
    if seen.iter().any(|name| name == message.full_name()) {
        return false;
    }
    seen.push(message.full_name().to_owned());
    message.fields().any(|field| match field.kind() {
        Kind::Message(next) => reaches_any(&next, seen),
        _ => false,
    })
}
