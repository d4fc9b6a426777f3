//! Transport: messages in, messages out, no rules.

mod auth;
mod users;

use std::time::Duration;

use auth_api::v1 as auth_v1;
use tonic::Status;
use users_api::v1 as users_v1;

pub use self::{
    auth::AuthApi,
    users::{USER_FIELDS, UsersApi},
};
use crate::biz::Error;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::NotFound(id) => users_v1::errors::user_not_found(message)
                .metadata("id", id)
                .into(),
            Error::EmailTaken => users_v1::errors::user_already_exists(message)
                .metadata("field", "email")
                .into(),
            Error::Changed(id) => users_v1::errors::user_changed(message)
                .metadata("id", id)
                .into(),
            Error::NotYourself => users_v1::errors::not_yourself(message).into(),
            Error::WrongCredentials => auth_v1::errors::wrong_credentials(message).into(),
            Error::WrongPassword => auth_v1::errors::wrong_password(message).into(),
            Error::SessionEnded => auth_v1::errors::session_ended(message).into(),
            Error::TooManyAttempts(wait) => auth_v1::errors::too_many_attempts(message)
                .retry_after(wait)
                .into(),
            Error::Busy => auth_v1::errors::busy(message)
                .retry_after(Duration::from_secs(1))
                .into(),
            // Only commands get these.
            Error::UnknownRole { .. } | Error::UnknownEmail(_) => {
                platform::Error::internal(message).into()
            }
            Error::Platform(error) => error.into(),
        }
    }
}
