//! Why the proof of a service was refused.

use platform_base::status;
use tonic::{Code, Status};

/// Why the proof of a service was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ServiceRejection {
    #[error("this method is for other services: send `service-authorization: Bearer <proof>`")]
    Missing,
    #[error("this method is for other services, not for users")]
    User,
    #[error("the proof of the calling service has expired")]
    Expired,
    /// The same answer for every kind of forgery, as for tokens.
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
