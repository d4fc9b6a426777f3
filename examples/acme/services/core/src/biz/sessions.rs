use std::{future::Future, net::IpAddr, sync::Arc, time::Duration};

use chrono::{DateTime, Utc};
use platform::{auth::SigningKeys, time};
use secrecy::SecretString;
use uuid::Uuid;

use super::{
    Error, email::normal_email, password, refresh_token::RefreshToken, roles::Roles,
    throttle::Throttle,
};

/// The tokens with which a client acts for a user.
pub struct Session {
    pub user_id: Uuid,
    pub access_token: String,
    /// How long the access token is valid.
    pub expires_in: Duration,
    pub refresh_token: String,
    /// How long the refresh token is valid.
    pub refresh_expires_in: Duration,
}

/// A session as it is stored. It lasts from log in to log out and has many refresh tokens, one after the other.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSession {
    pub id: Uuid,
    pub user_id: Uuid,
    pub created_at: DateTime<Utc>,
    /// When the newest refresh token expires.
    pub expires_at: DateTime<Utc>,
    /// The hash of the newest refresh token.
    pub token_hash: [u8; 32],
}

/// How long sessions last.
#[derive(Clone, Copy)]
pub struct Lifetimes {
    /// The longest time without a refresh.
    pub idle: Duration,
    /// The longest time in all.
    pub total: Duration,
}

/// The user and the hash that a password is checked against.
#[derive(Debug, Clone)]
pub struct Credentials {
    pub user_id: Uuid,
    pub password_hash: String,
}

/// A session that begins after a password was found right.
pub struct Beginning<'a> {
    pub session: &'a StoredSession,
    /// The hash that the password was checked against.
    pub checked_hash: &'a str,
    /// The hash that replaces it, if any.
    pub new_hash: Option<&'a str>,
    /// Whether the user's other sessions end.
    pub ends_others: bool,
}

