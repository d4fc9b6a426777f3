//! Storage.

{% if has_enums -%}
mod enums;
{% endif -%}
pub mod schema;

use chrono::{DateTime{% if types contains "date" %}, NaiveDate{% endif %}, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{cache::{Cache, CachedRows}, database::{self, Database, Sql, with_conn}, page::ListQuery};
{%- if types contains "decimal" %}
use rust_decimal::Decimal;
{%- endif %}
use serde::{Deserialize, Serialize};
{%- if types contains "json" %}
use serde_json::{Map, Value};
{%- endif %}
use uuid::Uuid;

use self::schema::{{table}};
use crate::biz::{ {{Resource}}, {{Resource}}Change, {{Resource}}Field, {{Resource}}Repository, Error
{%- for field in field_list %}
{%- assign type = field[6] %}{% assign rust = field[7] %}
{%- if type == "enum" %}, {{rust}}{% endif %}
{%- endfor %} };

/// {{Resources_words}} in the database.
pub struct {{Resource}}Store {
    database: Database,
    rows: CachedRows<{{Resource}}Row>,
}

impl {{Resource}}Store {
    /// Stores {{resources_words}} in this database, which the migrations of this crate set up, behind this cache.
    pub fn new(database: Database, cache: &Cache) -> Self {
        Self { database, rows: cache.rows("{{table}}") }
    }

    async fn read(&self, id: Uuid) -> Result<Option<{{Resource}}Row>, platform::Error> {
        with_conn!(&self.database, |conn| {
            {{table}}::table.find(Sql(id)).select({{Resource}}Row::as_select()).first(conn).await.optional()
        })
    }
}

impl {{Resource}}Repository for {{Resource}}Store {
    async fn insert(&self, {{resource_ident}}: &{{Resource}}) -> Result<bool, Error> {
        let {{Resource}} {
            id,
            version,
            created_at,
            updated_at,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- endfor %}
        } = {{resource_ident}};
        let id = *id;
        let values = (
            {{table}}::id.eq(Sql(id)),
            {{table}}::version.eq(version),
            {{table}}::created_at.eq(Sql(*created_at)),
            {{table}}::updated_at.eq(Sql(*updated_at)),
{%- for field in field_list %}
{%- assign local = field[2] %}{% assign row = field[3] %}{% assign type = field[6] %}{% assign rust = field[7] %}
{%- assign traits = field[9] %}
            {{table}}::{{row}}.eq(
{%- if type == "enum" %}
{%- if traits contains "optional" %}{{local}}.map({{rust}}::name){% else %}{{local}}.name(){% endif %}
{%- elsif type == "json" %}
{%- if traits contains "optional" %}{{local}}.clone().map(Sql){% else %}Sql({{local}}.clone()){% endif %}
{%- elsif traits contains "wrapped" %}
{%- if traits contains "optional" %}{{local}}.map(Sql){% else %}Sql(*{{local}}){% endif %}
{%- else %}{{local}}{% endif %}),
{%- endfor %}
        );
        // The cache may hold "not found" for this id.
        let invalidation = self.rows.invalidation(id);
        let inserted = with_conn!(&self.database, |conn| {
            diesel::insert_into({{table}}::table)
                .values(values)
                .on_conflict({{table}}::id)
                .do_nothing()
                .execute(conn)
                .await
        })
{%- if has_unique %}
        .map_err(taken);
        let inserted = match inserted {
            // A concurrent insert with the same id may violate a unique value before it violates the id.
            Err(Error::AlreadyExists(_)) if self.read(id).await?.is_some() => 0,
            inserted => inserted?,
        };
{%- else %}?;
{%- endif %}
        invalidation.run().await;
        Ok(inserted == 1)
    }

    async fn find(&self, id: Uuid) -> Result<Option<{{Resource}}>, Error> {
        let row = self.rows.get(id, || self.read(id)).await?;
        Ok(row.map({{Resource}}::from))
    }

    async fn find_many(&self, {{owner_parameter}}ids: &[Uuid]) -> Result<Vec<{{Resource}}>, Error> {
        let rows = with_conn!(&self.database, |conn| {
            {{table}}::table
                .filter({{table}}::id.eq_any(ids.iter().copied().map(Sql)))
{%- if has_owner %}
                .filter({{table}}::{{owner_row}}.eq(owner))
{%- endif %}
                .select({{Resource}}Row::as_select())
                .load(conn)
                .await
        })?;
        Ok(rows.into_iter().map({{Resource}}::from).collect())
    }

    async fn list(&self, {{owner_parameter}}query: &ListQuery<{{Resource}}Field>) -> Result<Vec<{{Resource}}>, Error> {
        let (condition, order) = database::listing(query, column, {{table}}::id);
        let rows = with_conn!(&self.database, |conn| {
            {{table}}::table
                .select({{Resource}}Row::as_select())
{%- if has_owner %}
                .filter({{table}}::{{owner_row}}.eq(owner))
{%- endif %}
                .filter(condition)
                .order(order)
                .limit(query.limit())
                .load(conn)
                .await
        })?;
        Ok(rows.into_iter().map({{Resource}}::from).collect())
    }

    async fn update(
        &self,
        {{owner_parameter}}id: Uuid,
        expected_version: Option<i64>,
        change: {{Resource}}Change,
        now: DateTime<Utc>,
    ) -> Result<Option<{{Resource}}>, Error> {
        let {{Resource}}Change {
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign local = field[2] %}{% assign traits = field[9] %}
{%- if traits contains "changeable" %}
            {% if local != ident %}{{ident}}: {% endif %}{{local}},
{%- endif %}
{%- endfor %}
        } = change;
        let values = (
            {{table}}::version.eq({{table}}::version + 1),
            {{table}}::updated_at.eq(Sql(now)),
{%- for field in field_list %}
{%- assign local = field[2] %}{% assign row = field[3] %}{% assign type = field[6] %}{% assign rust = field[7] %}
{%- assign traits = field[9] %}
{%- if traits contains "changeable" %}
            {{local}}.map(|value| {{table}}::{{row}}.eq(
{%- if type == "enum" %}
{%- if traits contains "optional" %}value.map({{rust}}::name){% else %}value.name(){% endif %}
{%- elsif traits contains "wrapped" %}
{%- if traits contains "optional" %}value.map(Sql){% else %}Sql(value){% endif %}
{%- else %}value{% endif %})),
{%- endif %}
{%- endfor %}
        );
        let invalidation = self.rows.invalidation(id);
        let row = with_conn!(&self.database, |conn| {
{%- if has_owner %}
            let row = {{table}}::table.find(Sql(id)).filter({{table}}::{{owner_row}}.eq(owner));
            let mut statement = diesel::update(row).into_boxed();
{%- else %}
            let mut statement = diesel::update({{table}}::table.find(Sql(id))).into_boxed();
{%- endif %}
            if let Some(version) = expected_version {
                statement = statement.filter({{table}}::version.eq(version));
            }
            statement
                .set(values)
                .returning({{Resource}}Row::as_returning())
                .get_result(conn)
                .await
                .optional()
        })
{%- if has_unique %}
        .map_err(taken)?;
{%- else %}?;
{%- endif %}
        // Even if no row matched: a stale cache entry may have caused this call.
        invalidation.run().await;
        Ok(row.map({{Resource}}::from))
    }

    async fn delete(&self, {{owner_parameter}}id: Uuid, expected_version: Option<i64>) -> Result<bool, Error> {
        let invalidation = self.rows.invalidation(id);
        let deleted = with_conn!(&self.database, |conn| {
{%- if has_owner %}
            let row = {{table}}::table.find(Sql(id)).filter({{table}}::{{owner_row}}.eq(owner));
            let mut statement = diesel::delete(row).into_boxed();
{%- else %}
            let mut statement = diesel::delete({{table}}::table.find(Sql(id))).into_boxed();
{%- endif %}
            if let Some(version) = expected_version {
                statement = statement.filter({{table}}::version.eq(version));
            }
            statement.execute(conn).await
        })?;
        invalidation.run().await;
        Ok(deleted > 0)
    }
}

