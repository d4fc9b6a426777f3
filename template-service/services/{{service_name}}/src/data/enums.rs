//! Enums, stored by name.

use diesel::{
    backend::Backend,
    deserialize::{FromSql, Queryable, Result},
    sql_types::Text,
};

use crate::biz::{ {% for field in field_list %}
{%- assign type = field[6] %}{% assign rust = field[7] %}
{%- if type == "enum" %}{{rust}}, {% endif %}
{%- endfor %} };
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign type = field[6] %}{% assign rust = field[7] %}
{%- assign values = field[11] %}
{%- if type == "enum" %}

impl<DB: Backend> FromSql<Text, DB> for {{rust}}
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> Result<Self> {
        match String::from_sql(value)?.as_str() {
{%- for value in values %}
            "{{value[0]}}" => Ok(Self::{{value[1]}}),
{%- endfor %}
            unknown => Err(format!("unknown {{column}} `{unknown}`").into()),
        }
    }
}

// diesel implements this for its own types only.
impl<DB: Backend> Queryable<Text, DB> for {{rust}}
where
    Self: FromSql<Text, DB>,
{
    type Row = Self;

    fn build(row: Self) -> Result<Self> {
        Ok(row)
    }
}
{%- endif %}
{%- endfor %}
