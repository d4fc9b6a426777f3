//! Keys for tests.

use std::time::Duration;

use platform::auth::{Config, ServiceKeys, Signing, SigningAlgorithm, SigningKeys};
use tempfile::TempDir;

/// Fresh keys, for tests without a server of code that signs tokens, and the folder that holds the keys.
pub fn signing_keys() -> (SigningKeys, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = Config {
        issuer: "test".to_owned(),
        audience: "test".to_owned(),
        jwks_url: None,
        keys_file: folder.path().join("jwks.json"),
        roles_claim: "roles".to_owned(),
        leeway: Duration::ZERO,
        signing: Signing {
            keys: folder.path().join("signing"),
            pem: None,
            algorithm: SigningAlgorithm::EdDSA,
        },
        services: ServiceKeys {
            keys: folder.path().join("services"),
            key_file: folder.path().join("service.key.pem"),
        },
    };
    let keys = SigningKeys::open(&config, Duration::from_secs(300)).expect("a key can be made");
    (keys, folder)
}
