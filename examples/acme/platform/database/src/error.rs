//! What can go wrong with a database, and what a caller is told of it.

use deadpool::managed::{PoolError, TimeoutType};
use diesel::{ConnectionError, result::DatabaseErrorKind};
use diesel_async::pooled_connection;
use platform_base::{Fault, StartError};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database refused a statement.
    #[error("a query failed: {0}")]
    Query(diesel::result::Error),
    /// There is no connection to be had: the database is away, starts or stops.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// There is no connection to be had, and waiting will not mend it: a wrong password, a file that cannot be opened.
    #[error("the database cannot be used: {0}")]
    Refused(String),
    /// The database is there, but all connections are in use, or others have the file locked.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// The database cannot store any more.
    #[error("the disk of the database is full: {0}")]
    Full(String),
    /// The database refuses to write.
    #[error("the database only reads: {0}")]
    ReadOnly(String),
    /// The database found its files damaged.
    #[error("the database is corrupt: {0}")]
    Corrupt(String),
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

impl Error {
    /// Whether there was no connection to be had, so that nothing was asked.
    pub(super) fn is_connection(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Refused(_) | Self::Busy(_)
        )
    }

    /// Whether waiting will not mend it.
    pub(super) fn is_final(&self) -> bool {
        matches!(self, Self::Refused(_) | Self::Corrupt(_) | Self::Setup(_))
    }
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

