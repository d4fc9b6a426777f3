//! Enums, stored by name.

use diesel::{
    backend::Backend,
    deserialize::{FromSql, Queryable, Result},
    sql_types::Text,
};

use crate::biz::{{enum_types}};
{%- for enum in data_enums %}

impl<DB: Backend> FromSql<Text, DB> for {{enum[1]}}
where
    String: FromSql<Text, DB>,
{
    fn from_sql(value: DB::RawValue<'_>) -> Result<Self> {
        match String::from_sql(value)?.as_str() {
{%- for value in enum[2] %}
            "{{value[0]}}" => Ok(Self::{{value[1]}}),
{%- endfor %}
            unknown => Err(format!("unknown {{enum[0]}} `{unknown}`").into()),
        }
    }
}

// diesel does this for its own types only.
impl<DB: Backend> Queryable<Text, DB> for {{enum[1]}}
where
    Self: FromSql<Text, DB>,
{
    type Row = Self;

    fn build(row: Self) -> Result<Self> {
        Ok(row)
    }
}
{%- endfor %}
