//! The OpenAPI 3.1 document of a service.
//!
//! Each message has a schema as it is answered, where every field is there; as it is sent (`….Input`), where unknown
//! fields are refused and null stands for an unset one; and, for the resource of an update, as a patch (`….Patch`),
//! where nothing is required.

mod rules;
mod schemas;

use std::collections::BTreeMap;

use prost_reflect::{FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};
use serde_json::{Map, Value, json};

use self::schemas::{Schemas, Use};
use crate::{
    http::{self, Binding, Body, Segment, Template},
    names, options,
    policy::{Access, Policy},
    services::{Method, Service, updated},
    source::Source,
};

/// Writes the document of some services of a contract.
pub fn generate(source: &Source, services: &[&Service]) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas = Schemas::default();
    let mut known = Paths::new();
    let mut tags = Vec::new();
    for service in services {
        let descriptor = &service.descriptor;
        let text = comment(&descriptor.parent_file(), descriptor.path());
        tags.push(json!({"name": descriptor.name(), "description": text}));
        for method in &service.methods {
            for (number, binding) in method.bindings.iter().enumerate() {
                let verb = binding.verb.to_lowercase();
                // OpenAPI has no place for an HTTP method of one's own.
                if !["get", "put", "post", "delete", "patch"].contains(&verb.as_str()) {
                    continue;
                }
                let (path, variables) = path(&binding.template, &mut known);
                let operation = operation(method, number, binding, &variables, &mut schemas);
                let operations = paths.entry(path).or_insert_with(|| json!({}));
                operations[verb] = operation;
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": source.package, "version": source.version},
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas.finish(),
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"},
                "service": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "service-authorization",
                    "description": "Only other services of the workspace can call this.",
                },
            },
        },
    })
}

fn operation(
    method: &Method,
    number: usize,
    binding: &Binding,
    variables: &[Variable],
    schemas: &mut Schemas,
) -> Value {
    let security = security(&method.policy);
    let method = &method.descriptor;
    let service = method.parent_service();
    let (input, output) = (method.input(), method.output());
    let sent = sent_as(&input);
    let suffix = if number == 0 {
        String::new()
    } else {
        format!("_{}", number + 1)
    };
    let text = comment(&method.parent_file(), method.path());
    let summary = text
        .split_inclusive(". ")
        .next()
        .unwrap_or_default()
        .trim()
        .trim_end_matches('.');
    let mut operation = json!({
        "operationId": format!("{}_{}{suffix}", service.name(), method.name()),
        "tags": [service.name()],
        "summary": summary,
        "description": text,
        "security": security,
    });

    let mut parameters: Vec<Value> = variables
        .iter()
        .map(|variable| variable.parameter(&input, schemas))
        .collect();
    let body = match &binding.body {
        Body::None => None,
        Body::Whole => Some(schemas.message(&input, sent)),
        Body::Field(field) => Some(schemas.field(field, sent)),
    };
    if !matches!(binding.body, Body::Whole) {
        let mut taken: Vec<&str> = variables
            .iter()
            .map(|variable| variable.field.as_str())
            .collect();
        if let Body::Field(field) = &binding.body {
            taken.push(field.name());
        }
        let mut query = Query {
            taken,
            above: Vec::new(),
            parameters: &mut parameters,
            schemas,
        };
        query.add(&input, "", "");
    }
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(schema) = body {
        let media = if schemas::is_http_body(&schema) {
            "*/*"
        } else {
            "application/json"
        };
        let required = needs_body(&binding.body, &input, variables);
        // `null` is no body.
        let schema = if required || media == "*/*" {
            schema
        } else {
            schemas::nullable(schema)
        };
        operation["requestBody"] =
            json!({"required": required, "content": {media: {"schema": schema}}});
    }

    let schema = match &binding.response_body {
        Some(field) => schemas.field(field, Use::Answered),
        None => schemas.message(&output, Use::Answered),
    };
    let content = if schemas::is_http_body(&schema) {
        json!({"*/*": {}})
    } else if method.is_server_streaming() {
        json!({
            "application/x-ndjson": {"schema": schema},
            "text/event-stream": {"schema": {"type": "string"}},
        })
    } else {
        json!({"application/json": {"schema": schema}})
    };
    operation["responses"] = json!({
        "200": {"description": "OK", "content": content},
        "default": {
            "description": "An error: its status, a sentence, and its reason in `details`",
            "content": {"application/json": {"schema": {"$ref": "#/components/schemas/google.rpc.Status"}}},
        },
    });
    operation
}

