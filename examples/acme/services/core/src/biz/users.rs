use std::{future::Future, sync::Arc};

use chrono::{DateTime, Utc};
use platform::{
    filter,
    page::{ListQuery, Listed, Page},
};
use secrecy::SecretString;
use uuid::Uuid;

use super::{Error, email::normal_email, password, roles::Roles};

/// A person who can log in.
#[derive(Debug, Clone, PartialEq)]
pub struct User {
    pub id: Uuid,
    /// Starts at 1 and grows with each write.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// In the form of [`normal_email`], and unique.
    pub email: String,
    pub name: String,
}

/// The fields by which lists can be filtered and ordered. Each has an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserField {
    CreatedAt,
    Email,
}

impl Listed for User {
    type Field = UserField;

    fn id(&self) -> Uuid {
        self.id
    }

    fn value(&self, field: UserField) -> Option<filter::Value> {
        // A field without an index is `_`.
        let Self {
            id: _,
            version: _,
            created_at,
            updated_at: _,
            email,
            name: _,
        } = self;
        match field {
            UserField::CreatedAt => Some((*created_at).into()),
            UserField::Email => Some(email.as_str().into()),
        }
    }
}

/// The input of a registration.
pub struct NewUser {
    pub email: String,
    pub name: String,
    pub password: SecretString,
}

/// New values. `None` leaves a field unchanged.
#[derive(Debug, Default, Clone)]
pub struct UserChange {
    pub email: Option<String>,
    pub name: Option<String>,
}

/// The storage of users.
pub trait UserRepository: Send + Sync + 'static {
    /// Adds a user; [`Error::EmailTaken`] when the address is in use.
    fn insert(
        &self,
        user: &User,
        password_hash: &str,
    ) -> impl Future<Output = Result<(), Error>> + Send;

    /// Finds one user.
    fn find(&self, id: Uuid) -> impl Future<Output = Result<Option<User>, Error>> + Send;

    /// Returns the users that match the query, and one more if there is one: it tells that there is a next page.
    fn list(
        &self,
        query: &ListQuery<UserField>,
    ) -> impl Future<Output = Result<Vec<User>, Error>> + Send;

    /// Changes a user that still has the expected version, and returns it as stored.
    /// `None` when there is no such user or its version differs.
    fn update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: &UserChange,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<User>, Error>> + Send;

    /// Deletes a user that still has the expected version.
    /// `false` when there is no such user or its version differs.
    fn delete(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
    ) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Gives a role to the user with this address, unless they have it. `false` when there is no such user.
    fn grant(&self, email: &str, role: &str) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Takes a role from the user with this address, if they have it. `false` when there is no such user.
    fn revoke(&self, email: &str, role: &str) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// The use cases of users.
pub struct Users<R> {
    repository: Arc<R>,
    roles: Roles,
}

impl<R: UserRepository> Users<R> {
    /// Users in this repository, with these possible roles.
    pub fn new(repository: Arc<R>, roles: Roles) -> Self {
        Self { repository, roles }
    }

    /// Registers a user.
    pub async fn register(&self, new: NewUser) -> Result<User, Error> {
        let NewUser {
            email,
            name,
            password,
        } = new;
        let password_hash = password::hash(password).await?;
        let now = platform::time::now();
        let user = User {
            id: Uuid::new_v4(),
            version: 1,
            created_at: now,
            updated_at: now,
            email: normal_email(&email),
            name,
        };
        self.repository.insert(&user, &password_hash).await?;
        Ok(user)
    }

    /// Finds one user.
    pub async fn get(&self, id: Uuid) -> Result<User, Error> {
        self.repository.find(id).await?.ok_or(Error::NotFound(id))
    }

    /// Lists users.
    pub async fn list(&self, query: &ListQuery<UserField>) -> Result<Page<User>, Error> {
        let users = self.repository.list(query).await?;
        Ok(query.page(users)?)
    }

    /// Changes the caller's own user.
    pub async fn update(
        &self,
        caller: &str,
        id: Uuid,
        expected_version: Option<i64>,
        mut change: UserChange,
    ) -> Result<User, Error> {
        only_yourself(caller, id)?;
        change.email = change.email.as_deref().map(normal_email);
        let now = platform::time::now();
        match self
            .repository
            .update(id, expected_version, &change, now)
            .await?
        {
            Some(user) => Ok(user),
            None => Err(self.gone_or_changed(id).await?),
        }
    }

    /// Deletes the caller's own user.
    pub async fn delete(
        &self,
        caller: &str,
        id: Uuid,
        expected_version: Option<i64>,
    ) -> Result<(), Error> {
        only_yourself(caller, id)?;
        if self.repository.delete(id, expected_version).await? {
            return Ok(());
        }
        Err(self.gone_or_changed(id).await?)
    }

