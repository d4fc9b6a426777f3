//! REST requests, decoded directly into messages according to `google.api.http`.

mod body;
mod handler;
mod path;
mod route;

pub use body::{Body, Reply};
pub use handler::{Rule, stream, unary};
pub use path::{Segment, Template, Tree, Variable};
pub use route::Route;
