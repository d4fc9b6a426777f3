//! REST requests decoded straight into messages, as `google.api.http` says.

mod body;
mod handler;
pub mod params;
mod path;

use crate::contract::{Endpoint, Method};

pub use body::{Body, Reply};
pub use handler::{Rule, stream, unary};
pub use params::{Arity, ParamError};
pub use path::{Segment, Template, Tree, Variable};

/// One HTTP binding of a method.
pub struct Route {
    /// HTTP method, `GET`.
    pub verb: &'static str,
    pub template: &'static Template,
    pub method: &'static Method,
    pub endpoint: Endpoint,
}
