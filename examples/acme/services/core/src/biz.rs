//! The rules. They know neither transport nor SQL.

mod email;
mod password;
mod refresh_token;
mod roles;
mod sessions;
mod throttle;
mod users;

#[cfg(test)]
mod fake;

use std::time::Duration;

use uuid::Uuid;

pub use self::{
    roles::Roles,
    sessions::{
        Beginning, Credentials, Lifetimes, Session, SessionRepository, Sessions, StoredSession,
    },
    users::{NewUser, User, UserChange, UserField, UserRepository, Users},
};

/// Why a use case failed. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no user {0}")]
    NotFound(Uuid),
    #[error("another user has this e-mail address")]
    EmailTaken,
    #[error("user {0} was changed since the etag was read")]
    Changed(Uuid),
    #[error("only the user themselves may do this")]
    NotYourself,
    /// No user has this address, or the password is wrong. The message does not say which.
    #[error("no user has this e-mail address and this password")]
    WrongCredentials,
    #[error("the old password is wrong")]
    WrongPassword,
    /// The message does not say whether the session ever existed.
    #[error("the session has ended: log in again")]
    SessionEnded,
    #[error("too many attempts failed: try again in {} s", whole_seconds(.0))]
    TooManyAttempts(Duration),
    #[error("too many passwords are being checked: try again")]
    Busy,
    #[error("there is no role `{role}`; `service.roles` of the configuration has: {known}")]
    UnknownRole { role: String, known: String },
    #[error("no user has the e-mail address {0}")]
    UnknownEmail(String),
    #[error(transparent)]
    Platform(#[from] platform::Error),
}

/// Rounded up, so that a retry after this many seconds is not too early.
fn whole_seconds(duration: &Duration) -> u64 {
    duration.as_millis().div_ceil(1000) as u64
}
