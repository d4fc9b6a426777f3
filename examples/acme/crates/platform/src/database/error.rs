//! What can go wrong with a database, and which of it is the fault of nobody who called.

use deadpool::managed::PoolError;
use diesel::result::DatabaseErrorKind;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused a statement.
    #[error("a query failed: {0}")]
    Query(diesel::result::Error),
    /// There is no connection to be had: the database is away, refuses us, or all connections are busy.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    #[error("a migration failed: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    #[error("the database cannot be used: {0}")]
    Setup(String),
}

impl Error {
    /// Which of `columns` of `table` already holds the value, when that is why a write was refused. The constraint on a
    /// column is called `<table>_<column>_key`, as PostgreSQL itself would call it.
    pub fn unique_violation(&self, table: &str, columns: &[&'static str]) -> Option<&'static str> {
        use diesel::result::Error::DatabaseError;
        let Self::Query(DatabaseError(DatabaseErrorKind::UniqueViolation, information)) = self
        else {
            return None;
        };
        match information.constraint_name() {
            Some(constraint) => columns
                .iter()
                .copied()
                .find(|column| constraint == format!("{table}_{column}_key")),
            // SQLite names the columns instead: `UNIQUE constraint failed: users.email`.
            None => {
                let (_, failed) = information.message().split_once("failed: ")?;
                let first = failed.split(", ").next()?;
                columns
                    .iter()
                    .copied()
                    .find(|column| first.strip_prefix(table) == Some(&format!(".{column}")))
            }
        }
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        if is_lost_connection(&error) {
            Self::Unavailable(error.to_string())
        } else {
            Self::Query(error)
        }
    }
}

impl<E: std::fmt::Display> From<PoolError<E>> for Error {
    fn from(error: PoolError<E>) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// diesel-async passes on no SQLSTATE, so a server that stops or is full is known only by its words.
fn is_lost_connection(error: &diesel::result::Error) -> bool {
    use diesel::result::Error::{BrokenTransactionManager, DatabaseError};
    match error {
        BrokenTransactionManager => true,
        DatabaseError(
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
            _,
        ) => true,
        DatabaseError(DatabaseErrorKind::Unknown, information) => {
            const SIGNS: [&str; 5] = [
                "terminating connection",
                "the database system is",
                "too many clients",
                "database is locked",
                "disk I/O error",
            ];
            SIGNS
                .iter()
                .any(|sign| information.message().contains(sign))
        }
        _ => false,
    }
}
