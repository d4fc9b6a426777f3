//! Who may migrate: a row that belongs to one process for a while.
//!
//! CockroachDB has no advisory locks, and a lock that a dead process holds would stop everybody. A lease ends by itself
//! and is renewed as long as its holder works. The clock is the database's, so those of the processes may differ.

use std::time::Duration;

use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use platform_base::Fault;
use tokio::{task::JoinHandle, time::Instant};
use uuid::Uuid;

use crate::{
    error::Error,
    pool::{Backend, Database},
    with_conn,
};

const RENEW_EVERY: Duration = Duration::from_secs(10);
/// Longer than any migration of others that is worth waiting for.
const PATIENCE: Duration = Duration::from_secs(600);

/// The lease lasts for 60 seconds.
const CREATE: &str = "CREATE TABLE IF NOT EXISTS __migration_lease \
    (name TEXT NOT NULL PRIMARY KEY, holder TEXT NOT NULL, expires_at INT8 NOT NULL)";
const TAKE_POSTGRES: &str = "INSERT INTO __migration_lease (name, holder, expires_at) \
    VALUES ('migrations', $1, extract(epoch FROM clock_timestamp())::INT8 + 60) \
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
    WHERE __migration_lease.holder = excluded.holder \
    OR __migration_lease.expires_at < extract(epoch FROM clock_timestamp())::INT8";
const TAKE_SQLITE: &str = "INSERT INTO __migration_lease (name, holder, expires_at) \
    VALUES ('migrations', $1, unixepoch() + 60) \
    ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, expires_at = excluded.expires_at \
    WHERE __migration_lease.holder = excluded.holder OR __migration_lease.expires_at < unixepoch()";
const RELEASE: &str = "DELETE FROM __migration_lease WHERE holder = $1";

/// Held until it is released, or until its process ends.
pub(super) struct Lease {
    database: Database,
    holder: String,
    renewing: JoinHandle<()>,
}

/// Waits until nobody else holds the lease.
pub(super) async fn acquire(database: &Database) -> Result<Lease, Error> {
    let holder = Uuid::new_v4().to_string();
    let patience = Instant::now() + PATIENCE;
    let mut told = false;
    while !take(database, &holder).await? {
        if Instant::now() > patience {
            return Err(Error::Setup(
                "another process has been migrating the database for ten minutes".to_owned(),
            ));
        }
        if !told {
            tracing::info!("another process migrates the database; waiting for it");
            told = true;
        }
        tokio::time::sleep(Duration::from_millis(rand::random_range(100..300))).await;
    }
    let renewing = tokio::spawn(renew(database.clone(), holder.clone()));
    Ok(Lease {
        database: database.clone(),
        holder,
        renewing,
    })
}

impl Lease {
    /// Lets the next one in.
    pub async fn release(self) {
        self.renewing.abort();
        let released = with_conn!(self.database, |conn| {
            diesel::sql_query(RELEASE)
                .bind::<Text, _>(&self.holder)
                .execute(conn)
                .await
        });
        if let Err(error) = released {
            tracing::warn!(%error, "the migration lease was not released; it ends within a minute");
        }
    }
}

async fn renew(database: Database, holder: String) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        if let Err(error) = take(&database, &holder).await {
            tracing::warn!(%error, "the migration lease could not be renewed");
        }
    }
}

/// Takes or renews the lease; false when another has it.
async fn take(database: &Database, holder: &str) -> Result<bool, Error> {
    let take = match database.backend() {
        Backend::Postgres(_) => TAKE_POSTGRES,
        Backend::Sqlite(_) => TAKE_SQLITE,
    };
    // Two processes that create the table at once may collide in PostgreSQL's own tables; then it is there.
    if let Err(error) = execute(database, CREATE).await
        && error.is_connection()
    {
        return Err(error);
    }
    let taken = with_conn!(database, |conn| {
        diesel::sql_query(take)
            .bind::<Text, _>(holder)
            .execute(conn)
            .await
    });
    match taken {
        Ok(rows) => Ok(rows == 1),
        Err(error) if error.fault() == Fault::Contention => Ok(false),
        Err(error) => Err(own(error)),
    }
}

async fn execute(database: &Database, statement: &str) -> Result<usize, Error> {
    with_conn!(database, |conn| diesel::sql_query(statement)
        .execute(conn)
        .await)
    .map_err(own)
}

/// The error of this crate in an error of a request.
fn own(error: platform_base::Error) -> Error {
    match error.into_cause().downcast() {
        Ok(error) => *error,
        Err(other) => Error::Setup(other.to_string()),
    }
}
