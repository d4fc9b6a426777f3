//! Whether a database answers.

use diesel_async::RunQueryDsl;

use crate::{pool::Database, with_conn};

impl Database {
    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), platform_base::Error> {
        with_conn!(self, |conn| diesel::sql_query("SELECT 1")
            .execute(conn)
            .await)?;
        Ok(())
    }
}
