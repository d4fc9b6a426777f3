//! What the proof of a service says.

use std::time::Duration;

use http::HeaderName;
use jsonwebtoken::{Algorithm, Header};
use serde::{Deserialize, Serialize};

/// Where a proof stands, after `Bearer `.
pub const SERVICE_AUTHORIZATION: HeaderName = HeaderName::from_static("service-authorization");

/// For how long a proof is accepted at most.
pub(super) const LIFETIME: Duration = Duration::from_secs(5 * 60);

#[derive(Serialize, Deserialize)]
pub(super) struct Claims {
    /// The service, as issuer and as subject.
    pub iss: String,
    pub sub: String,
    /// The contract that is called, such as `users.v1.UsersService`.
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
}

/// The whole header of a proof. Its key is known by the name of the service.
pub(super) fn header(service: &str) -> Header {
    Header {
        kid: Some(service.to_owned()),
        ..Header::new(Algorithm::EdDSA)
    }
}
