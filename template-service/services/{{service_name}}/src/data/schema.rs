//! The tables after all migrations.

diesel::table! {
    {{table}} (id) {
        id -> platform::database::types::Uuid,
        version -> BigInt,
        created_at -> platform::database::types::Instant,
        updated_at -> platform::database::types::Instant,
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign row = field[3] %}{% assign traits = field[9] %}
{%- assign diesel = field[16] %}
        {% if row != column %}#[sql_name = "{{column}}"] {% endif %}{{row}} -> {{diesel}},
{%- if traits contains "caseless" %}
        {{column}}_lower -> Nullable<Text>,
{%- endif %}
{%- endfor %}
    }
}
