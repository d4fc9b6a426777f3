use super::path::Template;
use crate::{endpoint::Endpoint, method::Method};

/// One HTTP binding of a method.
pub struct Route {
    /// HTTP method, `GET`.
    pub verb: &'static str,
    pub template: &'static Template,
    pub method: &'static Method,
    pub endpoint: Endpoint,
}
