//! Section `auth` of the configuration.

use std::{path::PathBuf, time::Duration};

use platform_base::{
    config::{HttpUrl, NONE, Setting, choice},
    section,
};
use secrecy::SecretString;
use serde_json::Value;

section! {
    /// Whose tokens are believed, and the keys that sign.
    pub struct Config {
        /// The `iss` that a token must carry: the URL of its issuer.
        issuer: String = "http://127.0.0.1:8101",
        /// The `aud` that a token must carry.
        audience: String = "platform",
        /// Where the issuer publishes its public keys, such as `https://auth.example.com/.well-known/jwks.json`: EdDSA,
        /// ES256 and RS256 (2048 bits at least).
        jwks_url: Option<HttpUrl> = NONE,
        /// Without a `jwks_url`: the file with the public keys, a JWK Set or PEM. It may come later, and change; `core`
        /// keeps it up to date.
        keys_file: PathBuf = "data/keys/jwks.json",
        /// The claim with the caller's roles, or a JSON pointer to it such as `/realm_access/roles`.
        roles_claim: String = "roles",
        /// How far the clocks of issuer and verifier may differ.
        leeway: Duration = "5s" => within("0s", "5m"),
        signing: Signing,
        services: ServiceKeys,
    }
}

section! {
    /// The private keys that sign tokens; `core` alone has them.
    pub struct Signing {
        /// The folder with the private keys (`*.pem`, PKCS#8).
        keys: PathBuf = "data/keys/signing",
        /// Instead of the folder: private keys in PEM. The first signs, all are published.
        pem: Option<SecretString> = NONE => secret(),
        /// Of keys that are made: `EdDSA` or `ES256`. RSA keys (`RS256`) have to be given.
        algorithm: SigningAlgorithm = "EdDSA",
    }
}

section! {
    /// The keys with which services prove to each other who calls.
    pub struct ServiceKeys {
        /// The folder with the public keys (Ed25519, PEM) of the services that may call internal methods,
        /// `<service>.pub.pem` each. A file may hold an old key and a new one.
        keys: PathBuf = "data/keys/services",
        /// The private key (PKCS#8, PEM) with which the service proves that it calls another. If there is none, the first
        /// start makes it, and its public half in `auth.services.keys`.
        key_file: PathBuf = "data/keys/{service}.key.pem",
    }
}

/// The names of RFC 7518 and RFC 8037.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SigningAlgorithm {
    EdDSA,
    ES256,
    RS256,
}

impl Setting for SigningAlgorithm {
    const KIND: &'static str = "algorithm";

    fn read(value: &Value) -> Result<Self, String> {
        choice(
            value,
            &[
                ("EdDSA", Self::EdDSA),
                ("ES256", Self::ES256),
                ("RS256", Self::RS256),
            ],
        )
    }
}
