//! The routes of a process: its contracts over both transports, with the layers around each method, and what the platform
//! adds to them.

use std::{convert::Infallible, sync::Arc};

use api_runtime::{Contract, Request, Response, Transport, error::status_response, openapi};
use axum::Router;
use metrics_exporter_prometheus::PrometheusHandle;
use tonic::{Code, server::NamedService};
use tonic_health::{pb::health_server::HealthServer, server::HealthService};
use tower::Service;

use crate::{
    Error,
    error::status,
    health::Health,
    layers::{MethodLayer, Shared},
    ops,
};

/// REST, and what is asked about the service. Its own fallback answers what is unknown, over either transport.
pub(crate) fn http(
    about: ops::About,
    contracts: &[Contract],
    shared: &Arc<Shared>,
    health: &Arc<Health>,
    metrics: &'static PrometheusHandle,
) -> Result<Router, Error> {
    let documents: Vec<_> = contracts.iter().map(|contract| contract.openapi).collect();
    let document =
        openapi::merge(about.name, about.version, &documents).map_err(Error::internal)?;
    let router = methods(contracts, Transport::Http, shared)?;
    Ok(router.merge(ops::routes(about, health.clone(), metrics, document)))
}

/// gRPC, with health and reflection.
pub(crate) fn grpc(
    contracts: &[Contract],
    shared: &Arc<Shared>,
    health: &Health,
) -> Result<Router, Error> {
    // What a contract imports is described too, but is not a service of this process: the names tell which are.
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
        HealthServer::new(HealthService::from_health_reporter(health.reporter())),
    );
    let router = named(router, reflection().build_v1().map_err(Error::internal)?);
    Ok(named(
        router,
        reflection().build_v1alpha().map_err(Error::internal)?,
    ))
}

/// What a listener of gRPC alone answers to a method that is not there.
pub(crate) async fn unknown_method(request: Request) -> Response {
    let message = format!("there is no method {}", request.uri().path());
    status_response(
        status(Code::Unimplemented, "METHOD_UNKNOWN", message),
        Transport::Grpc,
    )
}

fn methods(
    contracts: &[Contract],
    transport: Transport,
    shared: &Arc<Shared>,
) -> Result<Router, Error> {
    let layer = |method| MethodLayer::new(shared.clone(), method, transport);
    api_runtime::router(contracts, transport, layer)
        .map_err(|conflict| Error::internal(conflict.to_string()))
}

/// A service of tonic, under its name.
fn named<S>(router: Router, service: S) -> Router
where
    S: NamedService + Service<Request, Error = Infallible> + Clone + Send + Sync + 'static,
    S::Response: axum::response::IntoResponse,
    S::Future: Send + 'static,
{
    router.route_service(&format!("/{}/{{method}}", S::NAME), service)
}
