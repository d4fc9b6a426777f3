CREATE TABLE IF NOT EXISTS {{table_sql}} (
    id BLOB NOT NULL PRIMARY KEY,
    version INTEGER NOT NULL,
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign type = field[6] %}{% assign traits = field[9] %}{% assign values = field[11] %}
{%- assign sql = field[15] %}{% assign sqlite = field[18] %}
{%- comment %} The comma of the line before. {% endcomment %},
    {{sql}} {{sqlite}}
{%- unless traits contains "optional" %} NOT NULL{% endunless %}
{%- if type == "enum" %} CHECK ({{sql}} IN (
{%- for value in values %}'{{value[0]}}'{% unless forloop.last %}, {% endunless %}{% endfor %}))
{%- endif %}
{%- if traits contains "caseless" %},
    {{column}}_lower TEXT GENERATED ALWAYS AS (lower({{sql}})) STORED
{%- endif %}
{%- endfor %}
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign traits = field[9] %}{% assign sql = field[15] %}
{%- if traits contains "unique" %},
    CONSTRAINT {{table}}_{{column}}_key UNIQUE ({% if traits contains "caseless" %}{{column}}_lower{% else %}{{sql}}{% endif %})
{%- endif %}
{%- endfor %}
) STRICT;
