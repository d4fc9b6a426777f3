//! Whether a token is to be believed.

use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

use ed25519_dalek::{VerifyingKey, pkcs8::DecodePublicKey};
use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, errors::ErrorKind};
use moka::sync::Cache;
use serde::Deserialize;
use tonic::{Code, Status};

use super::{Caller, ed25519};
use crate::{config, error::status};

/// Verifies tokens with the public key of their issuer.
pub struct Verifier {
    key_file: PathBuf,
    key: OnceLock<DecodingKey>,
    validation: Validation,
    /// Tokens that were found valid: to check a signature costs more than all other layers of a request together.
    verified: Cache<Vec<u8>, Arc<Verified>>,
}

/// Bytes of tokens to remember; a token has a few hundred, and only the issuer can make one that is remembered.
const REMEMBERED: u64 = 4 * 1024 * 1024;

struct Verified {
    caller: Caller,
    /// Seconds since 1970.
    expires: f64,
}

/// Why a request was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    #[error("this method needs a token: send `authorization: Bearer <token>`")]
    Missing,
    #[error("the token has expired: log in again")]
    Expired,
    /// One answer for every kind of forgery: a finer one would help only the forger.
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

#[derive(Deserialize)]
struct Claims {
    sub: String,
    exp: f64,
    #[serde(default)]
    roles: Vec<String>,
    #[serde(default)]
    scope: String,
}

impl Verifier {
    /// Nothing is read yet: a service may start before the issuer has made its key.
    pub fn new(config: &config::Auth) -> Self {
        ed25519::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.validate_nbf = true;
        validation.leeway = config.leeway.as_secs();
        Self {
            key_file: config.public_key_file.clone(),
            key: OnceLock::new(),
            validation,
            verified: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(|token: &Vec<u8>, _| u32::try_from(token.len()).unwrap_or(u32::MAX))
                .build(),
        }
    }

    /// The caller that the `authorization` header proves.
    pub fn verify(&self, headers: &HeaderMap) -> Result<Caller, Rejection> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(Rejection::Missing)?;
        if values.next().is_some() {
            return Err(Rejection::Invalid);
        }
        let (scheme, token) = value
            .as_bytes()
            .split_at_checked(7)
            .ok_or(Rejection::Invalid)?;
        if !scheme.eq_ignore_ascii_case(b"Bearer ") {
            return Err(Rejection::Invalid);
        }
        let token = token.trim_ascii();
        let verified = match self.verified.get(token) {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.check(token)?);
                self.verified.insert(token.to_owned(), verified.clone());
                verified
            }
        };
        let now = chrono::Utc::now().timestamp() as f64;
        if verified.expires + (self.validation.leeway as f64) < now {
            return Err(Rejection::Expired);
        }
        Ok(verified.caller.clone())
    }

    fn check(&self, token: &[u8]) -> Result<Verified, Rejection> {
        match decode::<Claims>(token, self.key()?, &self.validation) {
            Ok(token) => Ok(Verified {
                caller: Caller {
                    subject: token.claims.sub.into(),
                    roles: token.claims.roles.into(),
                    scopes: token
                        .claims
                        .scope
                        .split(' ')
                        .filter(|scope| !scope.is_empty())
                        .map(str::to_owned)
                        .collect(),
                },
                expires: token.claims.exp,
            }),
            Err(error) if *error.kind() == ErrorKind::ExpiredSignature => Err(Rejection::Expired),
            Err(_) => Err(Rejection::Invalid),
        }
    }

    fn key(&self) -> Result<&DecodingKey, Rejection> {
        if let Some(key) = self.key.get() {
            return Ok(key);
        }
        match self.read_key() {
            Ok(key) => Ok(self.key.get_or_init(|| key)),
            Err(reason) => {
                tracing::warn!(file = %self.key_file.display(), reason, "the key that verifies tokens cannot be read");
                Err(Rejection::NoKey)
            }
        }
    }

    fn read_key(&self) -> Result<DecodingKey, String> {
        let pem = std::fs::read_to_string(&self.key_file).map_err(|error| error.to_string())?;
        let key = VerifyingKey::from_public_key_pem(&pem).map_err(|error| error.to_string())?;
        Ok(DecodingKey::from_ed_der(key.as_bytes()))
    }
}
