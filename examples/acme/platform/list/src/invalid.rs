//! Errors in a list request.

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

/// A list request that is not valid: INVALID_ARGUMENT, with the field of the request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{field} {problem}")]
pub struct Invalid {
    field: &'static str,
    problem: String,
}

impl Invalid {
    pub(crate) fn new(field: &'static str, problem: String) -> Self {
        Self { field, problem }
    }
}

impl From<Invalid> for Status {
    fn from(error: Invalid) -> Self {
        let details = ErrorDetails::with_bad_request_violation(error.field, error.to_string());
        Self::with_error_details(Code::InvalidArgument, error.to_string(), details)
    }
}