impl From<Error> for platform_base::Error {
    fn from(error: Error) -> Self {
        let fault = match &error {
            Error::Unavailable(_) | Error::Refused(_) => Fault::DatabaseUnavailable,
            Error::Busy(_) => Fault::DatabaseBusy,
            Error::Full(_) => Fault::StorageFull,
            Error::ReadOnly(_) => Fault::StorageReadOnly,
            Error::Corrupt(_) => Fault::StorageCorrupt,
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
            columns.iter().copied().find(|column| {
                let failed = first
                    .strip_prefix(table)
                    .and_then(|rest| rest.strip_prefix('.'));
                // A text that is unique whatever its letters is so in a generated column, in small letters.
                failed.is_some_and(|failed| {
                    failed == *column || failed.strip_suffix("_lower") == Some(column)
                })
            })
        }
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        if let Some(error) = of_storage(&error) {
            error
        } else if is_lost_connection(&error) {
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

impl From<ConnectionError> for Error {
    fn from(error: ConnectionError) -> Self {
        match error {
            ConnectionError::BadConnection(cause) => {
                told(&cause).unwrap_or(Self::Unavailable(cause))
            }
            ConnectionError::CouldntSetupConfiguration(error) => error.into(),
            ConnectionError::InvalidConnectionUrl(cause) => Self::Refused(cause),
            other => Self::Refused(other.to_string()),
        }
    }
}

impl From<PoolError<pooled_connection::PoolError>> for Error {
    fn from(error: PoolError<pooled_connection::PoolError>) -> Self {
        use pooled_connection::PoolError::{ConnectionError, QueryError};
        match error {
            PoolError::Backend(ConnectionError(error)) => error.into(),
            PoolError::Backend(QueryError(error)) => error.into(),
            PoolError::Timeout(TimeoutType::Wait) => {
                Self::Busy("all connections of the pool are in use".to_owned())
            }
            PoolError::Timeout(TimeoutType::Create) => {
                Self::Unavailable("it did not answer within database.connect_timeout".to_owned())
            }
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What a failure of the storage is called.
type Named = fn(String) -> Error;

/// What databases say when their storage fails. diesel-async passes on no SQLSTATE but that of a few errors, so the others
/// are known only by their words; PostgreSQL must be set to English (`lc_messages`), as it is in every image of it.
const SIGNS: [(Named, &[&str]); 5] = [
    (Error::Refused, &["unable to open database file"]),
    (
        Error::Full,
        &[
            "database or disk is full",
            // 53100 (`disk_full`)
            "No space left on device",
            "Disk quota exceeded",
            "Check free disk space",
        ],
    ),
    (
        Error::ReadOnly,
        &[
            "attempt to write a readonly database",
            // 25006 (`read_only_sql_transaction`)
            "in a read-only transaction",
        ],
    ),
    (
        Error::Corrupt,
        &[
            "database disk image is malformed",
            "file is not a database",
            // XX001 (`data_corrupted`)
            "invalid page in block",
            "could not read block",
            "missing chunk number",
            "unexpected chunk number",
            "could not access status of transaction",
            // XX002 (`index_corrupted`)
            "contains unexpected zero page",
            "contains corrupted page",
            "past end of heap page",
        ],
    ),
    (
        Error::Busy,
        &[
            "database is locked",
            "database table is locked",
            // 53300 (`too_many_connections`)
            "too many clients already",
            "too many connections",
            "remaining connection slots are reserved",
            // PgBouncer
            "no more connections allowed",
            "query_wait_timeout",
        ],
    ),
];

/// The failure of the storage of which this text tells.
fn told(text: &str) -> Option<Error> {
    let tells = |signs: &[&str]| signs.iter().any(|sign| text.contains(sign));
    let (named, _) = SIGNS.iter().find(|(_, signs)| tells(signs))?;
    Some(named(text.to_owned()))
}

/// The failure of the storage behind this error.
pub(super) fn of_storage(error: &diesel::result::Error) -> Option<Error> {
    use diesel::result::Error::{DatabaseError, RollbackErrorOnCommit};
    match error {
        DatabaseError(
            DatabaseErrorKind::Unknown | DatabaseErrorKind::ReadOnlyTransaction,
            information,
        ) => told(information.message())
            // PostgreSQL tells of some full disks only here.
            .or_else(|| information.hint().and_then(told)),
        RollbackErrorOnCommit { commit_error, .. } => of_storage(commit_error),
        _ => None,
    }
}

/// Whether a connection is of no more use after this: its server gave its place to another, or its file was opened when
/// it could only be read. The next connection may be better.
pub(super) fn is_read_only(error: &diesel::result::Error) -> bool {
    matches!(of_storage(error), Some(Error::ReadOnly(_)))
}

/// Whether a transaction that failed so may succeed when it is tried again: 40001 (`serialization_failure`), 40P01
/// (`deadlock_detected`), 55P03 (`lock_not_available`), or a database of SQLite that another process writes to.
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

/// A server that stops is known only by its words, too.
pub(super) fn is_lost_connection(error: &diesel::result::Error) -> bool {
    use diesel::result::Error::{BrokenTransactionManager, DatabaseError};
    match error {
        BrokenTransactionManager => true,
        DatabaseError(
            DatabaseErrorKind::UnableToSendCommand | DatabaseErrorKind::ClosedConnection,
            _,
        ) => true,
        DatabaseError(DatabaseErrorKind::Unknown, information) => {
            // 57P01 (`admin_shutdown`), 57P02 (`crash_shutdown`), 57P03 (`cannot_connect_now`), SQLITE_IOERR
            const SIGNS: [&str; 3] = [
                "terminating connection",
                "the database system is",
                "disk I/O error",
            ];
            SIGNS
                .iter()
                .any(|sign| information.message().contains(sign))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_failure_of_the_storage_has_its_fault() {
        let fault = |message: &str| {
            let error = diesel::result::Error::DatabaseError(
                DatabaseErrorKind::Unknown,
                Box::new(message.to_owned()),
            );
            platform_base::Error::from(Error::from(error)).fault()
        };
        for (message, expected) in [
            ("database or disk is full", Fault::StorageFull),
            (
                "could not extend file \"base/5/16384\": No space left on device",
                Fault::StorageFull,
            ),
            (
                "attempt to write a readonly database",
                Fault::StorageReadOnly,
            ),
            (
                "cannot execute INSERT in a read-only transaction",
                Fault::StorageReadOnly,
            ),
            ("database disk image is malformed", Fault::StorageCorrupt),
            (
                "invalid page in block 0 of relation base/5/16384",
                Fault::StorageCorrupt,
            ),
            (
                "index \"users_pkey\" contains unexpected zero page at block 3",
                Fault::StorageCorrupt,
            ),
            ("database is locked", Fault::DatabaseBusy),
            (
                "the database system is starting up",
                Fault::DatabaseUnavailable,
            ),
            (
                "terminating connection due to administrator command",
                Fault::DatabaseUnavailable,
            ),
            (
                "canceling statement due to statement timeout",
                Fault::StatementTimeout,
            ),
            ("deadlock detected", Fault::Contention),
            ("division by zero", Fault::Internal),
        ] {
            assert_eq!(fault(message), expected, "{message}");
        }
    }

    #[test]
    fn a_server_without_a_free_connection_is_busy_and_one_that_starts_is_away() {
        let fault = |cause: &str| {
            let error = ConnectionError::BadConnection(cause.to_owned());
            platform_base::Error::from(Error::from(error)).fault()
        };
        assert_eq!(
            fault("db error: FATAL: sorry, too many clients already"),
            Fault::DatabaseBusy
        );
        assert_eq!(
            fault("db error: FATAL: the database system is starting up"),
            Fault::DatabaseUnavailable
        );
    }
}
