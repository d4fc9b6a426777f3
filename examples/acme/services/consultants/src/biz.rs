//! The domain rules, independent of transport and SQL.

use std::collections::HashMap;

use chrono::{DateTime, NaiveDate, Utc};
use platform::{
    filter,
    page::{ListQuery, Listed, Page},
};
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
    /// The consultant's email; no two consultants share one, in whatever letters it is written.
    pub email: String,
    /// Date born.
    pub born: Option<NaiveDate>,
    /// Active or not.
    pub active: bool,
}

/// The fields that lists of consultants can be filtered and ordered by: those with an index.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConsultantField {
    CreatedAt,
    Email,
}

impl Listed for Consultant {
    type Field = ConsultantField;

    fn id(&self) -> Uuid {
        self.id
    }

    fn value(&self, field: ConsultantField) -> Option<filter::Value> {
        // A `_` stands for a field without an index.
        let Self {
            id: _,
            version: _,
            created_at,
            updated_at: _,
            name: _,
            email,
            born: _,
            active: _,
        } = self;
        match field {
            ConsultantField::CreatedAt => Some((*created_at).into()),
            ConsultantField::Email => Some(email.to_lowercase().into()),
        }
    }
}

/// The values of a new consultant.
#[derive(Debug, Clone)]
pub struct NewConsultant {
    pub name: String,
    pub email: String,
    pub born: Option<NaiveDate>,
    pub active: bool,
}

/// The new values. An outer `None` leaves a field unchanged.
#[derive(Debug, Default, Clone)]
pub struct ConsultantChange {
    pub name: Option<String>,
    pub email: Option<String>,
    pub born: Option<Option<NaiveDate>>,
    pub active: Option<bool>,
}

/// The errors of the use cases.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("there is no consultant {0}")]
    NotFound(Uuid),
    /// Holds the name of the field.
    #[error("another consultant has the same `{0}`")]
    AlreadyExists(&'static str),
    #[error("consultant {0} was changed since the etag was read")]
    Changed(Uuid),
    #[error(
        "the request_id belongs to a request that created another consultant: choose a new one"
    )]
    RequestIdReused,
    #[error(transparent)]
    Platform(#[from] platform::Error),
}

/// The storage of consultants.
pub trait ConsultantRepository: Send + Sync + 'static {
    /// Adds a consultant; `false` when its id already exists, [`Error::AlreadyExists`] when a value that must be unique is taken.
    fn insert(&self, consultant: &Consultant) -> impl Future<Output = Result<bool, Error>> + Send;

    /// Finds one consultant.
    fn find(&self, id: Uuid) -> impl Future<Output = Result<Option<Consultant>, Error>> + Send;

    /// Finds those that exist, in any order.
    fn find_many(
        &self,
        ids: &[Uuid],
    ) -> impl Future<Output = Result<Vec<Consultant>, Error>> + Send;

    /// Lists the consultants that match the query, at most [`ListQuery::limit`].
    fn list(
        &self,
        query: &ListQuery<ConsultantField>,
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
    /// Uses this repository of consultants.
    pub fn new(repository: R) -> Self {
        Self { repository }
    }

    /// Creates a consultant with this id. A repeated request, as after a lost response, returns the existing one.
    pub async fn create(&self, id: Uuid, new: NewConsultant) -> Result<Consultant, Error> {
        let now = platform::time::now();
        let NewConsultant {
            name,
            email,
            born,
            active,
        } = new;
        let consultant = Consultant {
            id,
            version: 1,
            created_at: now,
            updated_at: now,
            name,
            email,
            born,
            active,
        };
        if self.repository.insert(&consultant).await? {
            return Ok(consultant);
        }
        let stored = self.get(id).await?;
        let (created_at, updated_at) = (stored.created_at, stored.updated_at);
        let asked_for = Consultant {
            created_at,
            updated_at,
            ..consultant
        };
        // Only version 1 still has the values that it was created with.
        if stored.version == 1 && stored != asked_for {
            return Err(Error::RequestIdReused);
        }
        Ok(stored)
    }

    /// Finds one consultant.
    pub async fn get(&self, id: Uuid) -> Result<Consultant, Error> {
        self.repository.find(id).await?.ok_or(Error::NotFound(id))
    }

    /// Finds several, in the order of `ids`; [`Error::NotFound`] when one is missing.
    pub async fn batch_get(&self, ids: &[Uuid]) -> Result<Vec<Consultant>, Error> {
        let found = self.repository.find_many(ids).await?;
        let found: HashMap<_, _> = found.into_iter().map(|row| (row.id, row)).collect();
        ids.iter()
            .map(|id| found.get(id).cloned().ok_or(Error::NotFound(*id)))
            .collect()
    }

    /// Lists consultants.
    pub async fn list(
        &self,
        query: &ListQuery<ConsultantField>,
    ) -> Result<Page<Consultant>, Error> {
        let consultants = self.repository.list(query).await?;
        Ok(query.page(consultants)?)
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

    /// Finds out why no row was written.
    async fn gone_or_changed(&self, id: Uuid) -> Result<Error, Error> {
        self.get(id).await?;
        Ok(Error::Changed(id))
    }
}
