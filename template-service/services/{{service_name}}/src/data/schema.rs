//! The tables, as the migrations leave them.

diesel::table! {
    {{table}} (id) {
        id -> platform::database::types::Uuid,
        version -> BigInt,
        created_at -> platform::database::types::Instant,
        updated_at -> platform::database::types::Instant,
{%- for line in schema_columns %}
        {{line}}
{%- endfor %}
    }
}
