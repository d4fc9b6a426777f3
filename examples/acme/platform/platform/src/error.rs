//! The one error of the platform, at start and at work.
//!
//! At start it ends the process with a sentence. At work it becomes a status without its cause: the cause is for the
//! log, where the ids of the request stand beside it.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{auth, config::ConfigError, database};

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Database(#[from] database::Error),
    #[error(transparent)]
    Auth(#[from] auth::Error),
    /// An address that cannot be served on.
    #[error("cannot serve {what} on {address}: {reason}")]
    Listen {
        what: &'static str,
        address: std::net::SocketAddr,
        reason: String,
    },
    /// Anything else that is nobody's fault who called.
    #[error("{0}")]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    /// An error that only the log is told about.
    pub fn internal(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Internal(cause.into())
    }

    /// Which of `columns` of `table` already holds the value, when that is why a write was refused.
    pub fn unique_violation(&self, table: &str, columns: &[&'static str]) -> Option<&'static str> {
        match self {
            Self::Database(error) => error.unique_violation(table, columns),
            _ => None,
        }
    }
}

impl From<diesel::result::Error> for Error {
    fn from(error: diesel::result::Error) -> Self {
        Self::Database(error.into())
    }
}

/// A status with a reason that programs can tell apart, in the domain of the platform.
pub(crate) fn status(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details =
        ErrorDetails::with_error_info(reason, "platform", std::collections::HashMap::new());
    Status::with_error_details(code, message, details)
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        match error {
            Error::Database(database::Error::Unavailable(cause)) => {
                tracing::warn!(cause, "the database is not available");
                status(
                    Code::Unavailable,
                    "DATABASE_UNAVAILABLE",
                    "the service cannot reach its database: try again",
                )
            }
            Error::Database(error @ database::Error::StatementTimeout) => {
                tracing::warn!(cause = %error, "a query was given up");
                status(
                    Code::DeadlineExceeded,
                    "STATEMENT_TIMEOUT",
                    "a query took longer than it may",
                )
            }
            Error::Database(error @ database::Error::Contention { .. }) => {
                tracing::warn!(cause = %error, "a transaction was given up");
                status(
                    Code::Aborted,
                    "TRANSACTION_CONTENTION",
                    "too many others changed the same at the same time: try again",
                )
            }
            Error::Database(error @ database::Error::OutcomeUnknown(_)) => {
                tracing::error!(cause = %error, "the connection was lost in a commit");
                status(
                    Code::Unavailable,
                    "OUTCOME_UNKNOWN",
                    "the write may or may not have been done: read before you repeat it",
                )
            }
            error => {
                tracing::error!(cause = %error, "a request failed");
                status(Code::Internal, "INTERNAL", "internal error")
            }
        }
    }
}

impl From<database::Error> for Status {
    fn from(error: database::Error) -> Self {
        Error::from(error).into()
    }
}
