//! Public keys: as a JWK Set (RFC 7517) or in PEM.

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyOperations, PublicKeyUse},
};
use pkcs8::{ObjectIdentifier, spki::SubjectPublicKeyInfoRef};
use rustls::pki_types::{SubjectPublicKeyInfoDer, pem::PemObject};
use serde::Deserialize;
use serde_json::Value;

use crate::crypto::ID_ED25519;

/// RFC 5480, section 2.1.1.
const ID_EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
/// RFC 8017, appendix C.
const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");

/// No issuer has more keys than this. The limit matters because a token without a `kid` is tried with every key of its
/// algorithm.
const MOST_KEYS: usize = 32;

/// A key that verifies tokens.
pub(super) struct PublicKey {
    /// A key without a `kid` is tried with every token.
    pub kid: Option<String>,
    /// The only algorithm that the key is used with, whatever the token says (RFC 8725, section 3.1).
    pub algorithm: Algorithm,
    pub key: DecodingKey,
}

impl PublicKey {
    /// Whether a token with this `kid` may be signed with the key.
    pub fn is(&self, kid: Option<&str>) -> bool {
        match (self.kid.as_deref(), kid) {
            (Some(own), Some(kid)) => own == kid,
            _ => true,
        }
    }

    /// None for a key that is not for signatures, and for an unknown kind of key.
    fn from_jwk(jwk: &Jwk) -> Option<Self> {
        let algorithm = match &jwk.algorithm {
            AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
                Algorithm::EdDSA
            }
            AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
                Algorithm::ES256
            }
            AlgorithmParameters::RSA(_) => Algorithm::RS256,
            _ => return None,
        };
        let common = &jwk.common;
        let is_for_this = common
            .key_algorithm
            .is_none_or(|named| named == algorithm.into())
            && common
                .public_key_use
                .as_ref()
                .is_none_or(|named| *named == PublicKeyUse::Signature)
            && common
                .key_operations
                .as_ref()
                .is_none_or(|named| named.contains(&KeyOperations::Verify));
        if !is_for_this {
            return None;
        }
        Some(Self {
            kid: common.key_id.clone(),
            algorithm,
            key: DecodingKey::from_jwk(jwk).ok()?,
        })
    }

    fn from_spki(der: &[u8]) -> Option<Self> {
        let info = SubjectPublicKeyInfoRef::try_from(der).ok()?;
        let bits = info.subject_public_key.as_bytes()?;
        let (algorithm, key) = match info.algorithm.oid {
            ID_ED25519 => (Algorithm::EdDSA, DecodingKey::from_ed_der(bits)),
            ID_EC_PUBLIC_KEY if info.algorithm.parameters_oid() == Ok(P256) => {
                (Algorithm::ES256, DecodingKey::from_ec_der(bits))
            }
            RSA_ENCRYPTION => (Algorithm::RS256, DecodingKey::from_rsa_der(bits)),
            _ => return None,
        };
        Some(Self {
            kid: None,
            algorithm,
            key,
        })
    }
}

/// Reads the keys from a JWK Set or PEM. Skips unknown keys (RFC 7517, section 5), but fails if no key is left.
pub(super) fn read(text: &str) -> Result<Vec<PublicKey>, String> {
    #[derive(Deserialize)]
    struct JwkSet {
        keys: Vec<Value>,
    }
    let mut keys: Vec<_> = if text.trim_start().starts_with('{') {
        let set: JwkSet =
            serde_json::from_str(text).map_err(|error| format!("it is no JWK Set: {error}"))?;
        set.keys
            .into_iter()
            .filter_map(|key| PublicKey::from_jwk(&Jwk::deserialize(key).ok()?))
            .collect()
    } else {
        SubjectPublicKeyInfoDer::pem_slice_iter(text.as_bytes())
            .filter_map(|key| PublicKey::from_spki(&key.ok()?))
            .collect()
    };
    if keys.is_empty() {
        return Err("it holds no key for EdDSA, ES256 or RS256".to_owned());
    }
    keys.truncate(MOST_KEYS);
    Ok(keys)
}
