//! Which web sites may call the API from a browser (Fetch standard, section 3.3): none, unless the configuration names them.

use std::time::Duration;

use axum::Router;
use http::{
    HeaderName, Method,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE},
};
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
/// What a site may send, beside what every site may.
const SENT: [HeaderName; 4] = [AUTHORIZATION, CONTENT_TYPE, REQUEST_ID, TRACEPARENT];
/// What a site may see of an answer, beside what every site may.
const SEEN: [HeaderName; 5] = [
    REQUEST_ID,
    RETRY_AFTER,
    WWW_AUTHENTICATE,
    RATELIMIT,
    RATELIMIT_POLICY,
];
/// For how long a browser need not ask again.
const MAX_AGE: Duration = Duration::from_secs(600);

/// Answers the questions that browsers ask first, and tells the answers of all routes to the sites. Credentials that
/// browsers send by themselves, such as cookies, are not for this API.
pub fn layer(router: Router, config: &Cors) -> Router {
    if config.origins.is_empty() {
        return router;
    }
    let named = config.origins.iter().map(|origin| match origin {
        Origin::Any => None,
        Origin::Site(site) => Some(site.clone()),
    });
    let origins = match named.collect::<Option<Vec<_>>>() {
        Some(sites) => AllowOrigin::list(sites),
        None => AllowOrigin::any(),
    };
    router.layer(
        CorsLayer::new()
            .allow_origin(origins)
            .allow_methods(METHODS)
            .allow_headers(SENT)
            .expose_headers(SEEN)
            .max_age(MAX_AGE),
    )
}
