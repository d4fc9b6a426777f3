//! Who calls: bearer tokens (JWT, EdDSA), verified with the issuer's public key.
//!
//! Which methods need one is written in the contract (`platform.v1.policy`); the layer in `layers::authenticate` asks
//! the [`Verifier`] and puts the [`Caller`] into the request. Who owns a row is for the method to compare, which asks
//! [`owner`]. `core` signs tokens with a [`SigningKey`].

mod ed25519;
mod owner;
mod signing;
mod verifier;

use std::sync::Arc;

use api_runtime::Policy;

pub(crate) use self::owner::{Owner, forgotten};
pub use self::{
    owner::owner,
    signing::SigningKey,
    verifier::{Rejection, Verifier},
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

/// The caller of a request. Fails with UNAUTHENTICATED only where the contract makes the method public and no token came.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<&Caller, tonic::Status> {
    request
        .extensions()
        .get()
        .ok_or_else(|| Rejection::Missing.into())
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("the signing key {path} cannot be used: {reason}")]
    Key { path: String, reason: String },
    #[error("a token cannot be signed: {0}")]
    Sign(#[from] jsonwebtoken::errors::Error),
}

#[cfg(test)]
mod tests;
