//! What people and machines ask about a service: `/healthz`, `/readyz`, `/metrics`, `/openapi.json`, `/docs`.

use std::sync::Arc;

use axum::{Router, extract::State, middleware::map_response, response::Response, routing::get};
use http::{
    StatusCode,
    header::{self, CONTENT_TYPE},
};
use metrics_exporter_prometheus::PrometheusHandle;
use swagger_ui_dist::{ApiDefinition, OpenApiSource};

use crate::health::Health;

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const JSON: &str = "application/json";
const PROMETHEUS: &str = "text/plain; version=0.0.4; charset=utf-8";

/// What the API page may do: run its own scripts, and call the API. It styles its elements from within its scripts.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Shows the page. A script within the page would have to be allowed by its hash.
const START: &str = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui' });\n";

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
        .merge(docs(about))
}

/// The API page. It and all it needs are in the program, so it works without the internet.
fn docs(about: About) -> Router {
    let files = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs/files",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some(about.name),
    });
    let page = format!(
        r#"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{}</title>
<link rel="stylesheet" href="/docs/files/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="/docs/files/swagger-ui-bundle.js"></script>
<script src="/docs/start.js"></script>
</body>
</html>
"#,
        about.name
    );
    let page = get(async move || ([(CONTENT_TYPE, HTML)], page));
    files
        .route("/docs", page.clone())
        .route("/docs/", page)
        .route("/docs/start.js", get(([(CONTENT_TYPE, JAVASCRIPT)], START)))
        .layer(map_response(async |response: Response| {
            let headers = [
                (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
                (header::REFERRER_POLICY, "no-referrer"),
            ];
            (headers, response)
        }))
}

async fn readyz(State(health): State<Arc<Health>>) -> (StatusCode, String) {
    health.readyz().await
}
