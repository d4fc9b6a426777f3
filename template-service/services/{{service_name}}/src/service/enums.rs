//! Enums between the contract and the rules.

use tonic::Status;
use {{contract_crate}}::v1;

use crate::biz::{{enum_types}};
{%- for enum in data_enums %}
{%- if enum[4] %}

/// The names of {{enum[1]}} as a filter writes them, beside those that are stored.
pub const {{enum[5]}}: &[(&str, &str)] = &[
{%- for value in enum[2] %}
    ("{{value[2]}}", {{enum[1]}}::{{value[1]}}.name()),
{%- endfor %}
];
{%- endif %}

pub fn {{enum[3]}}(number: i32) -> Result<{{enum[1]}}, Status> {
    match v1::{{enum[1]}}::try_from(number) {
{%- for value in enum[2] %}
        Ok(v1::{{enum[1]}}::{{value[1]}}) => Ok({{enum[1]}}::{{value[1]}}),
{%- endfor %}
        Ok(v1::{{enum[1]}}::Unspecified) | Err(_) => Err(Status::invalid_argument("unknown {{enum[0]}}")),
    }
}

impl From<{{enum[1]}}> for v1::{{enum[1]}} {
    fn from(value: {{enum[1]}}) -> Self {
        match value {
{%- for value in enum[2] %}
            {{enum[1]}}::{{value[1]}} => Self::{{value[1]}},
{%- endfor %}
        }
    }
}
{%- endfor %}
