//! Who calls: bearer tokens (JWT), verified with the public keys of their issuer, which is `core` or any OpenID provider.
//!
//! - [`Verifier`] reads the token of a request and tells the [`Caller`]; begin there. `platform-server` asks it and puts
//!   the caller into the request, where [`caller()`] finds it. [`owner`] tells whose a row must be.
//! - [`SigningKeys`] are the keys with which `core` signs tokens; [`discovery`] publishes their public halves.
//! - A service proves to another that it calls: a [`ServiceKey`] makes the proof, a [`ServiceVerifier`] checks it, and
//!   [`service()`] tells whose it was.
//!
//! The crate promises that what a token proves is remembered for as long as the keys of the issuer stay the same. They are
//! read again every few minutes (a file: every few seconds), and when a token names a key that is not known, but not more
//! often than every ten seconds, whatever is sent. While they cannot be read, those known stay in use.

mod caller;
mod config;
mod crypto;
mod discovery;
mod error;
mod keys;
mod owner;
mod rejection;
mod service;
mod signing;
mod source;
mod trusted;
mod verifier;

pub use self::{
    caller::{Caller, caller},
    config::{Config, ServiceKeys, Signing, SigningAlgorithm},
    discovery::routes as discovery,
    error::Error,
    owner::{Owner, forgotten, owner},
    rejection::Rejection,
    service::{
        CallingService, SERVICE_AUTHORIZATION, ServiceKey, ServiceRejection, ServiceVerifier,
        service,
    },
    signing::SigningKeys,
    trusted::TrustedKeys,
    verifier::Verifier,
};

#[cfg(test)]
mod tests;
