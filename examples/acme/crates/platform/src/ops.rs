//! What people and machines ask about a service: `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`.

use std::sync::Arc;

use axum::{Router, extract::State, routing::get};
use http::{StatusCode, header::CONTENT_TYPE};
use metrics_exporter_prometheus::PrometheusHandle;
use swagger_ui_dist::{ApiDefinition, OpenApiSource};

use crate::health::Health;

const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Who is asked.
#[derive(Clone, Copy)]
pub(crate) struct About {
    pub name: &'static str,
    pub version: &'static str,
}

pub(crate) fn routes(
    about: About,
    health: Arc<Health>,
    metrics: &'static PrometheusHandle,
    openapi: String,
) -> Router {
    let openapi = axum::body::Bytes::from(openapi);
    // The page and all it needs are in the program, so it works without the internet.
    let docs = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some(about.name),
    });
    Router::new()
        .route("/healthz", get(async || "alive\n"))
        .route("/readyz", get(readyz).with_state(health.clone()))
        .route(
            "/metrics",
            get(async move || {
                health.measure();
                ([(CONTENT_TYPE, PROMETHEUS)], metrics.render())
            }),
        )
        .route(
            "/openapi.json",
            get(move || std::future::ready(([(CONTENT_TYPE, JSON)], openapi.clone()))),
        )
        .merge(docs)
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    health.readyz().await
}