/// The ways to be let in, one of which is enough. A way lists the roles and scopes that it takes.
fn security(policy: &Policy) -> Value {
    let scheme = match policy.access {
        Access::Public => return json!([]),
        Access::Authenticated => "bearer",
        Access::Internal => "service",
    };
    let way = |role: Option<&String>| {
        let names: Vec<&String> = role.into_iter().chain(&policy.all_scopes).collect();
        json!({scheme: names})
    };
    if policy.any_role.is_empty() {
        json!([way(None)])
    } else {
        policy.any_role.iter().map(|role| way(Some(role))).collect()
    }
}

/// Whether a request without a body is refused: something in the body must be there, and nothing else sets it.
fn needs_body(body: &Body, input: &MessageDescriptor, variables: &[Variable]) -> bool {
    let elsewhere = |field: &FieldDescriptor| {
        let below = format!("{}.", field.name());
        let sets = |path: &str| path == field.name() || path.starts_with(&below);
        variables.iter().any(|variable| sets(&variable.field))
    };
    match body {
        Body::None => false,
        Body::Whole => input
            .fields()
            .any(|field| is_required(&field) && !elsewhere(&field)),
        Body::Field(field) => is_required(field) && !elsewhere(field),
    }
}

fn is_required(field: &FieldDescriptor) -> bool {
    let rule =
        options::rules(field).and_then(|rules| rules.get_field_by_name("required")?.as_bool());
    options::behavior(field).required || rule == Some(true)
}

/// A mask in a query as a regular expression: names of the resource's fields, or `*`.
fn mask_pattern(resource: &MessageDescriptor) -> String {
    let names: Vec<String> = resource
        .fields()
        .flat_map(|field| [field.json_name().to_owned(), field.name().to_owned()])
        .collect();
    let path = format!(r"(\*|({})(\.[A-Za-z0-9_]+)*)", names.join("|"));
    format!("^({path}(,{path})*)?$")
}

/// In a request with an update mask, the resource is a patch.
fn sent_as(input: &MessageDescriptor) -> Use {
    let masked = input.fields().any(|field| match field.kind() {
        Kind::Message(message) => message.full_name() == "google.protobuf.FieldMask",
        _ => false,
    });
    if masked { Use::Patched } else { Use::Sent }
}

/// A variable of the path as OpenAPI can say it: one segment.
struct Variable {
    /// The name in braces.
    name: String,
    /// The dotted path of the field it sets.
    field: String,
    /// Whether it is the whole value of the field.
    whole: bool,
}

impl Variable {
    fn parameter(&self, input: &MessageDescriptor, schemas: &mut Schemas) -> Value {
        let field = self.whole.then(|| field_at(input, &self.field)).flatten();
        let schema = match &field {
            Some(field) => schemas.parameter(field),
            None => json!({"type": "string", "minLength": 1}),
        };
        let parameter =
            json!({"name": self.name, "in": "path", "required": true, "schema": schema});
        match &field {
            Some(field) => described(field, parameter),
            None => parameter,
        }
    }
}

/// Names of the variables of each path, by its form `/v1/things/{}`: paths that differ in names alone are one path.
type Paths = BTreeMap<String, Vec<String>>;

