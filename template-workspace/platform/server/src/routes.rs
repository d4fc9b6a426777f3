//! The routes of a process: its contracts on both transports, with the layers around each method, and the platform's
//! own routes.

use std::{convert::Infallible, sync::Arc};

use api_runtime::{
    Contract, Request, Response, Transport, Unmatched, error::status_response, openapi,
};
use axum::Router;
use platform_base::{StartError, status};
use platform_telemetry::Metrics;
use tonic::{Code, codec::CompressionEncoding::Gzip, server::NamedService};
use tonic_health::pb::health_server::HealthServer;
use tower::Service;

use crate::{
    config::Cors,
    cors,
    health::Health,
    layers::{MethodLayer, Shared},
    ops,
};

/// REST and the operational routes. Their fallback answers unknown paths, on both transports.
///
/// # Errors
/// When two contracts have the same route.
pub fn http(
    about: ops::About,
    contracts: &[Contract],
    shared: &Arc<Shared>,
    health: &Arc<Health>,
    metrics: Metrics,
) -> Result<Router, StartError> {
    let documents: Vec<_> = contracts.iter().map(|contract| contract.openapi).collect();
    let document =
        openapi::merge(about.name, about.version, &documents).map_err(StartError::new)?;
    let router = methods(contracts, Transport::Http, shared)?;
    Ok(router.merge(ops::routes(about, health.clone(), metrics, document)))
}

/// gRPC, with health and reflection.
///
/// # Errors
/// When a contract's description cannot be read.
pub fn grpc(
    contracts: &[Contract],
    shared: &Arc<Shared>,
    health: &Health,
) -> Result<Router, StartError> {
    // The descriptors include imported contracts, which this process does not serve. The names select its own.
    let reflection = || {
        let builder = tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
            .with_service_name("grpc.health.v1.Health")
            .with_service_name("grpc.reflection.v1.ServerReflection")
            .with_service_name("grpc.reflection.v1alpha.ServerReflection");
        contracts.iter().fold(builder, |builder, contract| {
            builder
                .register_encoded_file_descriptor_set(contract.descriptor_set)
                .with_service_name(contract.name)
        })
    };
    let router = methods(contracts, Transport::Grpc, shared)?;
    let router = named(
        router,
        HealthServer::new(health.service()).accept_compressed(Gzip),
    );
    let v1 = reflection().build_v1().map_err(StartError::new)?;
    let v1alpha = reflection().build_v1alpha().map_err(StartError::new)?;
    let router = named(router, v1.accept_compressed(Gzip));
    Ok(named(router, v1alpha.accept_compressed(Gzip)))
}

/// Lets the configured web sites call these routes (CORS).
pub fn with_cors(router: Router, config: &Cors) -> Router {
    cors::layer(router, config)
}

/// The answer to an unknown method on a listener that serves only gRPC.
pub async fn unknown_method(request: Request) -> Response {
    let message = format!("there is no method {}", request.uri().path());
    let mut response = status_response(
        status(Code::Unimplemented, "METHOD_UNKNOWN", message),
        Transport::Grpc,
    );
    response.extensions_mut().insert(Unmatched::Path);
    response
}

fn methods(
    contracts: &[Contract],
    transport: Transport,
    shared: &Arc<Shared>,
) -> Result<Router, StartError> {
    let layer = |method| MethodLayer::new(shared.clone(), method, transport);
    api_runtime::router(contracts, transport, layer)
        .map_err(|conflict| StartError::new(conflict.to_string()))
}

/// Adds a tonic service under its name.
fn named<S>(router: Router, service: S) -> Router
where
    S: NamedService + Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: axum::response::IntoResponse,
    S::Future: Send + 'static,
{
    router.route_service(&format!("/{}/{{method}}", S::NAME), service)
}
