//! The statements of the rendered service's store, on SQLite.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{ConnectionError, SqliteConnection, prelude::*};
use diesel_async::{
    AsyncConnection, RunQueryDsl, SimpleAsyncConnection,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool,
    },
    sync_connection_wrapper::SyncConnectionWrapper,
};
use uuid::Uuid;

use crate::{Failure, store::Item};

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

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = items)]
struct Row {
    id: Vec<u8>,
    version: i64,
    created_at: String,
    updated_at: String,
    name: String,
    note: Option<String>,
    size: i64,
    done: bool,
}

pub struct Sqlite(Pool<Connection>);

impl Sqlite {
    pub fn open(path: &str) -> Result<Self, Failure> {
        let mut config = ManagerConfig::<Connection>::default();
        config.recycling_method = RecyclingMethod::Fast;
        config.custom_setup = Box::new(|path| Box::pin(connect(path)));
        let manager = AsyncDieselConnectionManager::new_with_config(path, config);
        Ok(Self(Pool::builder(manager).max_size(8).build()?))
    }

    pub async fn insert(&self, item: &Item) -> Result<(), Failure> {
        let mut connection = self.0.get().await?;
        let item = item.clone();
        let row = Row {
            id: item.id.as_bytes().to_vec(),
            version: item.version,
            created_at: text(item.created_at),
            updated_at: text(item.updated_at),
            name: item.name,
            note: item.note,
            size: item.size,
            done: item.done,
        };
        diesel::insert_into(items::table).values(row).execute(&mut connection).await?;
        Ok(())
    }

    pub async fn find(&self, id: Uuid) -> Result<Option<Item>, Failure> {
        let mut connection = self.0.get().await?;
        let query = items::table.find(id.as_bytes().to_vec()).select(Row::as_select());
        let row: Option<Row> = query.first(&mut connection).await.optional()?;
        row.map(Item::try_from).transpose()
    }

    pub async fn list(&self, limit: i64) -> Result<Vec<Item>, Failure> {
        let mut connection = self.0.get().await?;
        let query = items::table
            .select(Row::as_select())
            .order((items::created_at.desc(), items::id.desc()))
            .limit(limit);
        let rows: Vec<Row> = query.load(&mut connection).await?;
        rows.into_iter().map(Item::try_from).collect()
    }
}

impl TryFrom<Row> for Item {
    type Error = Failure;

    fn try_from(row: Row) -> Result<Self, Failure> {
        Ok(Self {
            id: Uuid::from_slice(&row.id)?,
            version: row.version,
            created_at: row.created_at.parse()?,
            updated_at: row.updated_at.parse()?,
            name: row.name,
            note: row.note,
            size: row.size,
            done: row.done,
        })
    }
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

async fn connect(path: &str) -> Result<Connection, ConnectionError> {
    let mut connection = Connection::establish(path).await?;
    let pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA busy_timeout = 5000;";
    connection.batch_execute(pragmas).await.map_err(ConnectionError::CouldntSetupConfiguration)?;
    Ok(connection)
}