/// The column of a field.
fn column(field: {{Resource}}Field) -> database::Column<{{table}}::table> {
    match field {
        {{Resource}}Field::CreatedAt => database::Column::of({{table}}::created_at),
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign row = field[3] %}{% assign pascal = field[5] %}
{%- assign traits = field[9] %}
{%- if traits contains "listed" %}
        {{Resource}}Field::{{pascal}} => database::Column::of({{table}}::{% if traits contains "caseless" %}{{column}}_lower{% else %}{{row}}{% endif %}),
{%- endif %}
{%- endfor %}
    }
}

/// The columns that are read and cached.
#[derive(Clone, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = {{table}})]
struct {{Resource}}Row {
    id: Uuid,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
{%- for field in field_list %}
{%- assign row = field[3] %}{% assign full = field[8] %}
    {{row}}: {{full}},
{%- endfor %}
}

impl From<{{Resource}}Row> for {{Resource}} {
    fn from(row: {{Resource}}Row) -> Self {
        let {{Resource}}Row {
            id,
            version,
            created_at,
            updated_at,
{%- for field in field_list %}
{%- assign row = field[3] %}
            {{row}},
{%- endfor %}
        } = row;
        Self {
            id,
            version,
            created_at,
            updated_at,
{%- for field in field_list %}
{%- assign ident = field[1] %}{% assign row = field[3] %}
            {% if row != ident %}{{ident}}: {% endif %}{{row}},
{%- endfor %}
        }
    }
}
{%- if has_unique %}

/// Maps a unique violation to [`Error::AlreadyExists`].
fn taken(error: platform::Error) -> Error {
    match database::unique_violation(&error, "{{table}}", &[{% assign comma = "" %}
{%- for field in field_list %}
{%- assign column = field[0] %}{% assign traits = field[9] %}
{%- if traits contains "unique" %}{{comma}}"{{column}}"{% assign comma = ", " %}{% endif %}
{%- endfor %}]) {
        Some(field) => Error::AlreadyExists(field),
        None => error.into(),
    }
}
{%- endif %}
