//! Verifies tokens.

use std::{
    hash::{BuildHasher, DefaultHasher, Hasher, RandomState},
    sync::Arc,
};

use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Header, Validation, decode, decode_header, errors::ErrorKind};
use moka::sync::Cache;
use platform_base::StartError;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    bearer::bearer,
    caller::Caller,
    config,
    crypto::{self, ALGORITHMS},
    rejection::Rejection,
    signing::SigningKeys,
    trusted::TrustedKeys,
};

/// Verifies tokens with the public keys of their issuer.
pub struct Verifier {
    keys: Arc<TrustedKeys>,
    /// One for each of [`ALGORITHMS`].
    validations: [Validation; 3],
    /// JSON pointer (RFC 6901) to the claim with the roles.
    roles: String,
    /// The cache of valid tokens: a signature check costs more than all other layers of a request together.
    verified: Cache<Vec<u8>, Arc<Verified>, TailHash>,
}

/// The size of the cache in bytes of tokens. A token has a few hundred, and only the issuer can make one that is
/// cached.
const REMEMBERED: u64 = 4 * 1024 * 1024;

struct Verified {
    caller: Caller,
    /// Seconds since 1970.
    expires: f64,
    /// The generation of the keys that verified the token.
    generation: u64,
}

impl Verifier {
    /// Reads no keys yet, because a service may start before its issuer. If this process is the issuer, the verifier
    /// trusts its own keys, else the configured ones.
    pub fn new(config: &config::Config, issuer: Option<SigningKeys>) -> Result<Self, StartError> {
        crypto::install();
        let validations = ALGORITHMS.map(|algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            validation.set_issuer(&[&config.issuer]);
            validation.set_audience(&[&config.audience]);
            validation.validate_nbf = true;
            validation.leeway = config.leeway.as_secs();
            validation
        });
        let roles = match config.roles_claim.starts_with('/') {
            true => config.roles_claim.clone(),
            false => format!(
                "/{}",
                config.roles_claim.replace('~', "~0").replace('/', "~1")
            ),
        };
        Ok(Self {
            keys: TrustedKeys::new(config, issuer)?,
            validations,
            roles,
            verified: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(|token: &Vec<u8>, _| u32::try_from(token.len()).unwrap_or(u32::MAX))
                .build_with_hasher(TailHash::default()),
        })
    }

    /// The trusted keys.
    pub fn keys(&self) -> Arc<TrustedKeys> {
        self.keys.clone()
    }

    /// The caller that the `authorization` header authenticates.
    pub async fn verify(&self, headers: &HeaderMap) -> Result<Caller, Rejection> {
        let token = bearer(
            headers,
            AUTHORIZATION,
            Rejection::Missing,
            Rejection::Invalid,
        )?;
        let generation = self.keys.current().generation;
        let verified = match self.verified.get(token) {
            Some(verified) if verified.generation == generation => verified,
            _ => {
                // Boxed, so that reading keys does not enlarge the future of every request.
                let verified = Arc::new(Box::pin(self.check(token)).await?);
                self.verified.insert(token.to_owned(), verified.clone());
                verified
            }
        };
        let now = chrono::Utc::now().timestamp() as f64;
        if verified.expires + (self.validations[0].leeway as f64) < now {
            return Err(Rejection::Expired);
        }
        Ok(verified.caller.clone())
    }

    async fn check(&self, token: &[u8]) -> Result<Verified, Rejection> {
        let header = decode_header(token).map_err(|_| Rejection::Invalid)?;
        let validation = self.validation(&header).ok_or(Rejection::Invalid)?;
        let kid = header.kid.as_deref();
        let keys = self.keys.with(kid).await;
        if keys.of(kid).next().is_none() && self.keys.may_lack_keys() {
            return Err(Rejection::NoKey);
        }
        let mut rejection = Rejection::Invalid;
        for key in keys.of(kid).filter(|key| key.algorithm == header.alg) {
            match decode::<Value>(token, &key.key, validation) {
                Ok(token) => {
                    return self
                        .read(&token.claims, keys.generation)
                        .ok_or(Rejection::Invalid);
                }
                Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                    rejection = Rejection::Expired;
                }
                Err(_) => {}
            }
        }
        Err(rejection)
    }

    /// None for an unsupported algorithm, and for a header with a key, the address of a key, or an unknown extension
    /// (RFC 7515, section 4.1; RFC 8725, section 3.10).
    fn validation(&self, header: &Header) -> Option<&Validation> {
        let asks_for_more = header.jku.is_some()
            || header.jwk.is_some()
            || header.x5u.is_some()
            || header.x5c.is_some()
            || header.crit.is_some()
            || header.enc.is_some()
            || header.zip.is_some();
        if asks_for_more {
            return None;
        }
        self.validations
            .iter()
            .find(|validation| validation.algorithms.contains(&header.alg))
    }

    /// None if a claim is missing or malformed.
    fn read(&self, claims: &Value, generation: u64) -> Option<Verified> {
        let roles = match claims.pointer(&self.roles) {
            Some(roles) => Vec::deserialize(roles).ok()?,
            None => Vec::new(),
        };
        let scope = match claims.get("scope") {
            Some(scope) => scope.as_str()?,
            None => "",
        };
        Some(Verified {
            caller: Caller {
                subject: claims.get("sub")?.as_str()?.into(),
                roles: roles.into(),
                scopes: scope.split_ascii_whitespace().map(str::to_owned).collect(),
            },
            expires: claims.get("exp")?.as_f64()?,
            generation,
        })
    }
}

/// Hashes the end of a token, which is the end of its signature. This is as good as a hash of the whole, as only tokens
/// with a valid signature are cached, and takes a tenth of the time.
#[derive(Clone, Default)]
struct TailHash(RandomState);

struct TailHasher(DefaultHasher);

impl BuildHasher for TailHash {
    type Hasher = TailHasher;

    fn build_hasher(&self) -> TailHasher {
        TailHasher(self.0.build_hasher())
    }
}

impl Hasher for TailHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0
            .write(bytes.last_chunk::<16>().map_or(bytes, |tail| tail));
    }

    fn finish(&self) -> u64 {
        self.0.finish()
    }
}
