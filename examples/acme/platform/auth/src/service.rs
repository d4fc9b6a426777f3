//! Authentication of the calling service. Beside the user's token, a call of another service carries its own proof: a
//! JWT in `service-authorization`, signed with the caller's own key (Ed25519), as in RFC 7523 section 3.
//!
//! The called service trusts the public keys in a folder, one `<service>.pub.pem` for each service, so a new service
//! adds a file and changes no other. A proof is for one contract (`aud`) and a few minutes: its receiver cannot use it
//! elsewhere.

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

/// The calling service, after its proof was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallingService(pub Arc<str>);

/// The name of the calling service. Fails with UNAUTHENTICATED if the contract does not make the method internal,
/// because then no proof was required.
pub fn service<T>(request: &tonic::Request<T>) -> Result<&str, Status> {
    let service = request.extensions().get::<CallingService>();
    Ok(&service.ok_or(ServiceRejection::Missing)?.0)
}

#[cfg(test)]
mod tests;
