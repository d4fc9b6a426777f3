//! Path templates in the form of OpenAPI, in which a variable has only one segment.

use std::collections::BTreeMap;

use api_model::template::{self, Segment, Template};

/// A path variable in the form of OpenAPI: one segment.
pub struct Variable {
    /// The name in braces.
    pub name: String,
    /// The dotted path of the field that it sets.
    pub field: String,
    /// Whether it is the field's whole value.
    pub whole: bool,
}

/// The variable names of each path, by its form `/v1/things/{}`: paths that differ only in names are the same path.
pub type Paths = BTreeMap<String, Vec<String>>;

/// `/v1/{thing.name=shelves/*}:move` becomes `/v1/shelves/{name}:move`.
pub fn path(template: &Template, known: &mut Paths) -> (String, Vec<Variable>) {
    let mut variables: Vec<Variable> = Vec::new();
    let mut form = String::new();
    for (index, segment) in template.segments.iter().enumerate() {
        form.push('/');
        if let Segment::Literal(word) = segment {
            form.push_str(word);
            continue;
        }
        form.push_str("{}");
        let spans =
            |variable: &&template::Variable| (variable.first..variable.end).contains(&index);
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
