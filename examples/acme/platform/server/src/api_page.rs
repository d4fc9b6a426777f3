//! The API page at `/docs`. The program contains everything that the page needs, so it works without the internet.

use axum::{Router, middleware::map_response, response::Response, routing::get};
use http::header::{self, CONTENT_TYPE};
use swagger_ui_dist::{ApiDefinition, OpenApiSource};

const HTML: &str = "text/html; charset=utf-8";
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
/// The page may run its own scripts and call the API. `unsafe-inline` is for styles that its scripts set.
const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Starts the page. An inline script would need its hash in the policy above.
const START: &str = "SwaggerUIBundle({ url: '/openapi.json', dom_id: '#swagger-ui' });\n";

pub(crate) fn routes(name: &'static str) -> Router {
    let files = swagger_ui_dist::generate_routes(ApiDefinition {
        uri_prefix: "/docs/files",
        api_definition: OpenApiSource::Uri("/openapi.json"),
        title: Some(name),
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
        name
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
