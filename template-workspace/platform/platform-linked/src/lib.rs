//! The platform, as services depend on it: what they call `platform` is this crate, by the workspace's `Cargo.toml`.
//!
//! In development, the platform and its dependencies are linked once, into the shared library of `platform-dynamic`, and
//! every service, task and test uses that: a service's program is a tenth as large and linked in a tenth of the time. A
//! release build is static, one file without that library. What decides is `debug_assertions`, so a profile that turns
//! them on needs `rpath = true`, as the dev profile has, by which a program finds the library.

#[cfg(all(debug_assertions, not(target_env = "musl")))]
use platform_dynamic as _;

pub use platform::*;
