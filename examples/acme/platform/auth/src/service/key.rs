//! The key with which a service proves its identity.

use std::{
    collections::HashMap,
    fs,
    io::ErrorKind,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use base64::{Engine, prelude::BASE64_STANDARD};
use http::HeaderValue;
use jsonwebtoken::{EncodingKey, encode, errors::ErrorKind as TokenError};
use platform_base::draft::draft;
use ring::signature::{Ed25519KeyPair, KeyPair};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};

use super::proof::{Claims, LIFETIME, header};
use crate::{
    config::{self, SigningAlgorithm},
    crypto::{self, PrivateKey, SPKI},
    error::Error,
};

/// The age in seconds at which a proof is renewed. A proof must still be valid when it arrives.
const RENEW: i64 = LIFETIME.as_secs() as i64 - 60;

/// Proves which service calls. Clones share the key and the proofs.
#[derive(Clone)]
pub struct ServiceKey(Arc<Inner>);

struct Inner {
    service: String,
    key: EncodingKey,
    /// The proofs in use, by contract.
    proofs: Mutex<HashMap<String, Proof>>,
}

struct Proof {
    value: HeaderValue,
    /// Seconds since 1970.
    made: i64,
}

impl ServiceKey {
    /// Reads the private key of a service (PKCS#8 in PEM), or makes one that only its owner may read. Then makes sure
    /// that the folder of public keys holds the public half.
    ///
    /// # Errors
    ///
    /// When a file holds no such key or cannot be written.
    pub fn open(service: &str, config: &config::ServiceKeys) -> Result<Self, Error> {
        crypto::install();
        let key =
            private_key(&config.key_file).map_err(|reason| failed(&config.key_file, reason))?;
        let public = config.keys.join(format!("{service}.pub.pem"));
        publish(&public, &key).map_err(|reason| failed(&public, reason))?;
        Ok(Self(Arc::new(Inner {
            service: service.to_owned(),
            key: EncodingKey::from_ed_der(key.secret_pkcs8_der()),
            proofs: Mutex::default(),
        })))
    }

    /// The value of `service-authorization` for a call to a contract such as `users.v1.UsersService`.
    pub fn prove(&self, contract: &str) -> Result<HeaderValue, Error> {
        let now = chrono::Utc::now().timestamp();
        let mut proofs = self.0.proofs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(proof) = proofs.get(contract)
            && (proof.made..proof.made + RENEW).contains(&now)
        {
            return Ok(proof.value.clone());
        }
        let value = self.sign(contract, now)?;
        let proof = Proof {
            value: value.clone(),
            made: now,
        };
        proofs.insert(contract.to_owned(), proof);
        Ok(value)
    }

    fn sign(&self, contract: &str, now: i64) -> Result<HeaderValue, Error> {
        let service = &self.0.service;
        let claims = Claims {
            iss: service.clone(),
            sub: service.clone(),
            aud: contract.to_owned(),
            iat: now,
            exp: now.saturating_add_unsigned(LIFETIME.as_secs()),
        };
        let proof = encode(&header(service), &claims, &self.0.key)?;
        let value = HeaderValue::try_from(format!("Bearer {proof}"));
        let mut value =
            value.map_err(|_| jsonwebtoken::errors::Error::from(TokenError::InvalidToken))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

fn failed(path: &Path, reason: String) -> Error {
    Error::Key {
        path: path.display().to_string(),
        reason,
    }
}

fn private_key(path: &Path) -> Result<PrivatePkcs8KeyDer<'static>, String> {
    match fs::read(path) {
        Ok(pem) => PrivatePkcs8KeyDer::from_pem_slice(&pem).map_err(|error| error.to_string()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let made = PrivateKey::make(SigningAlgorithm::EdDSA)?;
            let saved =
                draft(path, &made, 0o600).and_then(|draft| Ok(draft.persist_noclobber(path)?));
            match saved {
                // Another process of the service may have been faster; then its key is used.
                Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(error.to_string()),
                _ => private_key(path),
            }
        }
        Err(error) => Err(error.to_string()),
    }
}

/// Writes nothing if the file holds this key already, for example in a read-only mount.
fn publish(path: &Path, key: &PrivatePkcs8KeyDer<'_>) -> Result<(), String> {
    let key = Ed25519KeyPair::from_pkcs8_maybe_unchecked(key.secret_pkcs8_der());
    let key = key.map_err(|error| format!("the private key is no Ed25519 key: {error}"))?;
    let public = BASE64_STANDARD.encode([&SPKI[..], key.public_key().as_ref()].concat());
    // RFC 7468; the key fits into one line.
    let public = format!("-----BEGIN PUBLIC KEY-----\n{public}\n-----END PUBLIC KEY-----\n");
    if fs::read_to_string(path).is_ok_and(|published| published.contains(&public)) {
        return Ok(());
    }
    let published = draft(path, &public, 0o644).and_then(|draft| Ok(draft.persist(path)?));
    published.map(drop).map_err(|error| error.to_string())
}
