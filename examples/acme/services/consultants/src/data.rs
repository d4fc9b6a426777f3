//! Storage.

pub mod schema;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{
    cache::{Cache, CachedRows},
    database::{self, Database, Sql, with_conn},
    page::ListQuery,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::schema::consultants;
use crate::biz::{Consultant, ConsultantChange, ConsultantField, ConsultantRepository, Error};

/// Consultants in the database.
pub struct ConsultantStore {
    database: Database,
    rows: CachedRows<ConsultantRow>,
}

impl ConsultantStore {
    /// Stores consultants in this database, which the migrations of this crate set up, behind this cache.
    pub fn new(database: Database, cache: &Cache) -> Self {
        Self {
            database,
            rows: cache.rows("consultants"),
        }
    }

    async fn read(&self, id: Uuid) -> Result<Option<ConsultantRow>, platform::Error> {
        with_conn!(&self.database, |conn| {
            consultants::table
                .find(Sql(id))
                .select(ConsultantRow::as_select())
                .first(conn)
                .await
                .optional()
        })
    }
}

impl ConsultantRepository for ConsultantStore {
    async fn insert(&self, consultant: &Consultant) -> Result<bool, Error> {
        let Consultant {
            id,
            version,
            created_at,
            updated_at,
            name,
            email,
            born,
            active,
        } = consultant;
        let id = *id;
        let values = (
            consultants::id.eq(Sql(id)),
            consultants::version.eq(version),
            consultants::created_at.eq(Sql(*created_at)),
            consultants::updated_at.eq(Sql(*updated_at)),
            consultants::name.eq(name),
            consultants::email.eq(email),
            consultants::born.eq(born),
            consultants::active.eq(active),
        );
        // The cache may hold "not found" for this id.
        let invalidation = self.rows.invalidation(id);
        let inserted = with_conn!(&self.database, |conn| {
            diesel::insert_into(consultants::table)
                .values(values)
                .on_conflict(consultants::id)
                .do_nothing()
                .execute(conn)
                .await
        })
        .map_err(taken);
        let inserted = match inserted {
            // A concurrent insert with the same id may violate a unique value before it violates the id.
            Err(Error::AlreadyExists(_)) if self.read(id).await?.is_some() => 0,
            inserted => inserted?,
        };
        invalidation.run().await;
        Ok(inserted == 1)
    }

    async fn find(&self, id: Uuid) -> Result<Option<Consultant>, Error> {
        let row = self.rows.get(id, || self.read(id)).await?;
        Ok(row.map(Consultant::from))
    }

    async fn find_many(&self, ids: &[Uuid]) -> Result<Vec<Consultant>, Error> {
        let rows = with_conn!(&self.database, |conn| {
            consultants::table
                .filter(consultants::id.eq_any(ids.iter().copied().map(Sql)))
                .select(ConsultantRow::as_select())
                .load(conn)
                .await
        })?;
        Ok(rows.into_iter().map(Consultant::from).collect())
    }

    async fn list(&self, query: &ListQuery<ConsultantField>) -> Result<Vec<Consultant>, Error> {
        let (condition, order) = database::listing(query, column, consultants::id);
        let rows = with_conn!(&self.database, |conn| {
            consultants::table
                .select(ConsultantRow::as_select())
                .filter(condition)
                .order(order)
                .limit(query.limit())
                .load(conn)
                .await
        })?;
        Ok(rows.into_iter().map(Consultant::from).collect())
    }

    async fn update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: ConsultantChange,
        now: DateTime<Utc>,
    ) -> Result<Option<Consultant>, Error> {
        let ConsultantChange {
            name,
            email,
            born,
            active,
        } = change;
        let values = (
            consultants::version.eq(consultants::version + 1),
            consultants::updated_at.eq(Sql(now)),
            name.map(|value| consultants::name.eq(value)),
            email.map(|value| consultants::email.eq(value)),
            born.map(|value| consultants::born.eq(value)),
            active.map(|value| consultants::active.eq(value)),
        );
        let invalidation = self.rows.invalidation(id);
        let row = with_conn!(&self.database, |conn| {
            let mut statement = diesel::update(consultants::table.find(Sql(id))).into_boxed();
            if let Some(version) = expected_version {
                statement = statement.filter(consultants::version.eq(version));
            }
            statement
                .set(values)
                .returning(ConsultantRow::as_returning())
                .get_result(conn)
                .await
                .optional()
        })
        .map_err(taken)?;
        // Even if no row matched: a stale cache entry may have caused this call.
        invalidation.run().await;
        Ok(row.map(Consultant::from))
    }

    async fn delete(&self, id: Uuid, expected_version: Option<i64>) -> Result<bool, Error> {
        let invalidation = self.rows.invalidation(id);
        let deleted = with_conn!(&self.database, |conn| {
            let mut statement = diesel::delete(consultants::table.find(Sql(id))).into_boxed();
            if let Some(version) = expected_version {
                statement = statement.filter(consultants::version.eq(version));
            }
            statement.execute(conn).await
        })?;
        invalidation.run().await;
        Ok(deleted > 0)
    }
}

/// The column of a field.
fn column(field: ConsultantField) -> database::Column<consultants::table> {
    match field {
        ConsultantField::CreatedAt => database::Column::of(consultants::created_at),
        ConsultantField::Email => database::Column::of(consultants::email_lower),
    }
}

/// The columns that are read and cached.
#[derive(Clone, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = consultants)]
struct ConsultantRow {
    id: Uuid,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    name: String,
    email: String,
    born: Option<NaiveDate>,
    active: bool,
}

impl From<ConsultantRow> for Consultant {
    fn from(row: ConsultantRow) -> Self {
        let ConsultantRow {
            id,
            version,
            created_at,
            updated_at,
            name,
            email,
            born,
            active,
        } = row;
        Self {
            id,
            version,
            created_at,
            updated_at,
            name,
            email,
            born,
            active,
        }
    }
}

/// Maps a unique violation to [`Error::AlreadyExists`].
fn taken(error: platform::Error) -> Error {
    match database::unique_violation(&error, "consultants", &["email"]) {
        Some(field) => Error::AlreadyExists(field),
        None => error.into(),
    }
}