    /// Gives a role to a user. Their next access token has it.
    pub async fn grant(&self, email: &str, role: &str) -> Result<(), Error> {
        self.roles.check(role)?;
        let granted = self.repository.grant(&normal_email(email), role).await?;
        known(granted, email)
    }

    /// Takes a role from a user. Their next access token does not have it. The role need not be in the configuration.
    pub async fn revoke(&self, email: &str, role: &str) -> Result<(), Error> {
        let revoked = self.repository.revoke(&normal_email(email), role).await?;
        known(revoked, email)
    }

    async fn gone_or_changed(&self, id: Uuid) -> Result<Error, Error> {
        let found = self.repository.find(id).await?;
        Ok(if found.is_some() {
            Error::Changed(id)
        } else {
            Error::NotFound(id)
        })
    }
}

fn known(found: bool, email: &str) -> Result<(), Error> {
    match found {
        true => Ok(()),
        false => Err(Error::UnknownEmail(email.to_owned())),
    }
}

fn only_yourself(caller: &str, id: Uuid) -> Result<(), Error> {
    if caller == id.to_string() {
        Ok(())
    } else {
        Err(Error::NotYourself)
    }
}

#[cfg(test)]
mod tests {
    use platform::config::Setting;

    use super::*;
    use crate::biz::fake::FakeUsers;

    fn users() -> Users<FakeUsers> {
        Users::new(Arc::default(), Roles::default())
    }

    fn ada() -> NewUser {
        NewUser {
            email: "Ada@Example.com".to_owned(),
            name: "Ada".to_owned(),
            password: SecretString::from("correct horse"),
        }
    }

    #[tokio::test]
    async fn an_address_is_taken_whatever_its_letters_case() {
        let users = users();
        let user = users.register(ada()).await.unwrap();
        assert_eq!(user.email, "ada@example.com");

        let again = NewUser {
            email: "ADA@example.COM".to_owned(),
            ..ada()
        };
        assert!(matches!(
            users.register(again).await,
            Err(Error::EmailTaken)
        ));
    }

    #[tokio::test]
    async fn users_change_only_themselves() {
        let users = users();
        let user = users.register(ada()).await.unwrap();
        let somebody = Uuid::new_v4().to_string();

        let change = UserChange {
            name: Some("Eve".to_owned()),
            ..UserChange::default()
        };
        let changed = users.update(&somebody, user.id, None, change).await;
        assert!(matches!(changed, Err(Error::NotYourself)));
        let deleted = users.delete(&somebody, user.id, None).await;
        assert!(matches!(deleted, Err(Error::NotYourself)));
    }

    #[tokio::test]
    async fn a_change_with_an_old_version_is_refused() {
        let users = users();
        let user = users.register(ada()).await.unwrap();
        let me = user.id.to_string();

        let change = UserChange {
            name: Some("Ada L.".to_owned()),
            ..UserChange::default()
        };
        let changed = users
            .update(&me, user.id, Some(1), change.clone())
            .await
            .unwrap();
        assert_eq!((changed.version, changed.name.as_str()), (2, "Ada L."));

        let stale = users.update(&me, user.id, Some(1), change).await;
        assert!(matches!(stale, Err(Error::Changed(_))));
    }

    #[tokio::test]
    async fn what_is_deleted_is_not_found() {
        let users = users();
        let user = users.register(ada()).await.unwrap();
        let me = user.id.to_string();

        users.delete(&me, user.id, None).await.unwrap();
        assert!(matches!(users.get(user.id).await, Err(Error::NotFound(_))));
        assert!(matches!(
            users.delete(&me, user.id, None).await,
            Err(Error::NotFound(_))
        ));
    }

    #[tokio::test]
    async fn a_role_is_given_by_address_if_it_is_one() {
        let users = Users::new(
            Arc::new(FakeUsers::default()),
            Roles::read(&serde_json::json!({"admin": []})).unwrap(),
        );
        users.register(ada()).await.unwrap();
        users.grant("ADA@example.com", "admin").await.unwrap();
        let held = ("ada@example.com".to_owned(), "admin".to_owned());
        assert_eq!(*users.repository.roles.lock().unwrap(), [held]);

        let unknown = users.grant("ada@example.com", "amdin").await.unwrap_err();
        assert_eq!(
            unknown.to_string(),
            "there is no role `amdin`; `service.roles` of the configuration has: admin"
        );
        let nobody = users.grant("eve@example.com", "admin").await;
        assert!(matches!(nobody, Err(Error::UnknownEmail(_))));

        // A role that is no longer in the configuration can still be taken from users.
        users.revoke("ada@example.com", "amdin").await.unwrap();
        users.revoke("ada@example.com", "admin").await.unwrap();
        assert!(users.repository.roles.lock().unwrap().is_empty());
    }
}
