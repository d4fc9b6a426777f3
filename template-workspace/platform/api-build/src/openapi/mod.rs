//! The OpenAPI 3.1 document of a service.
//!
//! Each message has up to three schemas. In an answer, every field is present. In a request (`….Input`), unknown fields
//! are refused and null stands for an unset field. In an update, the resource is a patch (`….Patch`) and no field is
//! required.

mod paths;
mod rules;
mod schemas;

use api_model::{
    Contract,
    http::{Binding, Body},
    message::{FIELD_MASK, Field, Kind, Message, Shape, has_settable_fields},
    policy::{Access, Policy},
    service::{Method, Service, updated},
};
use serde_json::{Map, Value, json};

use self::{
    paths::{Paths, Variable, path},
    schemas::{Schemas, Use},
};

/// The OpenAPI document of some services of a contract.
pub fn generate<'a>(contract: &Contract, services: impl IntoIterator<Item = &'a Service>) -> Value {
    let mut paths: Map<String, Value> = Map::new();
    let mut schemas = Schemas::new(&contract.types);
    let mut known = Paths::new();
    let mut tags = Vec::new();
    for service in services {
        let mut tag = json!({"name": service.name});
        describe(&mut tag, service.comment.paragraphs());
        tags.push(tag);
        for method in &service.methods {
            for (number, binding) in method.bindings.iter().enumerate() {
                let verb = binding.verb.to_lowercase();
                // OpenAPI cannot describe custom HTTP methods.
                if !["get", "put", "post", "delete", "patch"].contains(&verb.as_str()) {
                    continue;
                }
                let (path, variables) = path(&binding.template, &mut known);
                let operation =
                    operation(service, method, number, binding, &variables, &mut schemas);
                let operations = paths.entry(path).or_insert_with(|| json!({}));
                operations[verb] = operation;
            }
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": contract.package, "version": contract.version},
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
    service: &Service,
    method: &Method,
    number: usize,
    binding: &Binding,
    variables: &[Variable],
    schemas: &mut Schemas<'_>,
) -> Value {
    let security = security(&method.policy);
    let messages = &schemas.types.messages;
    let (input, output) = (&messages[&method.input], &messages[&method.output]);
    let sent = sent_as(input);
    let suffix = if number == 0 {
        String::new()
    } else {
        format!("_{}", number + 1)
    };
    let text = method.comment.paragraphs();
    let summary = text
        .split_inclusive(". ")
        .next()
        .unwrap_or_default()
        .trim()
        .trim_end_matches('.');
    let mut operation = json!({
        "operationId": format!("{}_{}{suffix}", service.name, method.name),
        "tags": [service.name],
        "security": security,
    });
    if !summary.is_empty() {
        operation["summary"] = summary.into();
    }
    describe(&mut operation, text.clone());
    if method.deprecated {
        operation["deprecated"] = true.into();
    }

    let mut parameters: Vec<Value> = variables
        .iter()
        .map(|variable| path_parameter(variable, input, schemas))
        .collect();
    let body = match &binding.body {
        Body::None => None,
        Body::Whole => Some(schemas.message(&input.full_name, sent)),
        Body::Field(name) => input.field(name).map(|field| schemas.field(field, sent)),
    };
    if !matches!(binding.body, Body::Whole) {
        let mut taken: Vec<&str> = variables
            .iter()
            .map(|variable| variable.field.as_str())
            .collect();
        if let Body::Field(field) = &binding.body {
            taken.push(field);
        }
        let mut query = Query {
            taken,
            above: Vec::new(),
            parameters: &mut parameters,
            schemas,
        };
        query.add(input, "", "");
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
        let required = needs_body(&binding.body, input, variables);
        // An optional body may be `null`.
        let schema = if required || media == "*/*" {
            schema
        } else {
            schemas::nullable(schema)
        };
        operation["requestBody"] =
            json!({"required": required, "content": {media: {"schema": schema}}});
    }

    let answered = binding.response_body.as_ref();
    let schema = match answered.and_then(|name| output.field(name)) {
        Some(field) => schemas.field(field, Use::Answered),
        None => schemas.message(&output.full_name, Use::Answered),
    };
    let content = if schemas::is_http_body(&schema) {
        json!({"*/*": {}})
    } else if method.streams_answers {
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

/// Adds a description, unless the contract has none.
fn describe(value: &mut Value, text: String) {
    if !text.is_empty() {
        value["description"] = text.into();
    }
}

/// The alternative security requirements. Each lists its roles and scopes.
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

/// Whether a request needs a body: the body has a required field that nothing else sets.
fn needs_body(body: &Body, input: &Message, variables: &[Variable]) -> bool {
    let elsewhere = |field: &Field| {
        let below = format!("{}.", field.name);
        let sets = |path: &str| path == field.name || path.starts_with(&below);
        variables.iter().any(|variable| sets(&variable.field))
    };
    let needed = |field: &Field| field.rules.required && !elsewhere(field);
    match body {
        Body::None => false,
        Body::Whole => input.fields.iter().any(needed),
        Body::Field(name) => input.field(name).is_some_and(needed),
    }
}

/// A regular expression for a mask in a query: names of the resource's fields, or `*`.
fn mask_pattern(resource: &Message) -> String {
    let names: Vec<&str> = resource
        .fields
        .iter()
        .flat_map(|field| [in_path(field), field.name.as_str()])
        .collect();
    let path = format!(r"(\*|({})(\.[A-Za-z0-9_]+)*)", names.join("|"));
    format!("^({path}(,{path})*)?$")
}

/// The name of a field in a dotted path: that of the contract, if its name in JSON is not a word.
fn in_path(field: &Field) -> &str {
    let is_word = |char: char| char.is_ascii_alphanumeric() || char == '_';
    match !field.json.is_empty() && field.json.chars().all(is_word) {
        true => &field.json,
        false => &field.name,
    }
}

/// In a request with an update mask, the resource is a patch.
fn sent_as(input: &Message) -> Use {
    let masked = input.fields.iter().any(|field| field.kind.is(FIELD_MASK));
    if masked { Use::Patched } else { Use::Sent }
}

fn path_parameter(variable: &Variable, input: &Message, schemas: &mut Schemas<'_>) -> Value {
    let field = field_at(schemas, input, &variable.field).filter(|_| variable.whole);
    let schema = match field {
        Some(field) => schemas.parameter(field),
        None => json!({"type": "string", "minLength": 1}),
    };
    let parameter =
        json!({"name": variable.name, "in": "path", "required": true, "schema": schema});
    match field {
        Some(field) => schemas::described(field, parameter),
        None => parameter,
    }
}

fn field_at<'a>(schemas: &Schemas<'a>, message: &'a Message, path: &str) -> Option<&'a Field> {
    let (first, rest) = path.split_once('.').unwrap_or((path, ""));
    let field = message.field(first)?;
    match (rest, &field.kind) {
        ("", _) => Some(field),
        (rest, Kind::Message(inner)) => field_at(schemas, &schemas.types.messages[inner], rest),
        _ => None,
    }
}

/// The query parameters: every field that neither the path nor the body sets.
struct Query<'a, 'types> {
    taken: Vec<&'a str>,
    /// The enclosing messages. A recursive message gets no parameters.
    above: Vec<&'types str>,
    parameters: &'a mut Vec<Value>,
    schemas: &'a mut Schemas<'types>,
}

impl<'types> Query<'_, 'types> {
    fn add(&mut self, message: &'types Message, proto_prefix: &str, json_prefix: &str) {
        self.above.push(&message.full_name);
        for field in &message.fields {
            let proto = format!("{proto_prefix}{}", field.name);
            let name = format!("{json_prefix}{}", in_path(field));
            if self.taken.contains(&proto.as_str()) {
                continue;
            }
            match (&field.kind, &field.shape) {
                (_, Shape::Map(_)) => (),
                (Kind::Message(inner), shape) if field.kind.is_object() => {
                    if !matches!(shape, Shape::List)
                        && !self.above.contains(&inner.as_str())
                        && has_settable_fields(inner)
                    {
                        let inner = &self.schemas.types.messages[inner];
                        self.add(inner, &format!("{proto}."), &format!("{name}."));
                    }
                }
                _ => {
                    let schema = self.schemas.parameter(field);
                    let mut parameter = schemas::described(
                        field,
                        json!({"name": name, "in": "query", "schema": schema}),
                    );
                    if field.rules.required {
                        parameter["required"] = true.into();
                    }
                    if let Some((resource, mask)) = updated(message)
                        && let (Some(resource), true) =
                            (resource.message(), mask.name == field.name)
                    {
                        let resource = &self.schemas.types.messages[resource];
                        parameter["schema"]["pattern"] = mask_pattern(resource).into();
                    }
                    self.parameters.push(parameter);
                }
            }
        }
        self.above.pop();
    }
}
