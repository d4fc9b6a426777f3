//! Users in memory, for the tests of the rules.

use std::sync::Mutex;

use chrono::{DateTime, Utc};
use platform::page::ListQuery;
use uuid::Uuid;

use super::{Credentials, Error, User, UserChange, UserField, UserRepository};

#[derive(Default)]
pub struct FakeUsers {
    rows: Mutex<Vec<(User, String)>>,
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

    async fn find_credentials(&self, email: &str) -> Result<Option<Credentials>, Error> {
        let rows = self.rows.lock().unwrap();
        let found = rows.iter().find(|(user, _)| user.email == email);
        Ok(found.map(|(user, hash)| Credentials {
            user_id: user.id,
            password_hash: hash.clone(),
        }))
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
            if let Some(email) = &change.email {
                user.email.clone_from(email);
            }
            if let Some(name) = &change.name {
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
}
