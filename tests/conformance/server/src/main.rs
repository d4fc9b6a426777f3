//! Serves `mapping.v1` over gRPC and REST: `conformance GRPC_PORT HTTP_PORT DESCRIPTOR_SET`.
//!
//! The descriptor set is written to the file of that name, for a proxy that makes REST of the gRPC.

use std::{error::Error, fs};

use api_mapping::{
    echo::Service,
    v1::{answer_service, mapping_service},
};
use api_runtime::{Request, Routes, unknown_path};
use axum::Router;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [grpc_port, http_port, descriptor_set] = arguments.as_slice() else {
        return Err("usage: conformance GRPC_PORT HTTP_PORT DESCRIPTOR_SET".into());
    };
    let mapping = mapping_service(Service);
    fs::write(descriptor_set, mapping.descriptor_set)?;

    let contracts = [mapping, answer_service(Service)];
    let listen = |port: &String| TcpListener::bind(format!("127.0.0.1:{port}"));
    let routes = || Routes::new(Router::new().fallback(unknown_path));
    let grpc = router(routes().grpc(&contracts, |_, method| method)?);
    let http = router(routes().rest(&contracts, |_, method| method)?);
    let grpc = axum::serve(listen(grpc_port).await?, grpc);
    let http = axum::serve(listen(http_port).await?, http);
    tokio::select! {
        ended = grpc.into_future() => ended?,
        ended = http.into_future() => ended?,
    }
    Ok(())
}

fn router(routes: Routes) -> Router {
    let endpoint = routes.endpoint();
    Router::new().fallback(async move |request: Request| endpoint.call(request).await)
}
