//! What can go wrong with a database, and what a caller is told of it.

use deadpool::managed::PoolError;
use diesel::result::DatabaseErrorKind;
use platform_base::{Fault, StartError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused a statement.
    #[error("a query failed: {0}")]
    Query(diesel::result::Error),
    /// There is no connection to be had: the database is away, refuses us, or all connections are busy.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A statement took longer than `database.statement_timeout`: the database has ended and undone it.
    #[error("the database ended a statement that took too long")]
    StatementTimeout,
    /// Other transactions were in the way, in every attempt.
    #[error("the database refused a transaction {attempts} times because of others")]
    Contention { attempts: u32 },
    /// The connection was lost while a transaction was committed: it may or may not have been.
    #[error("it is not known whether a transaction was committed: {0}")]
    OutcomeUnknown(diesel::result::Error),
    #[error("a migration failed: {0}")]
    Migration(Box<dyn std::error::Error + Send + Sync>),
    #[error("the database cannot be used: {0}")]
    Setup(String),
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

impl From<Error> for platform_base::Error {
    fn from(error: Error) -> Self {
        let fault = match &error {
            Error::Unavailable(_) => Fault::DatabaseUnavailable,
            Error::StatementTimeout => Fault::StatementTimeout,
            Error::Contention { .. } => Fault::Contention,
            Error::OutcomeUnknown(_) => Fault::OutcomeUnknown,
            Error::Query(_) | Error::Migration(_) | Error::Setup(_) => Fault::Internal,
        };
        Self::new(fault, error)
    }
}

/// Which of `columns` of `table` already holds the value, when that is why a write was refused. The constraint on a
/// column is called `<table>_<column>_key`, as PostgreSQL itself would call it.
pub fn unique_violation(
    error: &platform_base::Error,
    table: &str,
    columns: &[&'static str],
) -> Option<&'static str> {
    use diesel::result::Error::DatabaseError;
    let Some(Error::Query(DatabaseError(DatabaseErrorKind::UniqueViolation, information))) =
        error.cause()
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

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        if is_lost_connection(&error) {
            Self::Unavailable(error.to_string())
        } else if is_retryable(&error) {
            Self::Contention { attempts: 1 }
        } else if is_statement_timeout(&error) {
            Self::StatementTimeout
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

/// Whether a transaction that failed so may succeed when it is tried again: 40001 (`serialization_failure`), 40P01
/// (`deadlock_detected`), 55P03 (`lock_not_available`), or a database of SQLite that another process writes to.
///
/// diesel-async passes on no SQLSTATE but that of a few errors, so the others are known only by their words; PostgreSQL
/// must be set to English (`lc_messages`), as it is in every image of it.
pub(super) fn is_retryable(error: &diesel::result::Error) -> bool {
    use diesel::result::Error::{DatabaseError, RollbackErrorOnCommit};
    match error {
        DatabaseError(DatabaseErrorKind::SerializationFailure, _) => true,
        DatabaseError(DatabaseErrorKind::Unknown, information) => {
            let signs = [
                "deadlock detected",
                "database is locked",
                "due to lock timeout",
            ];
            signs
                .iter()
                .any(|sign| information.message().contains(sign))
        }
        RollbackErrorOnCommit { commit_error, .. } => is_retryable(commit_error),
        _ => false,
    }
}

/// Whether a commit that failed so may have happened all the same: the connection was lost, or CockroachDB answered
/// 40003 (`statement_completion_unknown`).
pub(super) fn is_outcome_unknown(error: &diesel::result::Error) -> bool {
    use diesel::result::Error::{DatabaseError, RollbackErrorOnCommit};
    match error {
        RollbackErrorOnCommit { commit_error, .. } => is_outcome_unknown(commit_error),
        DatabaseError(DatabaseErrorKind::Unknown, information)
            if information.message().contains("result is ambiguous") =>
        {
            true
        }
        error => is_lost_connection(error),
    }
}

/// 57014 (`query_canceled`), where it was a timer and no person who cancelled; PostgreSQL and CockroachDB say it alike.
fn is_statement_timeout(error: &diesel::result::Error) -> bool {
    use diesel::result::Error::DatabaseError;
    matches!(error, DatabaseError(DatabaseErrorKind::Unknown, information)
        if information.message().contains("due to statement timeout"))
}

/// A server that stops or is full is known only by its words, too.
pub(super) fn is_lost_connection(error: &diesel::result::Error) -> bool {
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
