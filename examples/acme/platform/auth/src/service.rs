//! Which service calls. Beside the token of the end user, a call of another service carries a proof of its own: a JWT in
//! `service-authorization` that it has signed with its own key (Ed25519), as in RFC 7523 section 3.
//!
//! Whoever is called trusts the public keys in a folder, `<service>.pub.pem` each, so that adding a service adds a file and
//! changes none. A proof is for one contract (`aud`) and a few minutes: who receives it cannot use it elsewhere.

mod key;
mod proof;
mod rejection;
mod verifier;

use std::sync::Arc;

use tonic::Status;

pub use self::{
    key::ServiceKey, proof::SERVICE_AUTHORIZATION, rejection::ServiceRejection,
    verifier::ServiceVerifier,
};

/// A service that has proven to be the one that calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallingService(pub Arc<str>);

/// The name of the service that calls. Fails with UNAUTHENTICATED where the contract does not make the method internal:
/// nobody has asked for a proof there.
pub fn service<T>(request: &tonic::Request<T>) -> Result<&str, Status> {
    let service = request.extensions().get::<CallingService>();
    Ok(&service.ok_or(ServiceRejection::Missing)?.0)
}

#[cfg(test)]
mod tests;
