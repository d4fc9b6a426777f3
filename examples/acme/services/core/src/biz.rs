//! The rules, knowing neither transport nor SQL.

mod password;
mod sessions;
mod users;

#[cfg(test)]
mod fake;

use uuid::Uuid;

pub use self::{
    sessions::{Session, Sessions},
    users::{Credentials, NewUser, User, UserChange, UserField, UserRepository, Users},
};

/// Why a call did nothing.
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
    /// No user has the address, or the password is another: which of the two is not told.
    #[error("no user has this e-mail address and this password")]
    WrongCredentials,
    #[error(transparent)]
    Platform(#[from] platform::Error),
}
