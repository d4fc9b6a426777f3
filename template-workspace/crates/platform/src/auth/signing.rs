//! The key that signs tokens. Only the issuer has it.

use std::{
    fs,
    io::{ErrorKind, Write},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    time::Duration,
};

use ed25519_dalek::pkcs8::{
    DecodePrivateKey, EncodePrivateKey, EncodePublicKey, spki::der::pem::LineEnding,
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde::Serialize;
use uuid::Uuid;

use super::{Caller, Error, ed25519};
use crate::config;

/// Signs tokens for callers whose identity has been established.
pub struct SigningKey {
    key: EncodingKey,
    issuer: String,
    audience: String,
    lifetime: Duration,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: Uuid,
    roles: &'a [String],
    scope: String,
}

impl SigningKey {
    /// Reads `token.key.pem` (PKCS#8) in the folder of the configured public key; the first time, makes it, readable by
    /// its owner only. Its public half is written to `auth.public_key_file`, for those who verify.
    pub fn open(config: &config::Auth, lifetime: Duration) -> Result<Self, Error> {
        ed25519::install();
        let path = config.public_key_file.with_file_name("token.key.pem");
        let failed = |reason: String| Error::Key {
            path: path.display().to_string(),
            reason,
        };
        let key = read_or_make(&path).map_err(failed)?;
        let der = key
            .to_pkcs8_der()
            .map_err(|error| failed(error.to_string()))?;
        let public = key
            .verifying_key()
            .to_public_key_pem(LineEnding::LF)
            .map_err(|error| failed(error.to_string()))?;
        publish(&config.public_key_file, &public).map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            key: EncodingKey::from_ed_der(der.as_bytes()),
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            lifetime,
        })
    }

    /// A token that speaks for the caller, and how long it is valid.
    pub fn sign(&self, caller: &Caller) -> Result<(String, Duration), Error> {
        let now = chrono::Utc::now().timestamp();
        let claims = Claims {
            iss: &self.issuer,
            sub: &caller.subject,
            aud: &self.audience,
            exp: now.saturating_add_unsigned(self.lifetime.as_secs()),
            nbf: now,
            iat: now,
            jti: Uuid::new_v4(),
            roles: &caller.roles,
            scope: caller.scopes.join(" "),
        };
        Ok((
            encode(&Header::new(Algorithm::EdDSA), &claims, &self.key)?,
            self.lifetime,
        ))
    }
}

fn read_or_make(path: &Path) -> Result<ed25519_dalek::SigningKey, String> {
    match fs::read_to_string(path) {
        Ok(pem) => {
            ed25519_dalek::SigningKey::from_pkcs8_pem(&pem).map_err(|error| error.to_string())
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(path),
        Err(error) => Err(error.to_string()),
    }
}

/// Of two processes that make a key at once, the first to link its file wins, and the other takes that key.
fn make(path: &Path) -> Result<ed25519_dalek::SigningKey, String> {
    let text = |error: std::io::Error| error.to_string();
    let key = ed25519_dalek::SigningKey::from_bytes(&rand::random());
    let pem = key
        .to_pkcs8_pem(LineEnding::LF)
        .map_err(|error| error.to_string())?;
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(text)?;
    }
    let draft = path.with_extension(Uuid::new_v4().to_string());
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .map_err(text)?;
    let linked = file
        .write_all(pem.as_bytes())
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::hard_link(&draft, path));
    fs::remove_file(&draft).map_err(text)?;
    match linked {
        Ok(()) => Ok(key),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => read_or_make(path),
        Err(error) => Err(error.to_string()),
    }
}

/// Whoever reads the file sees the whole of it.
fn publish(path: &Path, pem: &str) -> std::io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|published| published == pem) {
        return Ok(());
    }
    let draft = path.with_extension(Uuid::new_v4().to_string());
    fs::write(&draft, pem)?;
    fs::rename(&draft, path)
}
