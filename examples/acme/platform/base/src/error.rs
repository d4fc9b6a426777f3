//! Why a request failed.
//!
//! Which error to use:
//!
//! | what went wrong | error |
//! |---|---|
//! | a domain rule refuses it | an enum of the service's own `biz`, mapped to a reason of its contract in `service` |
//! | a lower layer failed while a request was served | [`Error`], passed on with `?` |
//! | the process cannot start, or a command fails | [`StartError`](crate::StartError) |
//!
//! An [`Error`] has a [`Fault`] for the caller and a cause for the log only. The conversion below is the only place
//! where it becomes a status; there the cause is logged once, with the ids of the request.
//!
//! | fault | status over gRPC, HTTP | reason | `Retry-After` | the process is not ready |
//! |---|---|---|---|---|
//! | [`Fault::Internal`] | INTERNAL, 500 | `INTERNAL` | | |
//! | [`Fault::DatabaseUnavailable`] | UNAVAILABLE, 503 | `DATABASE_UNAVAILABLE` | 1 s | until the database answers |
//! | [`Fault::DatabaseBusy`] | UNAVAILABLE, 503 | `DATABASE_BUSY` | 1 s | as long as no connection is to be had |
//! | [`Fault::StorageFull`] | UNAVAILABLE, 503 | `STORAGE_FULL` | 30 s | until a write works |
//! | [`Fault::StorageReadOnly`] | UNAVAILABLE, 503 | `STORAGE_READ_ONLY` | 5 s | until a write works |
//! | [`Fault::StorageCorrupt`] | DATA_LOSS, 500 | `STORAGE_CORRUPT` | | |
//! | [`Fault::StatementTimeout`] | DEADLINE_EXCEEDED, 504 | `STATEMENT_TIMEOUT` | | |
//! | [`Fault::Contention`] | ABORTED, 409 | `TRANSACTION_CONTENTION` | | |
//! | [`Fault::OutcomeUnknown`] | UNAVAILABLE, 503 | `OUTCOME_UNKNOWN` | | |

use std::{collections::HashMap, fmt, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// What the caller learns about an error. The module documentation has the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Not caused by the caller, who cannot do anything about it.
    Internal,
    /// No connection to the database: it is down, starting, stopping, or refuses us.
    DatabaseUnavailable,
    /// The database is there, but has no room for one more: its connections or ours are all in use, or others kept a
    /// SQLite file locked.
    DatabaseBusy,
    /// The disk of the database is full: it still reads.
    StorageFull,
    /// The database only reads: its file or its disk is protected, or another server took over from it.
    StorageReadOnly,
    /// The database found its own files damaged.
    StorageCorrupt,
    /// The database ended a statement that took too long.
    StatementTimeout,
    /// Every attempt conflicted with other transactions.
    Contention,
    /// The connection was lost during a commit, so the outcome is unknown.
    OutcomeUnknown,
}

/// Why a request failed: a fault for the caller, a cause for the log.
#[derive(Debug)]
pub struct Error {
    fault: Fault,
    cause: Cause,
}

impl Error {
    /// An error with this fault.
    pub fn new(fault: Fault, cause: impl Into<Cause>) -> Self {
        Self {
            fault,
            cause: cause.into(),
        }
    }

    /// An error whose cause the caller does not learn.
    pub fn internal(cause: impl Into<Cause>) -> Self {
        Self::new(Fault::Internal, cause)
    }

    /// The fault that the caller learns.
    pub fn fault(&self) -> Fault {
        self.fault
    }

    /// The cause, if it is a `T`.
    pub fn cause<T: std::error::Error + 'static>(&self) -> Option<&T> {
        self.cause.downcast_ref()
    }

    /// The cause.
    pub fn into_cause(self) -> Cause {
        self.cause
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.cause.source()
    }
}

/// The response to a fault.
struct Answer {
    code: Code,
    reason: &'static str,
    message: &'static str,
    retry_after: Option<Duration>,
}

