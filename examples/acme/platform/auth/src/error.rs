//! Errors of keys.

use std::path::Path;

use platform_base::StartError;

/// A key cannot be used, or a token cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the key {path} cannot be used: {reason}")]
    Key { path: String, reason: String },
    #[error("a token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl Error {
    pub(crate) fn key(path: &Path, reason: impl ToString) -> Self {
        Self::Key {
            path: path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

impl From<Error> for StartError {
    fn from(error: Error) -> Self {
        Self::new(error)
    }
}

impl From<Error> for platform_base::Error {
    fn from(error: Error) -> Self {
        Self::internal(error)
    }
}
