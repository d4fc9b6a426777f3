//! Signatures for `jsonwebtoken`, made and verified with `ring`: only EdDSA (Ed25519), ES256 (P-256) and RS256 (RSA).
//! An algorithm that is not in the program cannot be misused to forge a token.

use std::sync::Once;

use jsonwebtoken::{
    Algorithm, DecodingKey, DecodingKeyKind,
    crypto::{CryptoProvider, JwtSigner, JwtVerifier, KeyUtils},
    errors::{ErrorKind, Result},
    jwk::ThumbprintHash,
    signature::{Error as SignatureError, Signer, Verifier},
};
use pkcs8::{AlgorithmIdentifierRef, LineEnding, ObjectIdentifier, PrivateKeyInfo, SecretDocument};
use ring::{
    rand::{SecureRandom, SystemRandom},
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaKeyPair,
        Ed25519KeyPair, KeyPair, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, RsaKeyPair,
        UnparsedPublicKey,
    },
};

use crate::config::SigningAlgorithm;

/// The algorithms that tokens may use.
pub(crate) const ALGORITHMS: [Algorithm; 3] =
    [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256];

const MAKE_RSA: &str = "an RSA key is not made here, but by `openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048`";

/// RFC 8410, section 3.
pub(crate) const ID_ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

/// The DER prefix of the 32 bytes of a public Ed25519 key (RFC 8410 section 4).
pub(crate) const SPKI: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Installs this module as the cryptography provider of `jsonwebtoken` in this process.
pub(crate) fn install() {
    static INSTALLED: Once = Once::new();
    static PROVIDER: CryptoProvider = CryptoProvider {
        signer_factory: |algorithm, key| {
            Ok(Box::new(PrivateKey::of_algorithm(
                *algorithm,
                key.as_bytes(),
            )?))
        },
        verifier_factory: |algorithm, key| {
            Ok(Box::new(PublicKey {
                algorithm: *algorithm,
                key: key.clone(),
            }))
        },
        key_utils: KeyUtils {
            compute_digest: digest,
            ..KeyUtils::new_unimplemented()
        },
    };
    INSTALLED.call_once(|| {
        if PROVIDER.install_default().is_err() {
            tracing::warn!(
                "another cryptography of jsonwebtoken is installed; tokens are verified with it"
            );
        }
    });
}

/// A key pair. Each kind is bound to its algorithm.
pub(crate) enum PrivateKey {
    EdDSA(Ed25519KeyPair),
    ES256(EcdsaKeyPair),
    RS256(RsaKeyPair),
}

impl PrivateKey {
    /// A new key, in PEM (PKCS#8). `ring` cannot generate RSA keys.
    pub fn make(algorithm: SigningAlgorithm) -> std::result::Result<String, String> {
        let failed = |error: ring::error::Unspecified| error.to_string();
        let random = SystemRandom::new();
        let document = match algorithm {
            // ring would add the public key (RFC 5958). OpenSSL cannot read that.
            SigningAlgorithm::EdDSA => {
                let mut key = [0; 34];
                random.fill(&mut key[2..]).map_err(failed)?;
                // An OCTET STRING of 32 bytes.
                key[..2].copy_from_slice(&[4, 32]);
                let algorithm = AlgorithmIdentifierRef {
                    oid: ID_ED25519,
                    parameters: None,
                };
                let info = PrivateKeyInfo::new(algorithm, &key);
                SecretDocument::try_from(info).map_err(|error| error.to_string())?
            }
            SigningAlgorithm::ES256 => {
                let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random);
                SecretDocument::try_from(key.map_err(failed)?.as_ref())
                    .map_err(|error| error.to_string())?
            }
            SigningAlgorithm::RS256 => return Err(MAKE_RSA.to_owned()),
        };
        document
            .to_pem("PRIVATE KEY", LineEnding::LF)
            .map(|pem| pem.to_string())
            .map_err(|error| error.to_string())
    }

    /// The key in this PKCS#8 document, of any kind.
    pub fn read(pkcs8: &[u8]) -> Option<Self> {
        ALGORITHMS
            .into_iter()
            .find_map(|algorithm| Self::of_algorithm(algorithm, pkcs8).ok())
    }

    fn of_algorithm(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self> {
        match algorithm {
            // The document has no public key to compare with.
            Algorithm::EdDSA => Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8)
                .map(Self::EdDSA)
                .map_err(|_| ErrorKind::InvalidEddsaKey.into()),
            Algorithm::ES256 => {
                let random = SystemRandom::new();
                EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &random)
                    .map(Self::ES256)
                    .map_err(|_| ErrorKind::InvalidEcdsaKey.into())
            }
            Algorithm::RS256 => RsaKeyPair::from_pkcs8(pkcs8)
                .map(Self::RS256)
                .map_err(|error| ErrorKind::InvalidRsaKey(error.to_string()).into()),
            _ => Err(ErrorKind::InvalidAlgorithm.into()),
        }
    }

    /// The public half, which verifies.
    pub fn public(&self) -> DecodingKey {
        match self {
            Self::EdDSA(key) => DecodingKey::from_ed_der(key.public_key().as_ref()),
            Self::ES256(key) => DecodingKey::from_ec_der(key.public_key().as_ref()),
            Self::RS256(key) => {
                let PublicKeyComponents { n, e } =
                    PublicKeyComponents::<Vec<u8>>::from(key.public());
                DecodingKey::from_rsa_raw_components(&n, &e)
            }
        }
    }
}

