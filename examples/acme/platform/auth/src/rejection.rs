//! Why a request was refused.

use platform_base::status;
use tonic::{Code, Status};

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("this method needs a token: send `authorization: Bearer <token>`")]
    Missing,
    #[error("the token has expired: log in again")]
    Expired,
    /// The same answer for every kind of forgery: details would help only an attacker.
    #[error("the token is not valid here")]
    Invalid,
    #[error("tokens cannot be verified at the moment")]
    NoKey,
    #[error("the caller has none of the roles that this method is for")]
    NoRole,
    #[error("the token was not given for this method: it lacks a scope")]
    NoScope,
}

impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        let (code, reason) = match rejection {
            Rejection::Missing => (Code::Unauthenticated, "TOKEN_MISSING"),
            Rejection::Expired => (Code::Unauthenticated, "TOKEN_EXPIRED"),
            Rejection::Invalid => (Code::Unauthenticated, "TOKEN_INVALID"),
            Rejection::NoKey => (Code::Unavailable, "TOKEN_KEY_UNAVAILABLE"),
            Rejection::NoRole => (Code::PermissionDenied, "ROLE_MISSING"),
            Rejection::NoScope => (Code::PermissionDenied, "SCOPE_MISSING"),
        };
        status(code, reason, rejection.to_string())
    }
}
