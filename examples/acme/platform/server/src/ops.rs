//! Operational routes: `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`.

use std::sync::Arc;

use axum::{Router, extract::State, routing::get};
use http::{StatusCode, header::CONTENT_TYPE};
use platform_telemetry::Metrics;

use crate::health::Health;

const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The paths of these routes.
pub(crate) const PATHS: [&str; 5] = ["/healthz", "/readyz", "/metrics", "/openapi.json", "/docs"];

/// The service that these routes describe.
#[derive(Clone, Copy)]
pub struct About {
    /// Its name.
    pub name: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// The routes; `/docs` only if it is compiled in.
pub(crate) fn routes(
    about: About,
    health: Arc<Health>,
    metrics: Metrics,
    openapi: String,
) -> Router {
    let openapi = axum::body::Bytes::from(openapi);
    let routes = Router::new()
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
        );
    #[cfg(feature = "api-page")]
    let routes = routes.merge(crate::api_page::routes(about.name));
    #[cfg(not(feature = "api-page"))]
    let _ = about;
    routes
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    health.readyz().await
}
