//! Items served by hand, with no layer at all: `bare echo|query HTTP_ADDRESS GRPC_ADDRESS [DATABASE]`.
//!
//! `echo` answers from memory; `query` runs the statements that the rendered service runs, through a pool like its own.

mod grpc;
mod http;
mod store;

use std::{net::SocketAddr, sync::Arc};

use items_api::v1::items_service_server::ItemsServiceServer;

use crate::store::Store;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [mode, http, grpc, database @ ..] = arguments.as_slice() else {
        return Err("usage: bare echo|query HTTP_ADDRESS GRPC_ADDRESS [DATABASE]".into());
    };
    let store = match (mode.as_str(), database) {
        ("echo", []) => Store::Memory,
        ("query", [database]) => Store::open(database)?,
        _ => return Err("`echo` takes no database and `query` takes one".into()),
    };
    let store = Arc::new(store);

    let http_listener = tokio::net::TcpListener::bind(http).await?;
    let grpc: SocketAddr = grpc.parse()?;
    let over_http = axum::serve(http_listener, http::router(store.clone()));
    let over_grpc = tonic::transport::Server::builder()
        .add_service(ItemsServiceServer::new(grpc::Items(store)))
        .serve(grpc);
    tokio::select! {
        ended = over_http => ended?,
        ended = over_grpc => ended?,
    }
    Ok(())
}
