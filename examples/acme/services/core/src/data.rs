//! Storage.

pub mod schema;
mod sessions;

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::{
    cache::{Cache, CachedRows},
    database::{self, Column, Database, Sql, listing, with_conn},
    page::ListQuery,
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use self::schema::{user_roles, users};
pub use self::sessions::SessionStore;
use crate::biz::{Error, User, UserChange, UserField, UserRepository};

/// Users in the database.
pub struct UserStore {
    database: Database,
    rows: CachedRows<UserRow>,
}

impl UserStore {
    /// Users in this database, which has the migrations of this crate, behind this cache.
    pub fn new(database: Database, cache: &Cache) -> Self {
        Self {
            database,
            rows: cache.rows("users"),
        }
    }

    async fn read(&self, id: Uuid) -> Result<Option<UserRow>, platform::Error> {
        with_conn!(&self.database, |conn| {
            users::table
                .find(Sql(id))
                .select(UserRow::as_select())
                .first(conn)
                .await
                .optional()
        })
    }

    async fn find_id(&self, email: &str) -> Result<Option<Uuid>, platform::Error> {
        with_conn!(&self.database, |conn| {
            users::table
                .filter(users::email.eq(email))
                .select(users::id)
                .first(conn)
                .await
                .optional()
        })
    }
}

impl UserRepository for UserStore {
    async fn insert(&self, user: &User, password_hash: &str) -> Result<(), Error> {
        let User {
            id,
            version,
            created_at,
            updated_at,
            email,
            name,
        } = user;
        let id = *id;
        let row = (
            users::id.eq(Sql(id)),
            users::version.eq(version),
            users::created_at.eq(Sql(*created_at)),
            users::updated_at.eq(Sql(*updated_at)),
            users::email.eq(email),
            users::name.eq(name),
            users::password_hash.eq(password_hash),
        );
        // The cache may hold "not found" for this id.
        let invalidation = self.rows.invalidation(id);
        with_conn!(&self.database, |conn| {
            diesel::insert_into(users::table)
                .values(row)
                .execute(conn)
                .await
        })
        .map_err(email_taken)?;
        invalidation.run().await;
        Ok(())
    }

    async fn find(&self, id: Uuid) -> Result<Option<User>, Error> {
        let row = self.rows.get(id, || self.read(id)).await?;
        Ok(row.map(User::from))
    }

    async fn list(&self, query: &ListQuery<UserField>) -> Result<Vec<User>, Error> {
        let (condition, order) = listing(query, column, users::id);
        let rows = with_conn!(&self.database, |conn| {
            users::table
                .select(UserRow::as_select())
                .filter(condition)
                .order(order)
                .limit(query.limit())
                .load(conn)
                .await
        })?;
        Ok(rows.into_iter().map(User::from).collect())
    }

    async fn update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: &UserChange,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let UserChange { email, name } = change;
        let change = UserChanges {
            updated_at: Sql(now),
            email: email.as_deref(),
            name: name.as_deref(),
        };
        let invalidation = self.rows.invalidation(id);
        let row = with_conn!(&self.database, |conn| {
            let mut statement = diesel::update(users::table.find(Sql(id))).into_boxed();
            if let Some(version) = expected_version {
                statement = statement.filter(users::version.eq(version));
            }
            statement
                .set((change, users::version.eq(users::version + 1)))
                .returning(UserRow::as_returning())
                .get_result(conn)
                .await
                .optional()
        })
        .map_err(email_taken)?;
        // Also when no row was found: the entry in the cache may be outdated.
        invalidation.run().await;
        Ok(row.map(User::from))
    }

    async fn delete(&self, id: Uuid, expected_version: Option<i64>) -> Result<bool, Error> {
        let invalidation = self.rows.invalidation(id);
        let deleted = with_conn!(&self.database, |conn| {
            let mut statement = diesel::delete(users::table.find(Sql(id))).into_boxed();
            if let Some(version) = expected_version {
                statement = statement.filter(users::version.eq(version));
            }
            statement.execute(conn).await
        })?;
        invalidation.run().await;
        Ok(deleted > 0)
    }

    async fn grant(&self, email: &str, role: &str) -> Result<bool, Error> {
        let Some(user_id) = self.find_id(email).await? else {
            return Ok(false);
        };
        let row = (
            user_roles::user_id.eq(Sql(user_id)),
            user_roles::role.eq(role),
        );
        with_conn!(&self.database, |conn| {
            diesel::insert_into(user_roles::table)
                .values(row)
                .on_conflict_do_nothing()
                .execute(conn)
                .await
        })?;
        Ok(true)
    }

    async fn revoke(&self, email: &str, role: &str) -> Result<bool, Error> {
        let Some(user_id) = self.find_id(email).await? else {
            return Ok(false);
        };
        with_conn!(&self.database, |conn| {
            diesel::delete(user_roles::table.find((Sql(user_id), role)))
                .execute(conn)
                .await
        })?;
        Ok(true)
    }
}

/// The column of a field.
fn column(field: UserField) -> Column<users::table> {
    match field {
        UserField::CreatedAt => Column::of(users::created_at),
        UserField::Email => Column::of(users::email),
    }
}

/// The columns that are read and cached. They hold no secrets.
#[derive(Clone, Queryable, Selectable, Serialize, Deserialize)]
#[diesel(table_name = users)]
struct UserRow {
    id: Uuid,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    email: String,
    name: String,
}

#[derive(AsChangeset)]
#[diesel(table_name = users)]
struct UserChanges<'a> {
    updated_at: Sql<DateTime<Utc>>,
    email: Option<&'a str>,
    name: Option<&'a str>,
}

impl From<UserRow> for User {
    fn from(row: UserRow) -> Self {
        let UserRow {
            id,
            version,
            created_at,
            updated_at,
            email,
            name,
        } = row;
        Self {
            id,
            version,
            created_at,
            updated_at,
            email,
            name,
        }
    }
}

fn email_taken(error: platform::Error) -> Error {
    match database::unique_violation(&error, "users", &["email"]) {
        Some(_) => Error::EmailTaken,
        None => error.into(),
    }
}
