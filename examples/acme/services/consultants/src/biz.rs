//! The rules, knowing neither transport nor SQL.

use chrono::{DateTime, NaiveDate, Utc};
use platform::page::{Cursor, Page, PageRequest};
use uuid::Uuid;

#[cfg(test)]
mod tests;

/// A consultant.
#[derive(Debug, Clone, PartialEq)]
pub struct Consultant {
    pub id: Uuid,
    /// Counts the writes, from 1.
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The consultant's name.
    pub name: String,
    /// The consultant's email; no two consultants share one.
    pub email: String,
    /// Date born.
    pub born: Option<NaiveDate>,
    /// Active or not.
    pub active: bool,
}

/// What it takes to create a consultant.
#[derive(Debug, Clone)]
pub struct NewConsultant {
    pub name: String,
    pub email: String,
    pub born: Option<NaiveDate>,
    pub active: bool,
}

/// New values; the outer `None` leaves a field as it is.
#[derive(Debug, Default, Clone)]
pub struct ConsultantChange {
    pub name: Option<String>,
    pub email: Option<String>,
    pub born: Option<Option<NaiveDate>>,
    pub active: Option<bool>,
}

/// Why a call did nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no consultant {0}")]
    NotFound(Uuid),
    /// Holds the name of the field.
    #[error("another consultant has the same `{0}`")]
    AlreadyExists(&'static str),
    #[error("consultant {0} was changed since the etag was read")]
    Changed(Uuid),
    #[error(transparent)]
    Platform(#[from] platform::Error),
}

/// Where consultants are kept.
pub trait ConsultantRepository: Send + Sync + 'static {
    /// Adds a consultant; [`Error::AlreadyExists`] when a value that must be unique is taken.
    fn insert(&self, consultant: &Consultant) -> impl Future<Output = Result<(), Error>> + Send;

    /// Finds one consultant.
    fn find(&self, id: Uuid) -> impl Future<Output = Result<Option<Consultant>, Error>> + Send;

    /// Lists up to `limit` consultants that come after the cursor, newest first.
    fn list(
        &self,
        after: Option<Cursor>,
        limit: i64,
    ) -> impl Future<Output = Result<Vec<Consultant>, Error>> + Send;

    /// Changes a consultant, if it still has the expected version, and returns it as stored;
    /// `None` when it is gone or has another version.
    fn update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: ConsultantChange,
        now: DateTime<Utc>,
    ) -> impl Future<Output = Result<Option<Consultant>, Error>> + Send;

    /// Deletes a consultant, if it still has the expected version;
    /// `false` when it is gone or has another version.
    fn delete(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
    ) -> impl Future<Output = Result<bool, Error>> + Send;
}

/// The use cases.
pub struct Consultants<R> {
    repository: R,
}

impl<R: ConsultantRepository> Consultants<R> {
    /// Consultants kept in this repository.
    pub fn new(repository: R) -> Self {
        Self { repository }
    }

    /// Creates a consultant.
    pub async fn create(&self, new: NewConsultant) -> Result<Consultant, Error> {
        let now = platform::time::now();
        let consultant = Consultant {
            id: Uuid::new_v4(),
            version: 1,
            created_at: now,
            updated_at: now,
            name: new.name,
            email: new.email,
            born: new.born,
            active: new.active,
        };
        self.repository.insert(&consultant).await?;
        Ok(consultant)
    }

    /// Finds one consultant.
    pub async fn get(&self, id: Uuid) -> Result<Consultant, Error> {
        self.repository.find(id).await?.ok_or(Error::NotFound(id))
    }

    /// Lists consultants, newest first.
    pub async fn list(&self, request: PageRequest) -> Result<Page<Consultant>, Error> {
        let consultants = self
            .repository
            .list(request.after(), request.limit())
            .await?;
        Ok(request.page(consultants, |consultant| Cursor {
            created_at: consultant.created_at,
            id: consultant.id,
        }))
    }

    /// Changes a consultant.
    pub async fn update(
        &self,
        id: Uuid,
        expected_version: Option<i64>,
        change: ConsultantChange,
    ) -> Result<Consultant, Error> {
        let now = platform::time::now();
        match self
            .repository
            .update(id, expected_version, change, now)
            .await?
        {
            Some(consultant) => Ok(consultant),
            None => Err(self.gone_or_changed(id).await?),
        }
    }

    /// Deletes a consultant.
    pub async fn delete(&self, id: Uuid, expected_version: Option<i64>) -> Result<(), Error> {
        if self.repository.delete(id, expected_version).await? {
            return Ok(());
        }
        Err(self.gone_or_changed(id).await?)
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
