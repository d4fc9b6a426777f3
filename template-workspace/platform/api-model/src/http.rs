//! `google.api.http` of a method, checked.

use prost_reflect::{DynamicMessage, Kind, MessageDescriptor, MethodDescriptor, Value};

use crate::{
    message::{has_settable_fields, is_value},
    options,
    problem::Error,
    template::{self, Template},
};

/// One way to call a method over HTTP.
pub struct Binding {
    /// HTTP method, `GET`.
    pub verb: String,
    /// The paths that match.
    pub template: Template,
    /// The content of the request's body.
    pub body: Body,
    /// The field of the answer that becomes the body, by its proto name.
    pub response_body: Option<String>,
}

/// The content of a request's body.
pub enum Body {
    /// Nothing.
    None,
    /// The whole request: `*`
    Whole,
    /// A field of the request, by its proto name.
    Field(String),
}

impl Binding {
    /// The template without the names of its variables. Two templates with the same shape match the same paths.
    pub fn shape(&self) -> String {
        format!("{:?}{:?}", self.template.segments, self.template.verb)
    }
}

/// The bindings of a method, the primary one first.
pub fn bindings(method: &MethodDescriptor, problems: &mut Error) -> Vec<Binding> {
    let pool = method.parent_pool();
    let Some(rule) = options::message(pool, &method.options(), "google.api.http") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut problem = |problem: String| {
        problems.add(
            &method.parent_file(),
            method.path(),
            format_args!("google.api.http of {}: {problem}", method.name()),
        );
    };
    if method.is_client_streaming() {
        problem("a stream of requests has no form in REST: delete the option".to_owned());
        return found;
    }
    match binding(method, &rule) {
        Ok(binding) => found.push(binding),
        Err(error) => problem(error),
    }
    let more = rule.get_field_by_name("additional_bindings");
    for rule in more
        .iter()
        .filter_map(|more| more.as_list())
        .flatten()
        .filter_map(Value::as_message)
    {
        if rule.has_field_by_name("additional_bindings") {
            problem("additional_bindings cannot be inside of additional_bindings".to_owned());
        }
        match binding(method, rule) {
            Ok(binding) => found.push(binding),
            Err(error) => problem(error),
        }
    }
    found
}

fn binding(method: &MethodDescriptor, rule: &DynamicMessage) -> Result<Binding, String> {
    let (verb, path) = pattern(rule)?;
    let mut template = template::parse(&path).map_err(|error| format!("{path:?}: {error}"))?;
    let input = method.input();
    for variable in &mut template.variables {
        variable.json = path_field(&input, &variable.field)?;
    }
    let body = match options::text(rule, "body").as_deref() {
        None => Body::None,
        Some("*") => Body::Whole,
        Some(name) => Body::Field(field_of(&input, name, "body")?),
    };
    let response_body = options::text(rule, "response_body")
        .map(|name| field_of(&method.output(), &name, "response_body"))
        .transpose()?;
    Ok(Binding {
        verb,
        template,
        body,
        response_body,
    })
}

fn pattern(rule: &DynamicMessage) -> Result<(String, String), String> {
    for verb in ["get", "put", "post", "delete", "patch"] {
        if let Some(path) = options::text(rule, verb) {
            return Ok((verb.to_uppercase(), path));
        }
    }
    let custom = rule.get_field_by_name("custom");
    let custom = custom.as_ref().and_then(|custom| custom.as_message());
    let part = |name| custom.and_then(|custom| options::text(custom, name));
    match (part("kind"), part("path")) {
        (Some(kind), _) if kind == "*" => Err(
            "the kind `*` (every HTTP method) is not supported: write one binding for each"
                .to_owned(),
        ),
        (Some(kind), Some(path)) if kind.bytes().all(|byte| byte.is_ascii_uppercase()) => {
            Ok((kind, path))
        }
        (Some(kind), Some(_)) => Err(format!("write the HTTP method {kind:?} in capital letters")),
        _ => Err("write a path, as in `get: \"/v1/things/{id}\"`".to_owned()),
    }
}

fn field_of(message: &MessageDescriptor, name: &str, option: &str) -> Result<String, String> {
    if message.get_field_by_name(name).is_some() {
        return Ok(name.to_owned());
    }
    Err(match name.contains('.') {
        true => format!(
            "{option}: {name:?} must be a field of {} itself, not one below",
            message.name()
        ),
        false => format!("{option}: {} has no field {name:?}", message.name()),
    })
}

/// Checks that a path variable is a field with a single value; returns its path in JSON names.
fn path_field(input: &MessageDescriptor, path: &str) -> Result<String, String> {
    let mut json = Vec::new();
    let mut message = input.clone();
    let mut names = path.split('.').peekable();
    while let Some(name) = names.next() {
        let Some(field) = message.get_field_by_name(name) else {
            return Err(format!(
                "variable {path:?}: {} has no field {name:?}",
                message.name()
            ));
        };
        if field.is_list() || field.is_map() {
            return Err(format!(
                "variable {path:?}: {name:?} is repeated, and a path holds one value"
            ));
        }
        if options::behavior(&field).output_only {
            return Err(format!(
                "variable {path:?}: {name:?} is OUTPUT_ONLY, so a request cannot set it; what a path names is an IDENTIFIER"
            ));
        }
        json.push(field.json_name().to_owned());
        match (field.kind(), names.peek()) {
            (Kind::Message(next), Some(_))
                if !is_value(next.full_name()) && has_settable_fields(next.full_name()) =>
            {
                message = next;
            }
            (Kind::Message(next), None) if is_value(next.full_name()) => (),
            (Kind::Message(_), _) => {
                return Err(format!(
                    "variable {path:?}: {name:?} is a message, and a path holds one value"
                ));
            }
            (_, None) => (),
            (_, Some(next)) => {
                return Err(format!("variable {path:?}: {name:?} has no field {next:?}"));
            }
        }
    }
    Ok(json.join("."))
}
