//! Passwords: argon2id with the parameters that OWASP recommends (19 MiB, two passes, one lane), which are the
//! defaults of the `argon2` crate.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use secrecy::{ExposeSecret, SecretString};

/// Hashes a password, in the PHC string format, with a salt of its own.
pub async fn hash(password: SecretString) -> Result<String, platform::Error> {
    off_the_runtime(move || hash_now(password.expose_secret())).await?
}

/// Whether this is the password that was hashed. Without a hash it takes as long and says no, so that a log in does
/// not tell which addresses are registered.
pub async fn verify(password: SecretString, hash: Option<String>) -> Result<bool, platform::Error> {
    off_the_runtime(move || {
        let known = hash.is_some();
        let hash = hash.as_deref().unwrap_or(&NOBODYS_HASH);
        let matches = Argon2::default().verify_password(password.expose_secret().as_bytes(), hash);
        known && matches.is_ok()
    })
    .await
}

static NOBODYS_HASH: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody's password").unwrap_or_default());

fn hash_now(password: &str) -> Result<String, platform::Error> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    Ok(hash.map_err(platform::Error::internal)?.to_string())
}

/// A hash takes tens of milliseconds, which would hold up every other request of a worker thread.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, platform::Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(platform::Error::internal)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_accepted() {
        let stored = hash(SecretString::from("correct horse")).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert!(
            verify(SecretString::from("correct horse"), Some(stored.clone()))
                .await
                .unwrap()
        );
        assert!(
            !verify(SecretString::from("wrong horse"), Some(stored))
                .await
                .unwrap()
        );
        assert!(
            !verify(SecretString::from("nobody's password"), None)
                .await
                .unwrap()
        );
    }
}
