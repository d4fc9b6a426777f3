//! Users and sessions in memory, for the tests of the rules.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use platform::page::ListQuery;
use uuid::Uuid;

use super::{
    Beginning, Credentials, Error, SessionRepository, StoredSession, User, UserChange, UserField,
    UserRepository,
};

#[derive(Default)]
pub struct FakeUsers {
    rows: Mutex<Vec<(User, String)>>,
    /// Pairs of an address and a role.
    pub roles: Mutex<Vec<(String, String)>>,
}

impl UserRepository for FakeUsers {
    async fn insert(&self, user: &User, password_hash: &str) -> Result<(), Error> {
        let mut rows = self.rows.lock().unwrap();
        if rows.iter().any(|(other, _)| other.email == user.email) {
            return Err(Error::EmailTaken);
        }
        rows.push((user.clone(), password_hash.to_owned()));
        Ok(())
    }

    async fn find(&self, id: Uuid) -> Result<Option<User>, Error> {
        let rows = self.rows.lock().unwrap();
        Ok(rows
            .iter()
            .find(|(user, _)| user.id == id)
            .map(|(user, _)| user.clone()))
    }

    async fn list(&self, query: &ListQuery<UserField>) -> Result<Vec<User>, Error> {
        let rows = self.rows.lock().unwrap();
        Ok(query.select(rows.iter().map(|(user, _)| user.clone()).collect()))
    }

    async fn update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: &UserChange,
        now: DateTime<Utc>,
    ) -> Result<Option<User>, Error> {
        let mut rows = self.rows.lock().unwrap();
        let found = rows.iter_mut().map(|(user, _)| user).find(|user| {
            user.id == id && expected_version.is_none_or(|version| version == user.version)
        });
        Ok(found.map(|user| {
            user.version += 1;
            user.updated_at = now;
            let UserChange { email, name } = change;
            if let Some(email) = email {
                user.email.clone_from(email);
            }
            if let Some(name) = name {
                user.name.clone_from(name);
            }
            user.clone()
        }))
    }

    async fn delete(&self, id: Uuid, expected_version: Option<i64>) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap();
        let before = rows.len();
        rows.retain(|(user, _)| {
            user.id != id || expected_version.is_some_and(|version| version != user.version)
        });
        Ok(rows.len() < before)
    }

    async fn grant(&self, email: &str, role: &str) -> Result<bool, Error> {
        let known = self
            .rows
            .lock()
            .unwrap()
            .iter()
            .any(|(user, _)| user.email == email);
        if known {
            self.roles
                .lock()
                .unwrap()
                .push((email.to_owned(), role.to_owned()));
        }
        Ok(known)
    }

    async fn revoke(&self, email: &str, role: &str) -> Result<bool, Error> {
        self.roles
            .lock()
            .unwrap()
            .retain(|(holder, held)| (holder.as_str(), held.as_str()) != (email, role));
        Ok(self
            .rows
            .lock()
            .unwrap()
            .iter()
            .any(|(user, _)| user.email == email))
    }
}

/// One user and their sessions.
pub struct FakeSessions {
    pub email: String,
    pub user_id: Uuid,
    pub password_hash: Mutex<String>,
    pub roles: Mutex<Vec<String>>,
    pub rows: Mutex<Vec<StoredSession>>,
}

impl SessionRepository for FakeSessions {
    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>, Error> {
        Ok((email == self.email).then(|| Credentials {
            user_id: self.user_id,
            password_hash: self.password_hash.lock().unwrap().clone(),
        }))
    }

    async fn find_password_hash(&self, user_id: Uuid) -> Result<Option<String>, Error> {
        Ok((user_id == self.user_id).then(|| self.password_hash.lock().unwrap().clone()))
    }

    async fn roles(&self, _: Uuid) -> Result<Vec<String>, Error> {
        Ok(self.roles.lock().unwrap().clone())
    }

    async fn begin(&self, beginning: Beginning<'_>) -> Result<bool, Error> {
        let mut hash = self.password_hash.lock().unwrap();
        if *hash != beginning.checked_hash {
            return Ok(false);
        }
        if let Some(new_hash) = beginning.new_hash {
            new_hash.clone_into(&mut hash);
        }
        let mut rows = self.rows.lock().unwrap();
        if beginning.ends_others {
            rows.clear();
        }
        rows.push(beginning.session.clone());
        Ok(true)
    }

    async fn find(&self, id: Uuid) -> Result<Option<StoredSession>, Error> {
        let rows = self.rows.lock().unwrap();
        Ok(rows.iter().find(|row| row.id == id).cloned())
    }

    async fn rotate(
        &self,
        read: &StoredSession,
        token_hash: &[u8; 32],
        expires_at: DateTime<Utc>,
    ) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap();
        let found = rows
            .iter_mut()
            .find(|row| (row.id, row.token_hash) == (read.id, read.token_hash));
        Ok(found
            .map(|row| (row.token_hash, row.expires_at) = (*token_hash, expires_at))
            .is_some())
    }

    async fn end(&self, id: Uuid) -> Result<bool, Error> {
        let mut rows = self.rows.lock().unwrap();
        let before = rows.len();
        rows.retain(|row| row.id != id);
        Ok(rows.len() < before)
    }

    async fn delete_expired(&self, now: DateTime<Utc>, _: i64) -> Result<(), Error> {
        self.rows.lock().unwrap().retain(|row| row.expires_at > now);
        Ok(())
    }
}
