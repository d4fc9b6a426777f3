//! Storage.

{% if has_enums -%}
mod enums;
{% endif -%}
pub mod schema;

{% for line in data_imports -%}
{{line}}
{% endfor %}
/// {{Resources_words}} in the database.
pub struct {{Resource}}Store {
    database: Database,
    rows: CachedRows<{{Resource}}Row>,
}

impl {{Resource}}Store {
    /// {{Resources_words}} in this database, whose migrations are the ones of this crate, behind this cache.
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
        let values = (
            {{table}}::id.eq(Sql({{resource_ident}}.id)),
            {{table}}::version.eq({{resource_ident}}.version),
            {{table}}::created_at.eq(Sql({{resource_ident}}.created_at)),
            {{table}}::updated_at.eq(Sql({{resource_ident}}.updated_at)),
{%- for line in insert_columns %}
            {{line}}
{%- endfor %}
        );
        // That there was none may be cached.
        let invalidation = self.rows.invalidation({{resource_ident}}.id);
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
            // One with the same id, inserted at the same time, may be met by its unique values first.
            Err(Error::AlreadyExists(_)) if self.read({{resource_ident}}.id).await?.is_some() => 0,
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
        let values = (
            {{table}}::version.eq({{table}}::version + 1),
            {{table}}::updated_at.eq(Sql(now)),
{%- for line in update_columns %}
            {{line}}
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
        // Even if none was found: what is cached may be what led the caller to look for it.
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

/// Where a field is kept.
fn column(field: {{Resource}}Field) -> database::Column<{{table}}::table> {
    match field {
        {{Resource}}Field::CreatedAt => database::Column::of({{table}}::created_at),
{%- for field in list_fields %}
        {{Resource}}Field::{{field[0]}} => database::Column::of({{table}}::{{field[2]}}),
{%- endfor %}
    }
}

/// What is read of a row, and cached.
#[derive(Clone, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = {{table}})]
struct {{Resource}}Row {
    id: Uuid,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
{%- for line in row_fields %}
    {{line}}
{%- endfor %}
}

impl From<{{Resource}}Row> for {{Resource}} {
    fn from(row: {{Resource}}Row) -> Self {
        Self {
            id: row.id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
{%- for line in from_row_fields %}
            {{line}}
{%- endfor %}
        }
    }
}
{%- if has_unique %}

/// Tells a value that is taken from other failures.
fn taken(error: platform::Error) -> Error {
    match database::unique_violation(&error, "{{table}}", &[{{unique_columns}}]) {
        Some(field) => Error::AlreadyExists(field),
        None => error.into(),
    }
}
{%- endif %}
