//! Why a process cannot start or a command cannot finish: one sentence for the person at the terminal.

use crate::config::ConfigError;

/// Ends the process with a sentence. An error while a request is served is an [`Error`](crate::Error) instead.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Anything else; the text says what to do.
    #[error("{0}")]
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl StartError {
    /// The process cannot go on; `reason` is an error or a sentence.
    pub fn new(reason: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Failed(reason.into())
    }
}

impl From<crate::Error> for StartError {
    /// Shows the cause: there is no caller to hide it from, and the person at the terminal needs it.
    fn from(error: crate::Error) -> Self {
        Self::Failed(error.into_cause())
    }
}
