//! The runtime of the code that api-build generates: REST routes, validation, errors, the routes to methods.
//!
//! It promises that a request reaches the service decoded and checked, on either transport, and that an error has the
//! same reason on both. A request that cannot be decoded is refused with the names of the fields.
//!
//! A service uses [`Contract`], [`UpdateMask`], [`wkt`] and [`Error`]; a server puts its contracts into [`Routes`].
//! The rest is called by generated code, which a contract crate includes with [`contract!`].
//!
//! Begin with [`Contract`], then [`rest::unary`], the path of one REST request, and [`check()`], which every request
//! passes. A module uses only those above it in this list: `header`, `method`, `endpoint`, `params`, `mask`, `viewer`;
//! `violations`, `rules`; `message`; `adapter`, `check`, `codec`, `rest`; `contract`; `routing`.

pub mod adapter;
mod check;
pub mod codec;
mod contract;
mod endpoint;
pub mod error;
mod header;
mod ids;
mod mask;
pub mod message;
mod method;
pub mod openapi;
pub mod params;
pub mod rest;
mod routing;
pub mod rules;
mod viewer;
pub mod violations;

pub use api_json::{json, wkt};
#[doc(hidden)]
pub use api_json::{json_enum, json_message, serde};
pub use check::{check, check_immutable, check_update};
pub use contract::{Contract, Description, LARGEST_MESSAGE, LargestMessage};
pub use endpoint::{Endpoint, Request, Response, Transport};
pub use error::Error;
pub use header::header;
pub use ids::parse_uuid;
pub use mask::{UpdateMask, sets};
pub use method::{Access, Method, Policy, RateLimit};
pub use routing::{Conflict, Routes, Unmatched, unknown_path};
pub use viewer::Viewer;

/// Includes the generated code of one version of a contract, as a module of that name: `contract!("v1");`.
#[macro_export]
macro_rules! contract {
    ($version:literal) => {
        include!(concat!(env!("OUT_DIR"), "/", $version, ".rs"));
    };
}