/// The storage of sessions, and of what a log in needs.
pub trait SessionRepository: Send + Sync + 'static {
    /// Finds the credentials of the user with this address.
    fn find_credentials(
        &self,
        email: &str,
    ) -> impl Future<Output = Result<Option<Credentials>, Error>> + Send;

    /// Finds the hash of a user's password.
    fn find_password_hash(
        &self,
        user_id: Uuid,
    ) -> impl Future<Output = Result<Option<String>, Error>> + Send;

    /// The roles of a user, in order.
    fn roles(&self, user_id: Uuid) -> impl Future<Output = Result<Vec<String>, Error>> + Send;

    /// Stores a new session, in one transaction. `false` when the password has been changed or the user is gone.
    fn begin(&self, beginning: Beginning<'_>) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Finds one session.
    fn find(&self, id: Uuid) -> impl Future<Output = Result<Option<StoredSession>, Error>> + Send;

    /// Gives a session its next refresh token, if it still has the one that was read.
    /// `false` when the session is gone or has another token.
    fn rotate(
        &self,
        read: &StoredSession,
        token_hash: &[u8; 32],
        expires_at: DateTime<Utc>,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Ends a session. `false` when there is none.
    fn end(&self, id: Uuid) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Deletes up to `most` sessions that have expired.
    fn delete_expired(
        &self,
        now: DateTime<Utc>,
        most: i64,
    ) -> impl Future<Output = Result<(), Error>> + Send;
}

/// A log in adds one session and deletes more than one expired, so that they do not pile up. It deletes few, so that
/// it is not slow.
const DELETED_AT_A_LOG_IN: i64 = 20;

/// The use cases of sessions.
pub struct Sessions<R> {
    repository: Arc<R>,
    signing_keys: SigningKeys,
    roles: Roles,
    lifetimes: Lifetimes,
    throttle: Throttle,
}

impl<R: SessionRepository> Sessions<R> {
    /// Sessions in this repository. These keys sign the access tokens.
    pub fn new(
        repository: Arc<R>,
        signing_keys: SigningKeys,
        roles: Roles,
        lifetimes: Lifetimes,
    ) -> Self {
        Self {
            repository,
            signing_keys,
            roles,
            lifetimes,
            throttle: Throttle::new(),
        }
    }

    /// Logs in with a password and begins a session.
    pub async fn log_in(
        &self,
        email: &str,
        password: SecretString,
        client: Option<IpAddr>,
    ) -> Result<Session, Error> {
        let email = normal_email(email);
        let attempt = self.throttle.admit(&email, client)?;
        let begun = self.begin(&email, password).await;
        attempt.end(&begun);
        let session = begun?;
        let deleted = self
            .repository
            .delete_expired(time::now(), DELETED_AT_A_LOG_IN);
        if let Err(error) = deleted.await {
            tracing::warn!(cause = %error, "expired sessions were not deleted");
        }
        Ok(session)
    }

    async fn begin(&self, email: &str, password: SecretString) -> Result<Session, Error> {
        let credentials = self.repository.find_credentials(email).await?;
        let (user_id, hash) = credentials.map(|c| (c.user_id, c.password_hash)).unzip();
        let matches = password::verify(password.clone(), hash.clone()).await?;
        let (Some(user_id), Some(checked_hash), true) = (user_id, hash, matches) else {
            return Err(Error::WrongCredentials);
        };
        let new_hash = match password::is_outdated(&checked_hash) {
            true => Some(password::hash(password).await?),
            false => None,
        };
        let (stored, session) = self.new_session(user_id).await?;
        let beginning = Beginning {
            session: &stored,
            checked_hash: &checked_hash,
            new_hash: new_hash.as_deref(),
            ends_others: false,
        };
        match self.repository.begin(beginning).await? {
            true => Ok(session),
            false => Err(Error::WrongCredentials),
        }
    }

    /// Replaces the password of the caller, ends all of their sessions, and begins a new one. `caller` is the subject
    /// of the access token.
    pub async fn change_password(
        &self,
        caller: &str,
        old: SecretString,
        new: SecretString,
        client: Option<IpAddr>,
    ) -> Result<Session, Error> {
        let attempt = self.throttle.admit(caller, client)?;
        let begun = self.begin_anew(caller, old, new).await;
        attempt.end(&begun);
        begun
    }

    async fn begin_anew(
        &self,
        caller: &str,
        old: SecretString,
        new: SecretString,
    ) -> Result<Session, Error> {
        // A user of another issuer has no password here.
        let user_id = Uuid::parse_str(caller).map_err(|_| Error::WrongPassword)?;
        let hash = self.repository.find_password_hash(user_id).await?;
        let matches = password::verify(old, hash.clone()).await?;
        let checked_hash = hash.filter(|_| matches).ok_or(Error::WrongPassword)?;
        let new_hash = password::hash(new).await?;
        let (stored, session) = self.new_session(user_id).await?;
        let beginning = Beginning {
            session: &stored,
            checked_hash: &checked_hash,
            new_hash: Some(&new_hash),
            ends_others: true,
        };
        match self.repository.begin(beginning).await? {
            true => Ok(session),
            false => Err(Error::WrongPassword),
        }
    }

    /// Continues a session with its newest refresh token, and replaces that token. An older token ends the session.
    pub async fn refresh(&self, refresh_token: &str) -> Result<Session, Error> {
        let token = RefreshToken::parse(refresh_token).ok_or(Error::SessionEnded)?;
        let stored = self.repository.find(token.session()).await?;
        let stored = stored.ok_or(Error::SessionEnded)?;
        let now = time::now();
        if stored.expires_at <= now {
            return Err(Error::SessionEnded);
        }
        if stored.token_hash != token.hash() {
            return self.end_misused(&stored).await;
        }
        let next = RefreshToken::new(stored.id);
        let expires_at = self.lifetimes.expiry(stored.created_at, now);
        let session = self.sign(stored.user_id, &next, expires_at - now).await?;
        // This is the last step, because it cannot be repeated. When several requests come here at once, one succeeds.
        match self
            .repository
            .rotate(&stored, &next.hash(), expires_at)
            .await?
        {
            true => Ok(session),
            false => self.end_misused(&stored).await,
        }
    }

    /// Ends a session, unless it has ended already.
    pub async fn log_out(&self, refresh_token: &str) -> Result<(), Error> {
        if let Some(token) = RefreshToken::parse(refresh_token) {
            self.repository.end(token.session()).await?;
        }
        Ok(())
    }

    async fn end_misused(&self, session: &StoredSession) -> Result<Session, Error> {
        if self.repository.end(session.id).await? {
            tracing::warn!(user = %session.user_id, "a refresh token was used twice: its session has ended");
        }
        Err(Error::SessionEnded)
    }

    async fn new_session(&self, user_id: Uuid) -> Result<(StoredSession, Session), Error> {
        let token = RefreshToken::new(Uuid::new_v4());
        let now = time::now();
        let stored = StoredSession {
            id: token.session(),
            user_id,
            created_at: now,
            expires_at: self.lifetimes.expiry(now, now),
            token_hash: token.hash(),
        };
        let session = self.sign(user_id, &token, stored.expires_at - now).await?;
        Ok((stored, session))
    }

    async fn sign(
        &self,
        user_id: Uuid,
        refresh_token: &RefreshToken,
        refresh_expires_in: chrono::TimeDelta,
    ) -> Result<Session, Error> {
        let roles = self.repository.roles(user_id).await?;
        let token = self.signing_keys.sign(&self.roles.caller(user_id, roles));
        let (access_token, expires_in) = token.map_err(platform::Error::from)?;
        Ok(Session {
            user_id,
            access_token,
            expires_in,
            refresh_token: refresh_token.reveal(),
            refresh_expires_in: refresh_expires_in.to_std().unwrap_or_default(),
        })
    }
}

impl Lifetimes {
    /// When a refresh token that is issued now expires.
    fn expiry(self, created_at: DateTime<Utc>, now: DateTime<Utc>) -> DateTime<Utc> {
        (now + self.idle).min(created_at + self.total)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tempfile::TempDir;

    use super::*;
    use crate::biz::fake::FakeSessions;

    const PASSWORD: &str = "correct horse";

    struct Given {
        sessions: Sessions<FakeSessions>,
        repository: Arc<FakeSessions>,
        _keys: TempDir,
    }

    /// Ada, a user with the password [`PASSWORD`].
    async fn ada() -> Given {
        let repository = Arc::new(FakeSessions {
            email: "ada@example.com".to_owned(),
            user_id: Uuid::new_v4(),
            password_hash: Mutex::new(password::hash(PASSWORD.into()).await.unwrap()),
            roles: Mutex::default(),
            rows: Mutex::default(),
        });
        let lifetimes = Lifetimes {
            idle: Duration::from_secs(60),
            total: Duration::from_secs(90),
        };
        let (keys, folder) = testkit::signing_keys();
        Given {
            sessions: Sessions::new(repository.clone(), keys, Roles::default(), lifetimes),
            repository,
            _keys: folder,
        }
    }

    impl Given {
        async fn log_in(&self, password: &str) -> Result<Session, Error> {
            let password = SecretString::from(password);
            self.sessions
                .log_in("ADA@example.com", password, None)
                .await
        }

        async fn change_password(&self, old: &str, new: &str) -> Result<Session, Error> {
            let caller = self.repository.user_id.to_string();
            self.sessions
                .change_password(&caller, old.into(), new.into(), None)
                .await
        }

        /// Makes the sessions older than they are.
        fn age(&self, by: Duration) {
            for row in &mut *self.repository.rows.lock().unwrap() {
                row.created_at -= by;
                row.expires_at -= by;
            }
        }
    }

    #[tokio::test]
    async fn a_session_goes_on_from_token_to_token() {
        let ada = ada().await;
        let first = ada.log_in(PASSWORD).await.unwrap();
        let second = ada.sessions.refresh(&first.refresh_token).await.unwrap();
        let third = ada.sessions.refresh(&second.refresh_token).await.unwrap();
        assert_eq!(third.user_id, ada.repository.user_id);
        assert_ne!(third.refresh_token, second.refresh_token);
        assert_ne!(third.access_token, second.access_token);
        assert_eq!(ada.repository.rows.lock().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn a_token_used_twice_ends_the_session_for_everybody() {
        let ada = ada().await;
        let first = ada.log_in(PASSWORD).await.unwrap();
        let elsewhere = ada.log_in(PASSWORD).await.unwrap();
        let second = ada.sessions.refresh(&first.refresh_token).await.unwrap();

        let again = ada.sessions.refresh(&first.refresh_token).await;
        assert!(matches!(again, Err(Error::SessionEnded)));
        let newest = ada.sessions.refresh(&second.refresh_token).await;
        assert!(matches!(newest, Err(Error::SessionEnded)));
        assert!(ada.sessions.refresh(&elsewhere.refresh_token).await.is_ok());
    }

    #[tokio::test]
    async fn only_what_was_given_out_is_accepted() {
        let ada = ada().await;
        let session = ada.log_in(PASSWORD).await.unwrap();
        let stranger = RefreshToken::new(Uuid::new_v4()).reveal();
        for forged in ["", "x", &session.access_token, &stranger] {
            let refused = ada.sessions.refresh(forged).await;
            assert!(matches!(refused, Err(Error::SessionEnded)), "{forged}");
            ada.sessions.log_out(forged).await.unwrap();
        }
        assert!(ada.sessions.refresh(&session.refresh_token).await.is_ok());
    }

    #[tokio::test]
    async fn a_session_that_was_logged_out_has_ended() {
        let ada = ada().await;
        let session = ada.log_in(PASSWORD).await.unwrap();
        for _ in 0..2 {
            ada.sessions.log_out(&session.refresh_token).await.unwrap();
        }
        let refused = ada.sessions.refresh(&session.refresh_token).await;
        assert!(matches!(refused, Err(Error::SessionEnded)));
    }

    #[tokio::test]
    async fn a_session_expires_when_it_is_idle_and_when_it_is_old() {
        let ada = ada().await;
        let idle = ada.log_in(PASSWORD).await.unwrap();
        assert_eq!(idle.refresh_expires_in, Duration::from_secs(60));
        ada.age(Duration::from_secs(60));
        let refused = ada.sessions.refresh(&idle.refresh_token).await;
        assert!(matches!(refused, Err(Error::SessionEnded)));

        let mut session = ada.log_in(PASSWORD).await.unwrap();
        let rows = ada.repository.rows.lock().unwrap().len();
        assert_eq!(rows, 1, "the expired one is deleted");
        ada.age(Duration::from_secs(50));
        session = ada.sessions.refresh(&session.refresh_token).await.unwrap();
        assert!(session.refresh_expires_in <= Duration::from_secs(40));
        ada.age(Duration::from_secs(40));
        let refused = ada.sessions.refresh(&session.refresh_token).await;
        assert!(matches!(refused, Err(Error::SessionEnded)));
    }

    #[tokio::test]
    async fn a_new_password_ends_all_sessions_and_begins_one() {
        let ada = ada().await;
        let before = ada.log_in(PASSWORD).await.unwrap();
        let wrong = ada.change_password("wrong horse", "battery staple").await;
        assert!(matches!(wrong, Err(Error::WrongPassword)));
        assert_eq!(ada.repository.rows.lock().unwrap().len(), 1);

        let after = ada
            .change_password(PASSWORD, "battery staple")
            .await
            .unwrap();
        let refused = ada.sessions.refresh(&before.refresh_token).await;
        assert!(matches!(refused, Err(Error::SessionEnded)));
        assert!(ada.sessions.refresh(&after.refresh_token).await.is_ok());
        let old = ada.log_in(PASSWORD).await;
        assert!(matches!(old, Err(Error::WrongCredentials)));
        assert!(ada.log_in("battery staple").await.is_ok());
    }

    #[tokio::test]
    async fn nobody_changes_the_password_of_a_user_of_another_issuer() {
        let ada = ada().await;
        for caller in ["auth0|7", &Uuid::new_v4().to_string()] {
            let refused =
                ada.sessions
                    .change_password(caller, PASSWORD.into(), PASSWORD.into(), None);
            assert!(matches!(refused.await, Err(Error::WrongPassword)));
        }
    }

    #[tokio::test]
    async fn a_hash_with_old_parameters_is_replaced_at_a_log_in() {
        let ada = ada().await;
        let weak = argon2::Params::new(64, 1, 1, None).unwrap();
        let weak = argon2::Argon2::new(Default::default(), Default::default(), weak);
        let hash = argon2::PasswordHasher::hash_password(&weak, PASSWORD.as_bytes());
        let hash = hash.unwrap().to_string();
        ada.repository
            .password_hash
            .lock()
            .unwrap()
            .clone_from(&hash);

        assert!(ada.log_in("wrong horse").await.is_err());
        assert_eq!(*ada.repository.password_hash.lock().unwrap(), hash);
        ada.log_in(PASSWORD).await.unwrap();
        let rehashed = ada.repository.password_hash.lock().unwrap().clone();
        assert!(!password::is_outdated(&rehashed));
        ada.log_in(PASSWORD).await.unwrap();
        assert_eq!(*ada.repository.password_hash.lock().unwrap(), rehashed);
    }

    #[tokio::test]
    async fn guesses_are_throttled_and_not_even_looked_at() {
        let ada = ada().await;
        let guess = async || ada.log_in("wrong horse").await;
        while matches!(guess().await, Err(Error::WrongCredentials)) {}
        assert!(matches!(guess().await, Err(Error::TooManyAttempts(_))));
        let right = ada.log_in(PASSWORD).await;
        assert!(matches!(right, Err(Error::TooManyAttempts(_))));
        let elsewhere = Some([192, 0, 2, 1].into());
        let right = ada
            .sessions
            .log_in("ada@example.com", PASSWORD.into(), elsewhere);
        assert!(right.await.is_ok());
    }
}
