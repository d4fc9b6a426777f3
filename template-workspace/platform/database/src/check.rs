//! Whether a database can do its work.

use deadpool::managed::Object;
use diesel_async::SimpleAsyncConnection;

use crate::{
    error::Error,
    pool::{Backend, Database},
};

/// A write that leaves nothing behind. It needs some pages, as a full disk may still have room for a few bytes.
const WRITE_SQLITE: &str = "BEGIN IMMEDIATE; CREATE TABLE __write_probe (bytes BLOB NOT NULL); \
                            INSERT INTO __write_probe VALUES (zeroblob(65536)); DROP TABLE __write_probe; COMMIT";
/// A temporary table, because a service may have no right to make any other.
const WRITE_POSTGRES: &str = "BEGIN; CREATE TEMPORARY TABLE __write_probe (number INT8 NOT NULL) ON COMMIT DROP; \
                              INSERT INTO __write_probe SELECT generate_series(1, 5000); COMMIT";

impl Database {
    /// The error of a request, after it was counted.
    #[doc(hidden)]
    pub fn failed(&self, error: Error) -> platform_base::Error {
        let error = platform_base::Error::from(error);
        self.faults.record(error.fault());
        error
    }

    /// Whether the database can do its work: it answers and, if it could not write before, it can again.
    pub async fn check(&self) -> Result<(), platform_base::Error> {
        let unwritable = *self.faults.unwritable();
        if unwritable.is_none() {
            return self.ping().await;
        }
        match self.write().await {
            Err(error @ (Error::Full(_) | Error::ReadOnly(_))) => Err(error.into()),
            // No right to make a table, say: then only a request can find out.
            Ok(()) | Err(_) => {
                *self.faults.unwritable() = None;
                self.ping().await
            }
        }
    }

    async fn write(&self) -> Result<(), Error> {
        // A connection for this alone: one that stopped in between, or that can only read, is of no use to others.
        match self.backend() {
            Backend::Postgres(pool) => {
                let mut connection = Object::take(pool.get().await?);
                connection.batch_execute(WRITE_POSTGRES).await?;
            }
            Backend::Sqlite(pool) => {
                let mut connection = Object::take(pool.get().await?);
                connection.batch_execute(WRITE_SQLITE).await?;
            }
        }
        Ok(())
    }
}
