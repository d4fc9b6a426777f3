//! Conversion of enums between the contract and the domain.

use tonic::Status;
use {{contract_crate}}::v1;

use crate::biz::{ {% for field in field_list %}
{%- assign type = field[6] %}{% assign rust = field[7] %}
{%- if type == "enum" %}{{rust}}, {% endif %}
{%- endfor %} };
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign ident = field[1] %}{% assign type = field[6] %}{% assign rust = field[7] %}
{%- assign traits = field[9] %}{% assign values = field[11] %}
{%- if type == "enum" %}
{%- if traits contains "listed" %}

/// The names of {{rust}} in filters, each with its stored name.
pub const {{column | upcase}}_NAMES: &[(&str, &str)] = &[
{%- for value in values %}
    ("{{value[2]}}", {{rust}}::{{value[1]}}.name()),
{%- endfor %}
];
{%- endif %}

pub fn {{ident}}(number: i32) -> Result<{{rust}}, Status> {
    match v1::{{rust}}::try_from(number) {
{%- for value in values %}
        Ok(v1::{{rust}}::{{value[1]}}) => Ok({{rust}}::{{value[1]}}),
{%- endfor %}
        Ok(v1::{{rust}}::Unspecified) | Err(_) => Err(Status::invalid_argument("unknown {{column}}")),
    }
}

impl From<{{rust}}> for v1::{{rust}} {
    fn from(value: {{rust}}) -> Self {
        match value {
{%- for value in values %}
            {{rust}}::{{value[1]}} => Self::{{value[1]}},
{%- endfor %}
        }
    }
}
{%- endif %}
{%- endfor %}