impl Fault {
    /// The reason in the answer, which is also the label of the fault in metrics.
    pub fn reason(self) -> &'static str {
        self.answer().reason
    }

    fn answer(self) -> Answer {
        let answer = |code, reason, message| Answer {
            code,
            reason,
            message,
            retry_after: None,
        };
        match self {
            Self::Internal => answer(Code::Internal, "INTERNAL", "internal error"),
            Self::DatabaseUnavailable => Answer {
                retry_after: Some(Duration::from_secs(1)),
                ..answer(
                    Code::Unavailable,
                    "DATABASE_UNAVAILABLE",
                    "the service cannot reach its database: try again",
                )
            },
            Self::DatabaseBusy => Answer {
                retry_after: Some(Duration::from_secs(1)),
                ..answer(
                    Code::Unavailable,
                    "DATABASE_BUSY",
                    "the database has too much to do: try again",
                )
            },
            // A person must make room.
            Self::StorageFull => Answer {
                retry_after: Some(Duration::from_secs(30)),
                ..answer(
                    Code::Unavailable,
                    "STORAGE_FULL",
                    "the service cannot store anything at present: try again later",
                )
            },
            // The server that took over is found within seconds.
            Self::StorageReadOnly => Answer {
                retry_after: Some(Duration::from_secs(5)),
                ..answer(
                    Code::Unavailable,
                    "STORAGE_READ_ONLY",
                    "the service can only read at present: try again later",
                )
            },
            Self::StorageCorrupt => answer(
                Code::DataLoss,
                "STORAGE_CORRUPT",
                "what the service has stored is damaged",
            ),
            Self::StatementTimeout => answer(
                Code::DeadlineExceeded,
                "STATEMENT_TIMEOUT",
                "a query took longer than it may",
            ),
            Self::Contention => answer(
                Code::Aborted,
                "TRANSACTION_CONTENTION",
                "too many others changed the same at the same time: try again",
            ),
            Self::OutcomeUnknown => answer(
                Code::Unavailable,
                "OUTCOME_UNKNOWN",
                "the write may or may not have been done: read before you repeat it",
            ),
        }
    }

    /// Whether a person must look at it. The other faults are temporary, or metrics count them at their source.
    fn is_alarming(self) -> bool {
        matches!(
            self,
            Self::Internal
                | Self::OutcomeUnknown
                | Self::StorageFull
                | Self::StorageReadOnly
                | Self::StorageCorrupt
        )
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let Error { fault, cause } = error;
        let Answer {
            code,
            reason,
            message,
            retry_after,
        } = fault.answer();
        if fault.is_alarming() {
            tracing::error!(%cause, reason, "a request failed");
        } else {
            tracing::warn!(%cause, reason, "a request failed");
        }
        let mut details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
        if retry_after.is_some() {
            details.set_retry_info(retry_after);
        }
        Status::with_error_details(code, message, details)
    }
}

/// The domain of the reasons that the platform defines (`google.rpc.ErrorInfo`).
const DOMAIN: &str = "platform";

/// A status with a reason in the domain `platform`. Programs use the reason to tell refusals apart.
pub fn status(code: Code, reason: &str, message: impl Into<String>) -> Status {
    let details = ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_caller_learns_the_reason_and_never_the_cause() {
        let error = Error::new(Fault::DatabaseUnavailable, "no route to 10.0.0.7");
        let status = Status::from(error);
        assert_eq!(status.code(), Code::Unavailable);
        let details = status.get_error_details();
        assert_eq!(details.error_info().unwrap().reason, "DATABASE_UNAVAILABLE");
        assert_eq!(
            details.retry_info().unwrap().retry_delay,
            Some(Duration::from_secs(1))
        );
        assert!(!format!("{status:?}").contains("10.0.0.7"));
    }

    #[test]
    fn a_full_disk_asks_for_patience_and_damage_does_not() {
        let full = Status::from(Error::new(Fault::StorageFull, "database or disk is full"));
        assert_eq!(full.code(), Code::Unavailable);
        let retry = full.get_error_details().retry_info().cloned().unwrap();
        assert_eq!(retry.retry_delay, Some(Duration::from_secs(30)));
        let corrupt = Status::from(Error::new(Fault::StorageCorrupt, "malformed"));
        assert_eq!(corrupt.code(), Code::DataLoss);
        assert!(corrupt.get_error_details().retry_info().is_none());
    }
}
