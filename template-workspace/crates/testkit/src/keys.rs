use std::time::Duration;

use platform::{auth::SigningKey, config::Auth};

/// A key of nobody's, for what signs tokens and is tested without a server.
pub fn signing_key() -> SigningKey {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let config = Auth {
        issuer: "test".to_owned(),
        audience: "test".to_owned(),
        public_key_file: folder.path().join("token.pub.pem"),
        leeway: Duration::ZERO,
    };
    SigningKey::open(&config, Duration::from_secs(300)).expect("a key can be made")
}
