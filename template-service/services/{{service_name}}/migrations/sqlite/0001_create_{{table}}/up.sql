CREATE TABLE IF NOT EXISTS {{table_sql}} (
    id BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
{%- for line in sqlite_lines %}
    {{line}}
{%- endfor %}
) STRICT;
