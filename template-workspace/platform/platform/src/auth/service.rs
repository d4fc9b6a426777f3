//! Which service calls. Beside the token of the end user, a call of another service carries a proof of its own: a JWT in
//! `service-authorization` that it has signed with its own key (Ed25519), as in RFC 7523 section 3.
//!
//! Whoever is called trusts the public keys in a folder, `<service>.pub.pem` each, so that adding a service adds a file and
//! changes none. A proof is for one contract (`aud`) and a few minutes: who receives it cannot use it elsewhere.

mod key;
mod verifier;

use std::{sync::Arc, time::Duration};

use http::HeaderName;
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};
use tonic::{Code, Status};

pub use self::{key::ServiceKey, verifier::ServiceVerifier};
use crate::error::status;

/// Where a proof stands, after `Bearer `.
pub const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("service-authorization");

/// For how long a proof is accepted at most.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

#[derive(Serialize, Deserialize)]
struct Claims {
    /// The service, as issuer and as subject.
    iss: String,
    sub: String,
    /// The contract that is called, such as `users.v1.UsersService`.
    aud: String,
    iat: i64,
    exp: i64,
}

/// The whole header of a proof. Its key is known by the name of the service.
fn header(service: &str) -> Header {
    Header {
        kid: Some(service.to_owned()),
        ..Header::new(Algorithm::EdDSA)
    }
}

/// A service that has proven to be the one that calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct CallingService(pub Arc<str>);

/// The name of the service that calls. Fails with UNAUTHENTICATED where the contract does not make the method internal:
/// nobody has asked for a proof there.
pub fn service<T>(request: &tonic::Request<T>) -> Result<&str, Status> {
    let service = request.extensions().get::<CallingService>();
    Ok(&service.ok_or(ServiceRejection::Missing)?.0)
}

/// Why the proof of a service was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceRejection {
    #[error("this method is for other services: send `service-authorization: Bearer <proof>`")]
    Missing,
    #[error("this method is for other services, not for users")]
    User,
    #[error("the proof of the calling service has expired")]
    Expired,
    /// One answer for every kind of forgery, as for tokens.
    #[error("the proof of the calling service is not valid here")]
    Invalid,
}

impl From<ServiceRejection> for Status {
    fn from(rejection: ServiceRejection) -> Self {
        let (code, reason) = match rejection {
            ServiceRejection::Missing => (Code::Unauthenticated, "SERVICE_PROOF_MISSING"),
            ServiceRejection::User => (Code::PermissionDenied, "SERVICE_PROOF_MISSING"),
            ServiceRejection::Expired => (Code::Unauthenticated, "SERVICE_PROOF_EXPIRED"),
            ServiceRejection::Invalid => (Code::Unauthenticated, "SERVICE_PROOF_INVALID"),
        };
        status(code, reason, rejection.to_string())
    }
}

#[cfg(test)]
mod tests;
