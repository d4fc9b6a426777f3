//! The content of a service's proof.

use std::time::Duration;

use http::HeaderName;
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};

/// The header that carries the proof, after `Bearer `.
pub const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("service-authorization");

/// The longest time for which a proof is accepted.
pub(super) const LIFETIME: Duration = Duration::from_secs(5 * 60);

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    /// The service, as both issuer and subject.
    pub iss: String,
    pub sub: String,
    /// The contract that is called, such as `users.v1.UsersService`.
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
}

/// The whole JWT header of a proof. The key has no `kid`: the name of the service identifies it.
pub(super) fn header(service: &str) -> Header {
    Header {
        kid: Some(service.to_owned()),
        ..Header::new(Algorithm::EdDSA)
    }
}
