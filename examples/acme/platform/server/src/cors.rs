//! CORS: which web sites may call the API from a browser (Fetch standard, section 3.3). The default is none.

use std::time::Duration;

use api_runtime::Endpoint;
use http::{
    HeaderName, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
use tower::{Layer, Service};
use tower_http::cors::{AllowOrigin, CorsLayer};

use crate::{
    config::{Cors, Origin},
    layers::{
        ids::{REQUEST_ID, TRACEPARENT},
        rate::{RATELIMIT, RATELIMIT_POLICY},
    },
};

const METHODS: [Method; 6] = [
    Method::GET,
    Method::HEAD,
    Method::POST,
    Method::PUT,
    Method::PATCH,
    Method::DELETE,
];
/// The request headers that a site may send, in addition to those that the standard always allows.
const SENT: [HeaderName; 4] = [AUTHORIZATION, CONTENT_TYPE, REQUEST_ID, TRACEPARENT];
/// The response headers that a site may read, in addition to those that the standard always allows.
const SEEN: [HeaderName; 5] = [
    REQUEST_ID,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    RATELIMIT,
    RATELIMIT_POLICY,
];
/// How long a browser may cache a preflight response.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Answers preflight requests and adds the CORS headers to the answers of all routes. Credentials that browsers send by
/// themselves, such as cookies, are not allowed: this API does not use them.
pub fn layer(routes: Endpoint, config: &Cors) -> Endpoint {
    if config.origins.is_empty() {
        return routes;
    }
    let named = config.origins.iter().map(|origin| match origin {
        Origin::Any => None,
        Origin::Site(site) => Some(site.clone()),
    });
    let origins = match named.collect::<Option<Vec<_>>>() {
        Some(sites) => AllowOrigin::list(sites),
        None => AllowOrigin::any(),
    };
    let cors = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods(METHODS)
        .allow_headers(SENT)
        .expose_headers(SEEN)
        .max_age(MAX_AGE)
        .layer(routes);
    Endpoint::new(move |request| Box::pin(cors.clone().call(request)))
}
