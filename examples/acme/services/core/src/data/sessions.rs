use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::RunQueryDsl;
use platform::database::{Database, Rollback, Sql, transaction, with_conn};
use uuid::Uuid;

use super::schema::{sessions, user_roles, users};
use crate::biz::{Beginning, Credentials, Error, SessionRepository, StoredSession};

/// Sessions in the database. They are never cached, so that a session that ends has ended for every replica.
pub struct SessionStore {
    database: Database,
}

impl SessionStore {
    /// Sessions in this database, which has the migrations of this crate.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}

impl SessionRepository for SessionStore {
    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>, Error> {
        let row = with_conn!(&self.database, |conn| {
            users::table
                .filter(users::email.eq(email))
                .select((users::id, users::password_hash))
                .first(conn)
                .await
                .optional()
        })?;
        Ok(row.map(|(user_id, password_hash)| Credentials {
            user_id,
            password_hash,
        }))
    }

    async fn find_password_hash(&self, user_id: Uuid) -> Result<Option<String>, Error> {
        Ok(with_conn!(&self.database, |conn| {
            users::table
                .find(Sql(user_id))
                .select(users::password_hash)
                .first(conn)
                .await
                .optional()
        })?)
    }

    async fn roles(&self, user_id: Uuid) -> Result<Vec<String>, Error> {
        Ok(with_conn!(&self.database, |conn| {
            user_roles::table
                .filter(user_roles::user_id.eq(Sql(user_id)))
                .order(user_roles::role)
                .select(user_roles::role)
                .load(conn)
                .await
        })?)
    }

    /// The hash is checked in the same transaction. Otherwise a log in with the old password could succeed after the
    /// password was changed.
    async fn begin(&self, beginning: Beginning<'_>) -> Result<bool, Error> {
        let Beginning {
            session,
            checked_hash,
            new_hash,
            ends_others,
        } = beginning;
        transaction!(self.database, "begin_session", |conn| {
            let user = users::table
                .find(Sql(session.user_id))
                .filter(users::password_hash.eq(checked_hash));
            let found: Option<Uuid> = user.select(users::id).first(conn).await.optional()?;
            if found.is_none() {
                return Ok(false);
            }
            if let Some(new_hash) = new_hash {
                diesel::update(users::table.find(Sql(session.user_id)))
                    .set(users::password_hash.eq(new_hash))
                    .execute(conn)
                    .await?;
            }
            if ends_others {
                diesel::delete(sessions::table)
                    .filter(sessions::user_id.eq(Sql(session.user_id)))
                    .execute(conn)
                    .await?;
            }
            let StoredSession {
                id,
                user_id,
                created_at,
                expires_at,
                token_hash,
            } = session;
            let row = (
                sessions::id.eq(Sql(*id)),
                sessions::user_id.eq(Sql(*user_id)),
                sessions::created_at.eq(Sql(*created_at)),
                sessions::expires_at.eq(Sql(*expires_at)),
                sessions::token_hash.eq(token_hash.as_slice()),
            );
            diesel::insert_into(sessions::table)
                .values(row)
                .execute(conn)
                .await?;
            Ok::<_, Rollback<Error>>(true)
        })
    }

    async fn find(&self, id: Uuid) -> Result<Option<StoredSession>, Error> {
        let row: Option<SessionRow> = with_conn!(&self.database, |conn| {
            sessions::table
                .find(Sql(id))
                .select(SessionRow::as_select())
                .first(conn)
                .await
                .optional()
        })?;
        row.map(StoredSession::try_from).transpose()
    }

    async fn rotate(
        &self,
        read: &StoredSession,
        token_hash: &[u8; 32],
        expires_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let rotated = with_conn!(&self.database, |conn| {
            diesel::update(sessions::table.find(Sql(read.id)))
                .filter(sessions::token_hash.eq(read.token_hash.as_slice()))
                .set((
                    sessions::token_hash.eq(token_hash.as_slice()),
                    sessions::expires_at.eq(Sql(expires_at)),
                ))
                .execute(conn)
                .await
        })?;
        Ok(rotated > 0)
    }

    async fn end(&self, id: Uuid) -> Result<bool, Error> {
        let ended = with_conn!(&self.database, |conn| {
            diesel::delete(sessions::table.find(Sql(id)))
                .execute(conn)
                .await
        })?;
        Ok(ended > 0)
    }

    async fn delete_expired(&self, now: DateTime<Utc>, most: i64) -> Result<(), Error> {
        let expired: Vec<Uuid> = with_conn!(&self.database, |conn| {
            sessions::table
                .filter(sessions::expires_at.le(Sql(now)))
                .order(sessions::expires_at)
                .limit(most)
                .select(sessions::id)
                .load(conn)
                .await
        })?;
        if expired.is_empty() {
            return Ok(());
        }
        with_conn!(&self.database, |conn| {
            diesel::delete(sessions::table)
                .filter(sessions::id.eq_any(expired.iter().copied().map(Sql)))
                .execute(conn)
                .await
        })?;
        Ok(())
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    id: Uuid,
    user_id: Uuid,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    token_hash: Vec<u8>,
}

impl TryFrom<SessionRow> for StoredSession {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self, Error> {
        let SessionRow {
            id,
            user_id,
            created_at,
            expires_at,
            token_hash,
        } = row;
        let token_hash = token_hash
            .try_into()
            .map_err(|_| platform::Error::internal("a hash that is no SHA-256"))?;
        Ok(Self {
            id,
            user_id,
            created_at,
            expires_at,
            token_hash,
        })
    }
}
