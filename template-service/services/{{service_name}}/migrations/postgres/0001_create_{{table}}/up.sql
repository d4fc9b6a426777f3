CREATE TABLE IF NOT EXISTS {{table_sql}} (
    id UUID PRIMARY KEY,
    version INT8 NOT NULL,
    created_at TIMESTAMPTZ NOT NULL,
    updated_at TIMESTAMPTZ NOT NULL,
{%- for line in postgres_lines %}
    {{line}}
{%- endfor %}
);
