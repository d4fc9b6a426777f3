//! The items that the methods return: from memory, or from a database and its cache.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Failure, cache::Cache, postgres::Postgres, sqlite::Sqlite};

#[derive(Clone, Serialize, Deserialize)]
pub struct Item {
    pub id: Uuid,
    pub version: i64,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub name: String,
    pub note: Option<String>,
    pub size: i64,
    pub done: bool,
}

pub enum Store {
    Memory,
    Database(Database, Option<Cache>),
}

pub enum Database {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Store {
    pub async fn open(database: &str, cache: Option<&str>) -> Result<Self, Failure> {
        let cache = match cache {
            Some(url) => Some(Cache::open(url).await?),
            None => None,
        };
        let database = match database.strip_prefix("sqlite://") {
            Some(path) => Database::Sqlite(Sqlite::open(path)?),
            None => Database::Postgres(Postgres::open(database)?),
        };
        Ok(Self::Database(database, cache))
    }

    pub async fn insert(&self, name: String, note: Option<String>, size: i64, done: bool) -> Result<Item, Failure> {
        let now = Utc::now();
        let item = Item { id: Uuid::new_v4(), version: 1, created_at: now, updated_at: now, name, note, size, done };
        match self {
            Self::Memory => {}
            Self::Database(Database::Sqlite(database), _) => database.insert(&item).await?,
            Self::Database(Database::Postgres(database), _) => database.insert(&item).await?,
        }
        Ok(item)
    }

    pub async fn find(&self, id: Uuid) -> Result<Option<Item>, Failure> {
        let Self::Database(database, cache) = self else {
            return Ok(Some(example(id)));
        };
        if let Some(cache) = cache
            && let Some(item) = cache.get(id).await?
        {
            return Ok(Some(item));
        }
        let item = match database {
            Database::Sqlite(database) => database.find(id).await?,
            Database::Postgres(database) => database.find(id).await?,
        };
        if let (Some(cache), Some(item)) = (cache, &item) {
            cache.put(item).await?;
        }
        Ok(item)
    }

    pub async fn list(&self, limit: i64) -> Result<Vec<Item>, Failure> {
        match self {
            Self::Memory => Ok(vec![example(Uuid::nil()); limit as usize]),
            Self::Database(Database::Sqlite(database), _) => database.list(limit).await,
            Self::Database(Database::Postgres(database), _) => database.list(limit).await,
        }
    }
}

fn example(id: Uuid) -> Item {
    let at = DateTime::UNIX_EPOCH;
    Item {
        id,
        version: 1,
        created_at: at,
        updated_at: at,
        name: "a name".to_owned(),
        note: Some("a note".to_owned()),
        size: 7,
        done: false,
    }
}
