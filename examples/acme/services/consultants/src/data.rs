//! Storage.

mod schema;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{
    database::{Database, Sql, with_conn},
    page::Cursor,
};
use uuid::Uuid;

use self::schema::consultants;
use crate::biz::{Consultant, ConsultantChange, ConsultantRepository, Error};

/// Consultants in the database.
pub struct ConsultantStore {
    database: Database,
}

impl ConsultantStore {
    /// Consultants in this database, whose migrations are the ones of this crate.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl ConsultantRepository for ConsultantStore {
    async fn insert(&self, consultant: &Consultant) -> Result<(), Error> {
        let values = (
            consultants::id.eq(Sql(consultant.id)),
            consultants::version.eq(consultant.version),
            consultants::created_at.eq(Sql(consultant.created_at)),
            consultants::updated_at.eq(Sql(consultant.updated_at)),
            consultants::name.eq(&consultant.name),
            consultants::email.eq(&consultant.email),
            consultants::born.eq(consultant.born),
            consultants::active.eq(consultant.active),
        );
        with_conn!(&self.database, |conn| {
            diesel::insert_into(consultants::table)
                .values(values)
                .execute(conn)
                .await
        })
        .map_err(taken)?;
        Ok(())
    }

    async fn find(&self, id: Uuid) -> Result<Option<Consultant>, Error> {
        let row = with_conn!(&self.database, |conn| {
            consultants::table
                .find(Sql(id))
                .select(ConsultantRow::as_select())
                .first(conn)
                .await
                .optional()
        })?;
        Ok(row.map(Consultant::from))
    }

    async fn list(&self, after: Option<Cursor>, limit: i64) -> Result<Vec<Consultant>, Error> {
        let rows = with_conn!(&self.database, |conn| {
            let mut query = consultants::table
                .select(ConsultantRow::as_select())
                .order((consultants::created_at.desc(), consultants::id.desc()))
                .limit(limit)
                .into_boxed();
            if let Some(Cursor { created_at, id }) = after {
                let earlier = consultants::created_at.lt(Sql(created_at));
                let same_time = consultants::created_at
                    .eq(Sql(created_at))
                    .and(consultants::id.lt(Sql(id)));
                query = query.filter(earlier.or(same_time));
            }
            query.load(conn).await
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
        let values = (
            consultants::version.eq(consultants::version + 1),
            consultants::updated_at.eq(Sql(now)),
            change.name.map(|value| consultants::name.eq(value)),
            change.email.map(|value| consultants::email.eq(value)),
            change.born.map(|value| consultants::born.eq(value)),
            change.active.map(|value| consultants::active.eq(value)),
        );
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
        Ok(row.map(Consultant::from))
    }

    async fn delete(&self, id: Uuid, expected_version: Option<i64>) -> Result<bool, Error> {
        let deleted = with_conn!(&self.database, |conn| {
            let mut statement = diesel::delete(consultants::table.find(Sql(id))).into_boxed();
            if let Some(version) = expected_version {
                statement = statement.filter(consultants::version.eq(version));
            }
            statement.execute(conn).await
        })?;
        Ok(deleted > 0)
    }
}

#[derive(Queryable, Selectable)]
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
        Self {
            id: row.id,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            name: row.name,
            email: row.email,
            born: row.born,
            active: row.active,
        }
    }
}

/// Tells a value that is taken from other failures.
fn taken(error: platform::Error) -> Error {
    match error.unique_violation("consultants", &["email"]) {
        Some(field) => Error::AlreadyExists(field),
        None => error.into(),
    }
}
