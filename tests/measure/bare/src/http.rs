//! The three routes on axum.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    routing::get,
};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::store::{self, Store};

pub fn router(store: Arc<Store>) -> Router {
    Router::new().route("/v1/items", get(list).post(create)).route("/v1/items/{id}", get(find)).with_state(store)
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Item {
    #[serde(default)]
    id: String,
    #[serde(default)]
    etag: String,
    #[serde(default)]
    created_at: String,
    #[serde(default)]
    updated_at: String,
    name: String,
    note: Option<String>,
    /// A string, as proto3 JSON has it.
    size: String,
    done: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    items: Vec<Item>,
    next_page_token: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Paging {
    page_size: i64,
}

async fn create(State(store): State<Arc<Store>>, Json(item): Json<Item>) -> Result<Json<Item>, StatusCode> {
    let size = item.size.parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let item = store.insert(item.name, item.note, size, item.done).await.map_err(internal)?;
    Ok(Json(item.into()))
}

async fn find(State(store): State<Arc<Store>>, Path(id): Path<Uuid>) -> Result<Json<Item>, StatusCode> {
    let item = store.find(id).await.map_err(internal)?;
    Ok(Json(item.ok_or(StatusCode::NOT_FOUND)?.into()))
}

async fn list(State(store): State<Arc<Store>>, Query(paging): Query<Paging>) -> Result<Json<Items>, StatusCode> {
    let items = store.list(paging.page_size).await.map_err(internal)?;
    let items = items.into_iter().map(Item::from).collect();
    Ok(Json(Items { items, next_page_token: String::new() }))
}

fn internal(_: crate::Failure) -> StatusCode {
    StatusCode::INTERNAL_SERVER_ERROR
}

fn text(instant: DateTime<Utc>) -> String {
    instant.to_rfc3339_opts(SecondsFormat::Micros, true)
}

impl From<store::Item> for Item {
    fn from(item: store::Item) -> Self {
        Self {
            id: item.id.to_string(),
            etag: item.version.to_string(),
            created_at: text(item.created_at),
            updated_at: text(item.updated_at),
            name: item.name,
            note: item.note,
            size: item.size.to_string(),
            done: item.done,
        }
    }
}
