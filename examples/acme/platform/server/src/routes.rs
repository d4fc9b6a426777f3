//! The routes of a process: its contracts on both transports, with the layers around each method, and the platform's
//! own routes.

use std::{convert::Infallible, sync::Arc};

use api_runtime::{
    Contract, Endpoint, Request, Response, Routes, Transport, Unmatched, error::status_response,
    openapi,
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
    layers::{Shared, layered},
    ops,
};

/// Adds REST and the operational routes.
///
/// # Errors
/// When two contracts have the same route, or one has an operational route.
pub fn http(
    routes: Routes,
    about: ops::About,
    contracts: &[Contract],
    shared: &Arc<Shared>,
    health: &Arc<Health>,
    metrics: Metrics,
) -> Result<Routes, StartError> {
    let documents: Vec<_> = contracts.iter().map(|contract| contract.openapi).collect();
    let document =
        openapi::merge(about.name, about.version, &documents).map_err(StartError::new)?;
    let layer = |method, inner| layered(shared.clone(), method, Transport::Http, inner);
    let routes = routes.rest(contracts, layer).map_err(StartError::new)?;
    for path in ops::PATHS {
        if let Some(method) = routes.methods(path).first() {
            return Err(StartError::new(format!(
                "{path} belongs to both the platform and {}",
                method.path
            )));
        }
    }
    Ok(routes.others(ops::routes(about, health.clone(), metrics, document)))
}

/// Adds gRPC, with health and reflection.
///
/// # Errors
/// When a contract's description cannot be read.
pub fn grpc(
    routes: Routes,
    contracts: &[Contract],
    shared: &Arc<Shared>,
    health: &Health,
) -> Result<Routes, StartError> {
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
    let layer = |method, inner| layered(shared.clone(), method, Transport::Grpc, inner);
    let routes = routes.grpc(contracts, layer).map_err(StartError::new)?;
    let health = HealthServer::new(health.service()).accept_compressed(Gzip);
    let v1 = reflection().build_v1().map_err(StartError::new)?;
    let v1alpha = reflection().build_v1alpha().map_err(StartError::new)?;
    let others = named(Router::new(), health);
    let others = named(others, v1.accept_compressed(Gzip));
    let others = named(others, v1alpha.accept_compressed(Gzip));
    Ok(routes.others(others))
}

/// Lets the configured web sites call these routes (CORS).
pub fn with_cors(routes: Endpoint, config: &Cors) -> Endpoint {
    cors::layer(routes, config)
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

/// Adds a tonic service under its name.
fn named<S>(router: Router, service: S) -> Router
where
    S: NamedService + Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: axum::response::IntoResponse,
    S::Future: Send + 'static,
{
    router.route_service(&format!("/{}/{{method}}", S::NAME), service)
}