/// `/v1/{thing.name=shelves/*}:move` becomes `/v1/shelves/{name}:move`.
fn path(template: &Template, known: &mut Paths) -> (String, Vec<Variable>) {
    let mut variables: Vec<Variable> = Vec::new();
    let mut form = String::new();
    for (index, segment) in template.segments.iter().enumerate() {
        form.push('/');
        if let Segment::Literal(word) = segment {
            form.push_str(word);
            continue;
        }
        form.push_str("{}");
        let spans = |variable: &&http::Variable| (variable.first..variable.end).contains(&index);
        let variable = template.variables.iter().find(spans);
        let field = variable
            .map(|variable| variable.field.clone())
            .unwrap_or_default();
        let last = variable.map(|variable| variable.json.rsplit('.').next().unwrap_or_default());
        let mut name = last.unwrap_or("segment").to_owned();
        if variables.iter().any(|other| other.name == name) {
            name = format!("{name}{}", variables.len() + 1);
        }
        let whole = variable.is_some_and(|variable| variable.end == variable.first + 1)
            && *segment == Segment::One;
        variables.push(Variable { name, field, whole });
    }
    if let Some(verb) = &template.verb {
        form.push(':');
        form.push_str(verb);
    }
    let own = || {
        variables
            .iter()
            .map(|variable| variable.name.clone())
            .collect()
    };
    let names = known.entry(form.clone()).or_insert_with(own).clone();
    let mut parts = form.split("{}");
    let mut path = parts.next().unwrap_or_default().to_owned();
    for ((variable, name), part) in variables.iter_mut().zip(names).zip(parts) {
        path.push_str(&format!("{{{name}}}{part}"));
        variable.name = name;
    }
    (path, variables)
}

/// The parameters of a query: every field that neither the path nor the body sets.
struct Query<'a> {
    taken: Vec<&'a str>,
    /// The messages around the present one, which may not be in themselves.
    above: Vec<MessageDescriptor>,
    parameters: &'a mut Vec<Value>,
    schemas: &'a mut Schemas,
}

impl Query<'_> {
    fn add(&mut self, message: &MessageDescriptor, proto_prefix: &str, json_prefix: &str) {
        self.above.push(message.clone());
        for field in message.fields() {
            let proto = format!("{proto_prefix}{}", field.name());
            let name = format!("{json_prefix}{}", field.json_name());
            if self.taken.contains(&proto.as_str()) {
                continue;
            }
            match field.kind() {
                Kind::Message(inner) if !names::is_value(&inner) => {
                    if !field.is_list() && !field.is_map() && !self.above.contains(&inner) {
                        self.add(&inner, &format!("{proto}."), &format!("{name}."));
                    }
                }
                _ => {
                    let schema = self.schemas.parameter(&field);
                    let mut parameter = described(
                        &field,
                        json!({"name": name, "in": "query", "schema": schema}),
                    );
                    if is_required(&field) {
                        parameter["required"] = true.into();
                    }
                    if let Some((resource, mask)) = updated(message)
                        && let (Kind::Message(resource), true) = (resource.kind(), mask == field)
                    {
                        parameter["schema"]["pattern"] = mask_pattern(&resource).into();
                    }
                    self.parameters.push(parameter);
                }
            }
        }
        self.above.pop();
    }
}

/// Adds the comment of a field.
fn described(field: &FieldDescriptor, mut value: Value) -> Value {
    let text = comment(&field.parent_message().parent_file(), field.path());
    if !text.is_empty() {
        value["description"] = text.into();
    }
    value
}

fn field_at(message: &MessageDescriptor, path: &str) -> Option<FieldDescriptor> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let field = message.get_field_by_name(first)?;
    match (rest, field.kind()) {
        ("", _) => Some(field),
        (rest, Kind::Message(inner)) => field_at(&inner, rest),
        _ => None,
    }
}

/// The comment above a declaration, its lines joined into paragraphs.
fn comment(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let location =
        info.and_then(|info| info.location.iter().find(|location| location.path == path));
    let text = location
        .map(|location| location.leading_comments())
        .unwrap_or_default();
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    lines
        .split(|line| line.is_empty())
        .map(|lines| lines.join(" "))
        .collect::<Vec<_>>()
        .join("\n\n")
        .trim()
        .to_owned()
}
