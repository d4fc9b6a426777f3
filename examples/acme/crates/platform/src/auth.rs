//! Who calls: bearer tokens (JWT, EdDSA), verified with the issuer's public key.
//!
//! Which methods need one is written in the contract (`platform.v1.policy`); the layer in `layers::authenticate` asks
//! the [`Verifier`] and puts the [`Caller`] into the request. `core` signs tokens with a [`SigningKey`].

mod ed25519;
mod signing;
mod verifier;

pub use self::{
    signing::SigningKey,
    verifier::{Rejection, Verifier},
};

/// Who a request speaks for, as its token says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The id of the user.
    pub subject: String,
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
