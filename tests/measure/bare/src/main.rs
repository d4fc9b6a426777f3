//! Items served by hand, without any layer, and the programs that they are compared with:
//!
//! - `bare echo HTTP_ADDRESS GRPC_ADDRESS` answers from memory.
//! - `bare query HTTP_ADDRESS GRPC_ADDRESS DATABASE [CACHE]` runs the statements that the rendered service runs, through a
//!   pool like its own, and caches items by id. Both arguments are URLs, as in a service's configuration.
//! - `bare` answers from memory behind the platform's layers. It is configured like any service.
//! - `bare password HTTP_ADDRESS` checks a password for every request.
//! - `bare tokens FOLDER ALGORITHM [PEM]` signs and verifies tokens, and says what each costs.
//! - `bare sink ADDRESS` takes traces (OTLP over gRPC) and forgets them.

mod cache;
mod grpc;
mod http;
mod layers;
mod password;
mod postgres;
mod sink;
mod sqlite;
mod store;
mod tokens;

use std::{net::SocketAddr, process::ExitCode, sync::Arc};

use items_api::v1::items_service_server::ItemsServiceServer;

use crate::store::Store;

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.is_empty() {
        return platform::run(&layers::SERVICE, &[]);
    }
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bare: {error}");
            ExitCode::FAILURE
        }
    }
}

#[tokio::main]
async fn run(arguments: Vec<String>) -> Result<(), Failure> {
    // Every real program has a subscriber. Without any, the spans of h2 are formatted for the crate `log`.
    tracing::subscriber::set_global_default(tracing::subscriber::NoSubscriber::new())?;
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["echo", http, grpc] => serve(Store::Memory, http, grpc).await,
        ["query", http, grpc, database] => serve(Store::open(database, None).await?, http, grpc).await,
        ["query", http, grpc, database, cache] => serve(Store::open(database, Some(cache)).await?, http, grpc).await,
        ["password", http] => password::serve(http).await,
        ["tokens", folder, algorithm] => tokens::measure(folder, algorithm, None).await,
        ["tokens", folder, algorithm, pem] => {
            let pem = std::fs::read_to_string(pem)?;
            tokens::measure(folder, algorithm, Some(pem.into())).await
        }
        ["sink", address] => sink::serve(address).await,
        _ => Err("the first lines of main.rs say what to write".into()),
    }
}

async fn serve(store: Store, http: &str, grpc: &str) -> Result<(), Failure> {
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
