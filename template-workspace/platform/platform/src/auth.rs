//! Who calls: bearer tokens (JWT), verified with the public keys of their issuer, which is `core` or any OpenID provider.
//!
//! Which methods need one is written in the contract (`platform.v1.policy`); the layer in `layers::authenticate` asks
//! the [`Verifier`] and puts the [`Caller`] into the request. Who owns a row is for the method to compare, which asks
//! [`owner`]. `core` signs tokens with its [`SigningKeys`]. An internal method demands a proof of the calling service: a
//! [`ServiceKey`] makes it, a [`ServiceVerifier`] checks it, and [`service`] tells whose it was.
//!
//! What a token proves is remembered for as long as the keys of the issuer stay the same. They are read again every few
//! minutes (a file, every few seconds), and when a token names a key that is not known, but not more often than every ten
//! seconds, whatever is sent. While they cannot be read, those known stay in use.

mod crypto;
pub(crate) mod discovery;
mod file;
mod keys;
mod owner;
mod service;
mod signing;
mod source;
mod trusted;
mod verifier;

use std::{path::Path, sync::Arc};

use api_runtime::Policy;

pub use self::{
    owner::owner,
    service::{SERVICE_AUTHORIZATION, ServiceKey, ServiceRejection, ServiceVerifier, service},
    signing::SigningKeys,
    verifier::{Rejection, Verifier},
};
pub(crate) use self::{
    owner::{Owner, forgotten},
    service::CallingService,
};

/// Who a request speaks for, as its token says. A clone shares the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The id of the user (claim `sub`).
    pub subject: Arc<str>,
    /// What the user is to the team, such as `admin` (claim `roles`).
    pub roles: Arc<[String]>,
    /// What the token was given for, such as `users.read` (claim `scope`, RFC 8693 section 4.2).
    pub scopes: Arc<[String]>,
}

impl Caller {
    /// A caller without roles and scopes.
    pub fn new(subject: impl Into<Arc<str>>) -> Self {
        Self {
            subject: subject.into(),
            roles: Arc::default(),
            scopes: Arc::default(),
        }
    }

    /// Whether the caller is what the policy of a method demands.
    pub(crate) fn satisfies(&self, policy: &Policy) -> Result<(), Rejection> {
        let has = |owned: &[String], name: &str| owned.iter().any(|owned| owned == name);
        let roles = policy.any_role;
        if !roles.is_empty() && !roles.iter().any(|role| has(&self.roles, role)) {
            return Err(Rejection::NoRole);
        }
        match policy
            .all_scopes
            .iter()
            .all(|scope| has(&self.scopes, scope))
        {
            true => Ok(()),
            false => Err(Rejection::NoScope),
        }
    }
}

/// The user that a request speaks for. Fails with UNAUTHENTICATED only where the contract makes the method public, or
/// internal and the calling service works for no user.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<&Caller, tonic::Status> {
    request
        .extensions()
        .get()
        .ok_or_else(|| Rejection::Missing.into())
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the key {path} cannot be used: {reason}")]
    Key { path: String, reason: String },
    #[error("a token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

impl Error {
    fn key(path: &Path, reason: impl ToString) -> Self {
        Self::Key {
            path: path.display().to_string(),
            reason: reason.to_string(),
        }
    }
}

#[cfg(test)]
mod tests;
