use std::{sync::Arc, time::Duration};

use platform::auth::{Caller, SigningKeys};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Error, password,
    users::{UserRepository, normal_email},
};

/// What a log in gives.
pub struct Session {
    pub user_id: Uuid,
    pub access_token: String,
    /// For how long the token is accepted.
    pub expires_in: Duration,
}

/// The use cases.
pub struct Sessions<R> {
    repository: Arc<R>,
    signing_keys: SigningKeys,
}

impl<R: UserRepository> Sessions<R> {
    /// Sessions of the users in this repository, with tokens signed by these keys.
    pub fn new(repository: Arc<R>, signing_keys: SigningKeys) -> Self {
        Self {
            repository,
            signing_keys,
        }
    }

    /// Checks a password and issues an access token.
    pub async fn log_in(&self, email: &str, password: SecretString) -> Result<Session, Error> {
        let credentials = self
            .repository
            .find_credentials(&normal_email(email))
            .await?;
        let (user_id, hash) = credentials.map(|c| (c.user_id, c.password_hash)).unzip();
        let matches = password::verify(password, hash).await?;
        let user_id = user_id.filter(|_| matches).ok_or(Error::WrongCredentials)?;
        let token = self.signing_keys.sign(&Caller::new(user_id.to_string()));
        let (access_token, expires_in) = token.map_err(platform::Error::from)?;
        Ok(Session {
            user_id,
            access_token,
            expires_in,
        })
    }
}
