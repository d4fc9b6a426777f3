//! `buf.validate` and `google.api.field_behavior` as Rust that checks a message.
//!
//! Every rule that the contract uses is enforced; one that this generator does not know ends the build.

use std::fmt::Write;

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::{
    names::{Names, camel, is_optional, real_oneof, snake},
    options,
    problem::Error,
    rules::Rules,
};

/// `fn check` of the trait `Message`.
pub fn generate(
    code: &mut String,
    message: &MessageDescriptor,
    names: &Names,
    problems: &mut Error,
) {
    let mut body = String::new();
    for field in message.fields().filter(|field| real_oneof(field).is_none()) {
        body.push_str(&field_checks(&field, names, problems));
    }
    for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
        let mut arms = String::new();
        for field in oneof.fields() {
            let checks = Checks::of(&field, names, problems).value(&field.kind(), "value");
            if !checks.is_empty() {
                let _ = write!(
                    arms,
                    "            ::core::option::Option::Some({}::{}(value)) => {{\n                {}{checks}            }}\n",
                    names.oneof(&oneof),
                    camel(field.name()),
                    at(&field),
                );
            }
        }
        let rules = options::message(oneof.parent_pool(), &oneof.options(), "buf.validate.oneof");
        if rules.is_some_and(|rules| is_true(&rules, "required")) {
            let name = oneof.name();
            let _ = writeln!(
                arms,
                "            ::core::option::Option::None => violations.required(&at.field({name:?}, {name:?})),"
            );
        }
        if !arms.is_empty() {
            let _ = write!(
                body,
                "        match &self.{} {{\n{arms}            _ => (),\n        }}\n",
                snake(oneof.name())
            );
        }
    }
    body.push_str(&message_rules(message, problems));
    let unused = if body.is_empty() { "_" } else { "" };
    let _ = write!(
        code,
        "    fn check(&self, {unused}at: &::api_runtime::validate::Path<'_>, {unused}violations: &mut ::api_runtime::validate::Violations) {{\n{body}    }}\n"
    );
}

/// Rules of a message as a whole: at most (or exactly) one of some fields.
fn message_rules(message: &MessageDescriptor, problems: &mut Error) -> String {
    let mut code = String::new();
    let rules = options::message(
        message.parent_pool(),
        &message.options(),
        "buf.validate.message",
    );
    for (rule, value) in rules.iter().flat_map(DynamicMessage::fields) {
        if rule.name() != "oneof" {
            problems.add(
                &message.parent_file(),
                message.path(),
                format_args!(
                    "buf.validate rule `{}` is not enforced by this build: check it in biz, and delete it here",
                    rule.name()
                ),
            );
            continue;
        }
        for group in value
            .as_list()
            .into_iter()
            .flatten()
            .filter_map(Value::as_message)
        {
            let named = group.get_field_by_name("fields");
            let named: Vec<String> = named
                .iter()
                .filter_map(|value| value.as_list())
                .flatten()
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect();
            let mut present = Vec::new();
            for name in &named {
                match message.get_field_by_name(name) {
                    Some(field) => present.push(format!("usize::from({})", is_there(&field))),
                    None => problems.add(
                        &message.parent_file(),
                        message.path(),
                        format_args!("buf.validate oneof names `{name}`, which is no field here"),
                    ),
                }
            }
            let required = is_true(group, "required");
            let (operator, word) = if required {
                ("!= 1", "exactly")
            } else {
                ("> 1", "at most")
            };
            let _ = writeln!(
                code,
                "        if {} {operator} {{ violations.add(at, \"message.oneof\", {:?}); }}",
                present.join(" + "),
                format!("{word} one of {} must be set", named.join(", ")),
            );
        }
    }
    code
}

/// Whether a field has a value, as Rust.
fn is_there(field: &FieldDescriptor) -> String {
    let ident = snake(field.name());
    if field.is_list() || field.is_map() {
        return format!("!self.{ident}.is_empty()");
    }
    if is_optional(field) {
        return format!("self.{ident}.is_some()");
    }
    match field.kind() {
        Kind::String | Kind::Bytes => format!("!self.{ident}.is_empty()"),
        Kind::Bool => format!("self.{ident}"),
        Kind::Double | Kind::Float => format!("self.{ident} != 0.0"),
        _ => format!("self.{ident} != 0"),
    }
}

