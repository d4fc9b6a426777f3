//! Passwords: argon2id with the parameters that OWASP recommends (19 MiB, two passes, one lane), which are the
//! defaults of the `argon2` crate.

use std::{sync::LazyLock, thread::available_parallelism, time::Duration};

use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    task::spawn_blocking,
    time::timeout,
};

use super::Error;

/// A hash keeps a core and 19 MiB to itself: there are no more at once than cores, and the others wait.
static PLACES: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(cores()));
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Hashes a password, in the PHC string format, with a salt of its own.
pub async fn hash(password: SecretString) -> Result<String, Error> {
    let hash = off_the_runtime(move || hash_now(password.expose_secret())).await?;
    Ok(hash.map_err(platform::Error::internal)?)
}

/// Whether this is the password that was hashed. Without a hash it takes as long and says no, so that a log in does
/// not tell which addresses are registered.
pub async fn verify(password: SecretString, hash: Option<String>) -> Result<bool, Error> {
    off_the_runtime(move || {
        let known = hash.is_some();
        let hash = hash.as_deref().unwrap_or(&NOBODYS_HASH);
        let matches = Argon2::default().verify_password(password.expose_secret().as_bytes(), hash);
        known && matches.is_ok()
    })
    .await
}

/// Whether a hash was made with other parameters than are used today.
pub fn is_outdated(hash: &str) -> bool {
    let (m, t, p) = (
        Params::DEFAULT_M_COST,
        Params::DEFAULT_T_COST,
        Params::DEFAULT_P_COST,
    );
    !hash.starts_with(&format!("$argon2id$v=19$m={m},t={t},p={p}$"))
}

static NOBODYS_HASH: LazyLock<String> =
    LazyLock::new(|| hash_now("nobody's password").unwrap_or_default());

fn hash_now(password: &str) -> Result<String, argon2::password_hash::Error> {
    let hash = Argon2::default().hash_password(password.as_bytes())?;
    Ok(hash.to_string())
}

/// A hash takes tens of milliseconds, which would hold up every other request of a worker thread.
async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Error> {
    let place = place(LONGEST_WAIT).await?;
    let done = spawn_blocking(move || {
        // Kept to the end, even if nobody waits for it any more.
        let _place = place;
        work()
    });
    Ok(done.await.map_err(platform::Error::internal)?)
}

async fn place(within: Duration) -> Result<SemaphorePermit<'static>, Error> {
    let place = timeout(within, PLACES.acquire()).await;
    let place = place.map_err(|_| Error::Busy)?;
    Ok(place.map_err(platform::Error::internal)?)
}

fn cores() -> usize {
    available_parallelism().map_or(1, usize::from)
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

    #[test]
    fn a_hash_with_other_parameters_is_outdated() {
        let today = hash_now("correct horse").unwrap();
        assert!(!is_outdated(&today));
        for other in ["m=19456,t=3,p=1", "m=4096,t=2,p=1"] {
            assert!(is_outdated(&today.replace("m=19456,t=2,p=1", other)));
        }
        assert!(is_outdated(&today.replace("argon2id", "argon2i")));
        assert!(is_outdated("no hash"));
    }

    #[tokio::test]
    async fn hashes_wait_for_a_place_but_not_for_ever() {
        let all = PLACES.acquire_many(cores().try_into().unwrap()).await;
        let refused = place(Duration::from_millis(1)).await;
        assert!(matches!(refused, Err(Error::Busy)));

        let waiting = tokio::spawn(place(LONGEST_WAIT));
        drop(all);
        assert!(waiting.await.unwrap().is_ok());
    }
}