impl Signer<Vec<u8>> for PrivateKey {
    fn try_sign(&self, message: &[u8]) -> std::result::Result<Vec<u8>, SignatureError> {
        let failed = |_: ring::error::Unspecified| SignatureError::new();
        match self {
            Self::EdDSA(key) => Ok(key.sign(message).as_ref().to_vec()),
            Self::ES256(key) => {
                let signature = key.sign(&SystemRandom::new(), message);
                Ok(signature.map_err(failed)?.as_ref().to_vec())
            }
            Self::RS256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(
                    &RSA_PKCS1_SHA256,
                    &SystemRandom::new(),
                    message,
                    &mut signature,
                )
                .map_err(failed)?;
                Ok(signature)
            }
        }
    }
}

impl JwtSigner for PrivateKey {
    fn algorithm(&self) -> Algorithm {
        match self {
            Self::EdDSA(_) => Algorithm::EdDSA,
            Self::ES256(_) => Algorithm::ES256,
            Self::RS256(_) => Algorithm::RS256,
        }
    }
}

struct PublicKey {
    algorithm: Algorithm,
    key: DecodingKey,
}

impl Verifier<Vec<u8>> for PublicKey {
    fn verify(
        &self,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> std::result::Result<(), SignatureError> {
        use DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
        let verified = match (self.algorithm, self.key.kind()) {
            (Algorithm::EdDSA, SecretOrDer(key)) => {
                UnparsedPublicKey::new(&ED25519, key).verify(message, signature)
            }
            (Algorithm::ES256, SecretOrDer(key)) => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, key).verify(message, signature)
            }
            (Algorithm::RS256, SecretOrDer(key)) => {
                UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key).verify(message, signature)
            }
            (Algorithm::RS256, RsaModulusExponent { n, e }) => {
                PublicKeyComponents { n, e }.verify(&RSA_PKCS1_2048_8192_SHA256, message, signature)
            }
            _ => Err(ring::error::Unspecified),
        };
        verified.map_err(|_| SignatureError::new())
    }
}

impl JwtVerifier for PublicKey {
    fn algorithm(&self) -> Algorithm {
        self.algorithm
    }
}

fn digest(data: &[u8], hash: ThumbprintHash) -> Result<Vec<u8>> {
    let algorithm = match hash {
        ThumbprintHash::SHA256 => &ring::digest::SHA256,
        ThumbprintHash::SHA384 => &ring::digest::SHA384,
        ThumbprintHash::SHA512 => &ring::digest::SHA512,
        _ => return Err(ErrorKind::InvalidAlgorithm.into()),
    };
    Ok(ring::digest::digest(algorithm, data).as_ref().to_vec())
}
