//! Passwords: argon2id with the parameters that OWASP recommends (19 MiB, two passes, one lane), which are the
//! defaults of the `argon2` crate.

mod places;

use std::{sync::LazyLock, thread::available_parallelism, time::Instant};

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{
        self,
        phc::{Output, ParamsString, PasswordHash, Salt},
    },
};
use platform::context;
use secrecy::{ExposeSecret, SecretString};
use tokio::task::spawn_blocking;

use self::places::{Place, Places};
use super::Error;

/// A hash keeps a core busy, so there is one place for each core. A process in a container may see all cores of a large
/// machine and yet have 256 MB of memory: the blocks of eight places fit in there.
static PLACES: LazyLock<Places> = LazyLock::new(|| {
    const MOST: usize = 8;
    Places::new(available_parallelism().map_or(1, usize::from).min(MOST))
});

/// Hashes a password, in the PHC string format, with a salt of its own.
pub async fn hash(password: SecretString) -> Result<String, Error> {
    let hash = in_a_place(move |place| hash_in(place, password.expose_secret())).await?;
    Ok(hash.map_err(platform::Error::internal)?)
}

/// Whether this is the password that was hashed. Without a hash it returns `false` after the same time, so that a log
/// in does not tell which addresses are registered.
pub async fn verify(password: SecretString, hash: Option<String>) -> Result<bool, Error> {
    in_a_place(move |place| match hash {
        Some(hash) => matches(place, password.expose_secret(), &hash).unwrap_or(false),
        None => {
            let _ = hash_in(place, password.expose_secret());
            false
        }
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

fn hash_in(place: &mut Place, password: &str) -> Result<String, password_hash::Error> {
    let salt = Salt::generate();
    let mut output = [0; Params::DEFAULT_OUTPUT_LEN];
    place.hash(&Argon2::default(), password.as_bytes(), &salt, &mut output)?;
    let hash = PasswordHash {
        algorithm: Algorithm::default().ident(),
        version: Some(Version::default().into()),
        params: ParamsString::try_from(&Params::DEFAULT)?,
        salt: Some(salt),
        hash: Some(Output::new(&output)?),
    };
    Ok(hash.to_string())
}

fn matches(place: &mut Place, password: &str, hash: &str) -> Result<bool, password_hash::Error> {
    let stored = PasswordHash::new(hash)?;
    let (Some(salt), Some(expected)) = (stored.salt, stored.hash) else {
        return Ok(false);
    };
    let version = stored.version.map(Version::try_from).transpose()?;
    let argon2 = Argon2::new(
        Algorithm::try_from(stored.algorithm.as_str())?,
        version.unwrap_or_default(),
        Params::try_from(&stored)?,
    );
    let mut output = [0; Output::MAX_LENGTH];
    let output = &mut output[..expected.len()];
    place.hash(&argon2, password.as_bytes(), &salt, output)?;
    // In constant time.
    Ok(Output::new(output)? == expected)
}

/// Does the work on a thread of its own: a hash takes tens of milliseconds, which would hold up every other request of
/// a worker thread.
async fn in_a_place<T: Send + 'static>(
    work: impl FnOnce(&mut Place) -> T + Send + 'static,
) -> Result<T, Error> {
    let mut place = PLACES.enter(latest_start()).await?;
    // The work goes on if the caller goes away, and keeps its place until it is done.
    let done = spawn_blocking(move || work(&mut place));
    Ok(done.await.map_err(platform::Error::internal)?)
}

/// Waiting may take half of the time that the request has left. The other half is for the hash and what follows it.
fn latest_start() -> Option<Instant> {
    let deadline = context::current()?.deadline();
    let now = Instant::now();
    Some(now + deadline.saturating_duration_since(now) / 2)
}

#[cfg(test)]
mod tests {
    use argon2::{PasswordHasher, password_hash::PasswordVerifier};

    use super::*;

    #[tokio::test]
    async fn only_the_password_that_was_hashed_is_accepted() {
        let stored = hash("correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let right = verify("correct horse".into(), Some(stored.clone()));
        assert!(right.await.unwrap());
        let wrong = verify("wrong horse".into(), Some(stored));
        assert!(!wrong.await.unwrap());
        for hash in [None, Some("no hash".to_owned())] {
            assert!(!verify("correct horse".into(), hash).await.unwrap());
        }
    }

    #[tokio::test]
    async fn other_programs_and_this_one_read_each_others_hashes() {
        let ours = hash("correct horse".into()).await.unwrap();
        let read = Argon2::default().verify_password(b"correct horse", ours.as_str());
        assert_eq!(read, Ok(()));

        let other = Argon2::new(
            Algorithm::Argon2i,
            Version::V0x10,
            Params::new(64, 3, 2, Some(48)).unwrap(),
        );
        let other = other.hash_password(b"correct horse").unwrap().to_string();
        let right = verify("correct horse".into(), Some(other.clone()));
        assert!(right.await.unwrap());
        let wrong = verify("wrong horse".into(), Some(other));
        assert!(!wrong.await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_with_other_parameters_is_outdated() {
        let today = hash("correct horse".into()).await.unwrap();
        assert!(!is_outdated(&today));
        for other in ["m=19456,t=3,p=1", "m=4096,t=2,p=1"] {
            assert!(is_outdated(&today.replace("m=19456,t=2,p=1", other)));
        }
        assert!(is_outdated(&today.replace("argon2id", "argon2i")));
        assert!(is_outdated("no hash"));
    }
}
