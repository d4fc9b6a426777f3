//! The statements of the rendered service's store, on PostgreSQL.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use diesel_async::{
    AsyncPgConnection, RunQueryDsl,
    pooled_connection::{
        AsyncDieselConnectionManager, ManagerConfig, RecyclingMethod, deadpool::Pool,
    },
};
use uuid::Uuid;

use crate::{Failure, store::Item};

diesel::table! {
    items (id) {
        id -> Uuid,
        version -> BigInt,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        name -> Text,
        note -> Nullable<Text>,
        size -> BigInt,
        done -> Bool,
    }
}

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = items)]
struct Row {
    id: Uuid,
    version: i64,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    name: String,
    note: Option<String>,
    size: i64,
    done: bool,
}

pub struct Postgres(Pool<AsyncPgConnection>);

impl Postgres {
    pub fn open(url: &str) -> Result<Self, Failure> {
        let mut config = ManagerConfig::<AsyncPgConnection>::default();
        config.recycling_method = RecyclingMethod::Fast;
        let manager = AsyncDieselConnectionManager::new_with_config(url, config);
        Ok(Self(Pool::builder(manager).max_size(8).build()?))
    }

    pub async fn insert(&self, item: &Item) -> Result<(), Failure> {
        let mut connection = self.0.get().await?;
        let row = Row::from(item.clone());
        diesel::insert_into(items::table).values(row).execute(&mut connection).await?;
        Ok(())
    }

    pub async fn find(&self, id: Uuid) -> Result<Option<Item>, Failure> {
        let mut connection = self.0.get().await?;
        let query = items::table.find(id).select(Row::as_select());
        let row: Option<Row> = query.first(&mut connection).await.optional()?;
        Ok(row.map(Item::from))
    }

    pub async fn list(&self, limit: i64) -> Result<Vec<Item>, Failure> {
        let mut connection = self.0.get().await?;
        let query = items::table
            .select(Row::as_select())
            .order((items::created_at.desc(), items::id.desc()))
            .limit(limit);
        let rows: Vec<Row> = query.load(&mut connection).await?;
        Ok(rows.into_iter().map(Item::from).collect())
    }
}

impl From<Item> for Row {
    fn from(item: Item) -> Self {
        let Item { id, version, created_at, updated_at, name, note, size, done } = item;
        Self { id, version, created_at, updated_at, name, note, size, done }
    }
}

impl From<Row> for Item {
    fn from(row: Row) -> Self {
        let Row { id, version, created_at, updated_at, name, note, size, done } = row;
        Self { id, version, created_at, updated_at, name, note, size, done }
    }
}