fn field_checks(field: &FieldDescriptor, names: &Names, problems: &mut Error) -> String {
    let checks = Checks::of(field, names, problems);
    let behavior = options::behavior(field);
    // What only the server sets is not read from a request, so nothing in it can be wrong.
    if behavior.output_only {
        return String::new();
    }
    let ident = snake(field.name());
    let mut body = if field.is_map() {
        checks.map(field, &ident)
    } else if field.is_list() {
        checks.list(field, &ident)
    } else if is_optional(field) {
        let value = checks.value(&field.kind(), "value");
        match (value.is_empty(), checks.required) {
            (true, false) => String::new(),
            (true, true) => {
                format!("            if self.{ident}.is_none() {{ violations.required(at); }}\n")
            }
            (false, required) => {
                let otherwise = if required {
                    " else { violations.required(at); }"
                } else {
                    ""
                };
                format!(
                    "            if let ::core::option::Option::Some(value) = &self.{ident} {{\n{value}            }}{otherwise}\n"
                )
            }
        }
    } else {
        let value = checks.value(&field.kind(), "value");
        let bind = if value.is_empty() {
            String::new()
        } else {
            format!("let value = &self.{ident};\n{value}")
        };
        let there = is_there(field);
        match (checks.required, checks.if_set) {
            (true, _) => {
                format!("            if {there} {{ {bind} }} else {{ violations.required(at); }}\n")
            }
            (false, true) if !bind.is_empty() => format!("            if {there} {{ {bind} }}\n"),
            _ => bind,
        }
    };
    if !body.is_empty() {
        body = format!("        {{\n            {}{body}        }}\n", at(field));
    }
    body
}

/// The path of a field below the path of its message.
fn at(field: &FieldDescriptor) -> String {
    format!(
        "let at = &at.field({:?}, {:?});\n",
        field.name(),
        field.json_name()
    )
}

/// What must hold for a field.
struct Checks {
    required: bool,
    /// Rules count only for a value that is not the default.
    if_set: bool,
    rules: Rules,
}

impl Checks {
    fn of(field: &FieldDescriptor, names: &Names, problems: &mut Error) -> Self {
        let behavior = options::behavior(field);
        let mut checks = Self {
            required: behavior.required,
            if_set: false,
            rules: Rules::default(),
        };
        if let Some(rules) = options::rules(field) {
            checks.required |= is_true(&rules, "required");
            match rules
                .get_field_by_name("ignore")
                .and_then(|ignore| ignore.as_enum_number())
            {
                Some(3) => {
                    return Self {
                        required: behavior.required,
                        ..checks
                    };
                }
                Some(1) => checks.if_set = true,
                _ => (),
            }
            checks.rules = Rules::read(field, &rules, names, problems);
        }
        checks.rules.decimal(field, problems);
        checks
    }

    /// Checks of one value; `value` is a reference to it.
    fn value(&self, kind: &Kind, value: &str) -> String {
        value_checks(kind, &self.rules, value)
    }

    /// Checks of a list or map as a whole.
    fn collection(&self, ident: &str) -> String {
        let mut code = String::new();
        if self.required {
            let _ = writeln!(
                code,
                "            if self.{ident}.is_empty() {{ violations.required(at); }}"
            );
        }
        let guard = if self.if_set {
            format!("!self.{ident}.is_empty() && ")
        } else {
            String::new()
        };
        for check in &self.rules.checks {
            let _ = writeln!(
                code,
                "            {}",
                check.code(&format!("(&self.{ident})"), &guard)
            );
        }
        code
    }

    fn list(&self, field: &FieldDescriptor, ident: &str) -> String {
        let mut code = self.collection(ident);
        let none = Rules::default();
        let items = value_checks(
            &field.kind(),
            self.rules.items.as_deref().unwrap_or(&none),
            "value",
        );
        if !items.is_empty() {
            let _ = write!(
                code,
                "            for (index, value) in self.{ident}.iter().enumerate() {{\n                let at = &at.index(index);\n{items}            }}\n"
            );
        }
        code
    }

    fn map(&self, field: &FieldDescriptor, ident: &str) -> String {
        let Kind::Message(entry) = field.kind() else {
            return String::new();
        };
        let mut code = self.collection(ident);
        let none = Rules::default();
        let keys = value_checks(
            &entry.map_entry_key_field().kind(),
            self.rules.keys.as_deref().unwrap_or(&none),
            "key",
        );
        let values = value_checks(
            &entry.map_entry_value_field().kind(),
            self.rules.items.as_deref().unwrap_or(&none),
            "value",
        );
        if !keys.is_empty() || !values.is_empty() {
            let (key, value) = (
                if keys.is_empty() && values.is_empty() {
                    "_"
                } else {
                    "key"
                },
                if values.is_empty() { "_" } else { "value" },
            );
            let _ = write!(
                code,
                "            for ({key}, {value}) in &self.{ident} {{\n                let at = &at.key(key);\n{keys}{values}            }}\n"
            );
        }
        code
    }
}

/// What no value may be, then the rules; `value` is a reference.
fn value_checks(kind: &Kind, rules: &Rules, value: &str) -> String {
    let mut code = String::new();
    let own = match kind {
        Kind::String => Some(format!("violations.text(at, {value});")),
        Kind::Double => Some(format!("violations.finite(at, *{value});")),
        Kind::Float => Some(format!("violations.finite(at, f64::from(*{value}));")),
        Kind::Message(_) => Some(format!(
            "::api_runtime::message::Message::check({value}, at, violations);"
        )),
        _ => None,
    };
    if let Some(line) = own {
        let _ = writeln!(code, "                {line}");
    }
    for check in &rules.checks {
        let _ = writeln!(code, "                {}", check.code(value, ""));
    }
    code
}

fn is_true(rules: &DynamicMessage, name: &str) -> bool {
    rules
        .get_field_by_name(name)
        .is_some_and(|value| value.as_bool() == Some(true))
}
