//! The statements of the rendered service's store, on SQLite.

use chrono::{SecondsFormat, Utc};
use diesel::{ConnectionError, SqliteConnection, prelude::*};
use diesel_async::{
    AsyncConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool,
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use uuid::Uuid;

use crate::Failure;

type Connection = SyncConnectionWrapper<SqliteConnection>;

diesel::table! {
    items (id) {
        id -> Binary,
        version -> BigInt,
        created_at -> Text,
        updated_at -> Text,
        name -> Text,
        note -> Nullable<Text>,
        size -> BigInt,
        done -> Bool,
    }
}

/// A row, in the types of the table.
#[derive(Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = items)]
pub struct Item {
    pub id: Vec<u8>,
    pub version: i64,
    pub created_at: String,
    pub updated_at: String,
    pub name: String,
    pub note: Option<String>,
    pub size: i64,
    pub done: bool,
}

pub enum Store {
    Memory,
    Database(Pool<Connection>),
}

impl Store {
    pub fn open(path: &str) -> Result<Self, Failure> {
        let mut config = ManagerConfig::<Connection>::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|path| Box::pin(connect(path)));
        let manager = AsyncDieselConnectionManager::new_with_config(path, config);
        Ok(Self::Database(Pool::builder(manager).max_size(8).build()?))
    }

    pub async fn insert(&self, name: String, note: Option<String>, size: i64, done: bool) -> Result<Item, Failure> {
        let now = Utc::now().to_rfc3339_opts(SecondsFormat::Micros, true);
        let id = Uuid::new_v4().as_bytes().to_vec();
        let item = Item { id, version: 1, created_at: now.clone(), updated_at: now, name, note, size, done };
        if let Self::Database(pool) = self {
            let mut connection = pool.get().await?;
            diesel::insert_into(items::table).values(item.clone()).execute(&mut connection).await?;
        }
        Ok(item)
    }

    pub async fn find(&self, id: Uuid) -> Result<Option<Item>, Failure> {
        match self {
            Self::Memory => Ok(Some(example(id))),
            Self::Database(pool) => {
                let mut connection = pool.get().await?;
                let query = items::table.find(id.as_bytes().to_vec()).select(Item::as_select());
                Ok(query.first(&mut connection).await.optional()?)
            }
        }
    }

    pub async fn list(&self, limit: i64) -> Result<Vec<Item>, Failure> {
        match self {
            Self::Memory => Ok(vec![example(Uuid::nil()); limit as usize]),
            Self::Database(pool) => {
                let mut connection = pool.get().await?;
                let query = items::table
                    .select(Item::as_select())
                    .order((items::created_at.desc(), items::id.desc()))
                    .limit(limit);
                Ok(query.load(&mut connection).await?)
            }
        }
    }
}

async fn connect(path: &str) -> Result<Connection, ConnectionError> {
    let mut connection = Connection::establish(path).await?;
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;";
    connection.batch_execute(pragmas).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}

fn example(id: Uuid) -> Item {
    let at = "2026-01-01T00:00:00.000000Z".to_owned();
    Item {
        id: id.as_bytes().to_vec(),
        version: 1,
        created_at: at.clone(),
        updated_at: at,
        name: "a name".to_owned(),
        note: Some("a note".to_owned()),
        size: 7,
        done: false,
    }
}
