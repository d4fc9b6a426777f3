//! Verifies the proofs of services.

use std::{path::PathBuf, sync::Arc, time::Duration};

use http::HeaderMap;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode, decode_header, errors::ErrorKind};
use moka::sync::Cache;
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};

use super::{
    proof::{Claims, LIFETIME, SERVICE_AUTHORIZATION, header},
    rejection::ServiceRejection,
};
use crate::{
    bearer::bearer,
    config,
    crypto::{self, SPKI},
};

/// A verified proof is cached for this long. A key that was removed stays accepted no longer than this.
const REMEMBER: Duration = Duration::from_secs(30);

/// The number of proofs in the cache. A service sends the same proof for minutes.
const REMEMBERED: u64 = 1000;

/// Verifies the proofs of services with their public keys.
pub struct ServiceVerifier {
    /// Holds `<service>.pub.pem`.
    keys: PathBuf,
    validation: Validation,
    verified: Cache<Vec<u8>, Arc<Verified>>,
}

struct Verified {
    service: Arc<str>,
    contract: String,
    /// Seconds since 1970.
    expires: i64,
}

impl ServiceVerifier {
    pub fn new(config: &config::Config) -> Self {
        crypto::install();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.leeway = config.leeway.as_secs();
        // The contract, and so the audience, is known only with the call.
        validation.validate_aud = false;
        Self {
            keys: config.services.keys.clone(),
            validation,
            verified: Cache::builder()
                .max_capacity(REMEMBERED)
                .time_to_live(REMEMBER)
                .build(),
        }
    }

    /// The service that the `service-authorization` header proves to be the caller of this contract.
    pub fn verify(
        &self,
        headers: &HeaderMap,
        contract: &str,
    ) -> Result<Arc<str>, ServiceRejection> {
        let proof = bearer(
            headers,
            SERVICE_AUTHORIZATION,
            ServiceRejection::Missing,
            ServiceRejection::Invalid,
        )?;
        let verified = match self.verified.get(proof) {
            Some(verified) => verified,
            None => {
                let verified = Arc::new(self.check(proof)?);
                self.verified.insert(proof.to_owned(), verified.clone());
                verified
            }
        };
        let now = chrono::Utc::now().timestamp();
        if verified
            .expires
            .saturating_add_unsigned(self.validation.leeway)
            < now
        {
            return Err(ServiceRejection::Expired);
        }
        if verified.contract != contract {
            return Err(ServiceRejection::Invalid);
        }
        Ok(verified.service.clone())
    }

    fn check(&self, proof: &[u8]) -> Result<Verified, ServiceRejection> {
        let invalid = |_| ServiceRejection::Invalid;
        let found = decode_header(proof).map_err(invalid)?;
        let service = found.kid.clone().filter(|name| is_name(name));
        let service = service.ok_or(ServiceRejection::Invalid)?;
        // The header must hold nothing else: no key, no address of a key, no extension.
        let text = |header| serde_json::to_value(header).map_err(|_| ServiceRejection::Invalid);
        if text(found)? != text(header(&service))? {
            return Err(ServiceRejection::Invalid);
        }
        let mut claims = Err(ServiceRejection::Invalid);
        for key in self.keys_of(&service) {
            claims = match decode::<Claims>(proof, &key, &self.validation) {
                Ok(token) => Ok(token.claims),
                Err(error) if *error.kind() == ErrorKind::ExpiredSignature => {
                    Err(ServiceRejection::Expired)
                }
                Err(_) => continue,
            };
            break;
        }
        let claims = claims?;
        let latest = chrono::Utc::now()
            .timestamp()
            .saturating_add_unsigned(LIFETIME.as_secs() + self.validation.leeway);
        if claims.iss != service || claims.sub != service || claims.exp > latest {
            return Err(ServiceRejection::Invalid);
        }
        Ok(Verified {
            service: service.into(),
            contract: claims.aud,
            expires: claims.exp,
        })
    }

    /// The keys in a service's file; more than one while a key is being replaced. The file is read each time because
    /// the caller may have made its key just now.
    fn keys_of(&self, service: &str) -> Vec<DecodingKey> {
        let file = self.keys.join(format!("{service}.pub.pem"));
        let pem = std::fs::read(file).unwrap_or_default();
        let keys = SubjectPublicKeyInfoDer::pem_slice_iter(&pem).filter_map(Result::ok);
        keys.filter_map(|key| Some(DecodingKey::from_ed_der(key.strip_prefix(&SPKI)?)))
            .collect()
    }
}

/// Whether this may be the name of a service, and so part of a file name.
fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}
