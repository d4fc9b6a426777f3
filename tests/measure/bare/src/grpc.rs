//! The three methods on tonic.

use std::sync::Arc;

use items_api::v1::{items_service_server::ItemsService, *};
use tonic::{Request, Response, Status};
use uuid::Uuid;

use crate::store::{self, Store};

pub struct Items(pub Arc<Store>);

#[tonic::async_trait]
impl ItemsService for Items {
    async fn create_item(&self, request: Request<CreateItemRequest>) -> Result<Response<CreateItemResponse>, Status> {
        let item = request.into_inner().item.unwrap_or_default();
        let (name, size) = (item.name.unwrap_or_default(), item.size.unwrap_or_default());
        let item = self.0.insert(name, item.note, size, item.done.unwrap_or_default()).await.map_err(internal)?;
        Ok(Response::new(CreateItemResponse { item: Some(item.into()) }))
    }

    async fn get_item(&self, request: Request<GetItemRequest>) -> Result<Response<GetItemResponse>, Status> {
        let id = Uuid::parse_str(&request.get_ref().id).map_err(|error| Status::invalid_argument(error.to_string()))?;
        let item = self.0.find(id).await.map_err(internal)?;
        let item = item.ok_or_else(|| Status::not_found("no such item"))?;
        Ok(Response::new(GetItemResponse { item: Some(item.into()) }))
    }

    async fn list_items(&self, request: Request<ListItemsRequest>) -> Result<Response<ListItemsResponse>, Status> {
        let items = self.0.list(request.get_ref().page_size.into()).await.map_err(internal)?;
        let items = items.into_iter().map(Item::from).collect();
        Ok(Response::new(ListItemsResponse { items, next_page_token: String::new() }))
    }

    async fn batch_get_items(&self, _: Request<BatchGetItemsRequest>) -> Result<Response<BatchGetItemsResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn update_item(&self, _: Request<UpdateItemRequest>) -> Result<Response<UpdateItemResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }

    async fn delete_item(&self, _: Request<DeleteItemRequest>) -> Result<Response<DeleteItemResponse>, Status> {
        Err(Status::unimplemented("not measured"))
    }
}

fn internal(error: crate::Failure) -> Status {
    Status::internal(error.to_string())
}

impl From<store::Item> for Item {
    fn from(item: store::Item) -> Self {
        Self {
            id: item.id.to_string(),
            etag: item.version.to_string(),
            created_at: Some(item.created_at.into()),
            updated_at: Some(item.updated_at.into()),
            name: Some(item.name),
            note: item.note,
            size: Some(item.size),
            done: Some(item.done),
        }
    }
}
