//! Authentication of callers: bearer tokens (JWT), verified with the public keys of their issuer. The issuer is `core`
//! or any OpenID provider.
//!
//! - [`Verifier`] verifies the token of a request and returns the [`Caller`]; begin there. `platform-server` calls it
//!   and puts the caller into the request, where [`caller()`] finds it. [`owner`] returns the subject that must own a
//!   row.
//! - [`SigningKeys`] are the keys with which `core` signs tokens; [`discovery`] publishes their public halves.
//! - Services authenticate to each other: a [`ServiceKey`] makes the proof, a [`ServiceVerifier`] checks it, and
//!   [`service()`] returns the name of the calling service.
//!
//! The crate promises to cache a verified token for as long as the issuer's keys stay the same. It reads the keys again
//! every few minutes (a file: every few seconds), and when a token names an unknown key, but at most once in ten
//! seconds, whatever clients send. While the keys cannot be read, the known ones stay in use.

mod bearer;
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
