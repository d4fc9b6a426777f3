//! A cache of items by id, in memory or on Redis. An entry lasts for a minute.

use std::time::Duration;

use fred::{
    bytes::Bytes,
    clients::Client,
    interfaces::{ClientLike, KeysInterface},
    types::{Builder, Expiration, config::Config},
};
use uuid::Uuid;

use crate::{Failure, store::Item};

pub enum Cache {
    Memory(moka::sync::Cache<Uuid, Item>),
    Redis(Client),
}

impl Cache {
    pub async fn open(url: &str) -> Result<Self, Failure> {
        if url == "memory://" {
            let minute = Duration::from_secs(60);
            return Ok(Self::Memory(moka::sync::Cache::builder().max_capacity(10_000).time_to_live(minute).build()));
        }
        let client = Builder::from_config(Config::from_url(url)?).build()?;
        client.init().await?;
        Ok(Self::Redis(client))
    }

    pub async fn get(&self, id: Uuid) -> Result<Option<Item>, Failure> {
        match self {
            Self::Memory(cache) => Ok(cache.get(&id)),
            Self::Redis(client) => {
                let entry: Option<Bytes> = client.get(key(id)).await?;
                Ok(entry.map(|entry| rmp_serde::from_slice(&entry)).transpose()?)
            }
        }
    }

    pub async fn put(&self, item: &Item) -> Result<(), Failure> {
        match self {
            Self::Memory(cache) => cache.insert(item.id, item.clone()),
            Self::Redis(client) => {
                let entry = Bytes::from(rmp_serde::to_vec(item)?);
                let () = client.set(key(item.id), entry, Some(Expiration::EX(60)), None, false).await?;
            }
        }
        Ok(())
    }
}

fn key(id: Uuid) -> String {
    format!("bare:{id}")
}
