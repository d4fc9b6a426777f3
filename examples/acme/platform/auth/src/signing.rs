//! The keys that sign tokens. Only the issuer has them.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, NaiveDateTime, SubsecRound, TimeDelta, Utc};
use jsonwebtoken::{
    Algorithm, EncodingKey, Header,
    crypto::JwtSigner,
    encode,
    jwk::{Jwk, JwkSet, PublicKeyUse, ThumbprintHash},
};
use platform_base::{Part, Stop, async_trait, draft::draft, every};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use secrecy::ExposeSecret;
use serde::Serialize;
use uuid::Uuid;

use crate::{
    caller::Caller,
    config::{self, SigningAlgorithm},
    crypto::{self, PrivateKey},
    error::Error,
};

/// Signs tokens for callers that have been authenticated. Clones share the keys.
///
/// The keys are files in a folder (`auth.signing.keys`), which is read regularly. The name of a file is the time at
/// which its key begins to sign, such as `20260131T120000Z.pem`; a key with any other name has signed from the
/// beginning. A key is published as soon as its file exists, so that verifiers know it before it signs, and until the
/// last token that it signed has expired. There is no other state: replicas may share the folder, and it may be copied
/// or mounted read-only.
#[derive(Clone)]
pub struct SigningKeys(Arc<Inner>);

struct Inner {
    /// None if the keys are in the configuration.
    folder: Option<PathBuf>,
    /// In the order in which they sign.
    keys: RwLock<Arc<Vec<SigningKey>>>,
    /// The file that was made because no key existed.
    made: Option<PathBuf>,
    /// The file where verifiers on this machine find the public keys.
    public_file: Option<PathBuf>,
    algorithm: SigningAlgorithm,
    issuer: String,
    audience: String,
    lifetime: Duration,
}

struct SigningKey {
    /// When the key begins to sign.
    begins: DateTime<Utc>,
    ends: DateTime<Utc>,
    /// None if the key is in the configuration.
    file: Option<PathBuf>,
    key: EncodingKey,
    /// The JWT header of the tokens that the key signs.
    header: Header,
    public: Jwk,
}

/// The format of file names.
const BEGINS: &str = "%Y%m%dT%H%M%SZ";
/// The start of a key whose file name is not a time.
const ALWAYS: DateTime<Utc> = DateTime::<Utc>::MIN_UTC;
const NEVER: DateTime<Utc> = DateTime::<Utc>::MAX_UTC;

/// The accepted difference between clocks, of replicas and of verifiers.
const TOLERANCE: Duration = Duration::from_secs(60);

const A_YEAR: Duration = Duration::from_secs(366 * 24 * 60 * 60);

const REFRESH_EVERY: Duration = Duration::from_secs(5);

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

impl SigningKeys {
    /// The claims of a token.
    pub(crate) const CLAIMS: [&str; 9] = [
        "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "roles", "scope",
    ];

    /// Reads the configured keys. If no key exists, makes one that only its owner may read; the running process warns
    /// of it.
    pub fn open(config: &config::Config, lifetime: Duration) -> Result<Self, Error> {
        crypto::install();
        let algorithm = config.signing.algorithm;
        let folder = match config.signing.pem {
            Some(_) => None,
            None => Some(config.signing.keys.clone()),
        };
        let mut made = None;
        let keys = match &config.signing.pem {
            Some(pem) => configured(pem.expose_secret())
                .map_err(|reason| Error::key(Path::new("auth.signing.pem"), reason))?,
            None => {
                let folder = &config.signing.keys;
                if read(folder)?.is_empty() {
                    made = Some(make(folder, "first", algorithm)?);
                }
                read(folder)?
            }
        };
        let public_file = match config.jwks_url {
            Some(_) => None,
            None => Some(config.keys_file.clone()),
        };
        let keys = Self(Arc::new(Inner {
            folder,
            keys: RwLock::new(Arc::new(keys)),
            made,
            public_file,
            algorithm,
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            lifetime,
        }));
        // A read-only folder does not stop the service; the running process logs it.
        let _ = keys.publish();
        Ok(keys)
    }

    /// A token for the caller, and its lifetime.
    pub fn sign(&self, caller: &Caller) -> Result<(String, Duration), Error> {
        let now = Utc::now();
        let claims = Claims {
            iss: &self.0.issuer,
            sub: &caller.subject,
            aud: &self.0.audience,
            exp: now
                .timestamp()
                .saturating_add_unsigned(self.0.lifetime.as_secs()),
            nbf: now.timestamp(),
            iat: now.timestamp(),
            jti: Uuid::new_v4(),
            roles: &caller.roles,
            scope: caller.scopes.join(" "),
        };
        let keys = self.keys();
        let key = current(&keys, now);
        Ok((encode(&key.header, &claims, &key.key)?, self.0.lifetime))
    }

    /// Adds a key that signs after this time, either a new key or a given file (PEM). Deletes the keys whose last token
    /// has expired. Returns when the added key begins to sign.
    ///
    /// # Errors
    ///
    /// When the keys are in the configuration, the given key cannot be used, or the folder cannot be written to.
    pub fn rotate(&self, after: Duration, given: Option<&Path>) -> Result<DateTime<Utc>, Error> {
        let folder = self.0.folder.as_deref().ok_or_else(|| {
            let reason = "it is changed where it is configured";
            Error::key(Path::new("auth.signing.pem"), reason)
        })?;
        if after > A_YEAR {
            return Err(Error::key(folder, "a new one has to sign within a year"));
        }
        // File names have whole seconds. Rounding up gives verifiers at least the requested time.
        let begins = (Utc::now() + after).trunc_subsecs(0) + TimeDelta::seconds(1);
        let name = begins.format(BEGINS).to_string();
        match given {
            Some(path) => {
                let pem = fs::read_to_string(path).map_err(|error| Error::key(path, error))?;
                SigningKey::from_pem(begins, &pem).map_err(|reason| Error::key(path, reason))?;
                let file = folder.join(name).with_extension("pem");
                save(&file, &pem).map_err(|error| Error::key(&file, error))?;
            }
            None => {
                make(folder, &name, self.0.algorithm)?;
            }
        }
        self.refresh()?;
        for key in self.keys().iter().filter(|key| !self.has_use_for(key)) {
            if let Some(file) = &key.file {
                fs::remove_file(file).map_err(|error| Error::key(file, error))?;
            }
        }
        self.refresh()?;
        Ok(begins)
    }

    /// The public keys, as a JWK Set (RFC 7517).
    pub(crate) fn jwks(&self) -> String {
        let keys = self.keys();
        let published = keys.iter().filter(|key| self.has_use_for(key));
        let keys = published.map(|key| key.public.clone()).collect();
        serde_json::json!(JwkSet { keys }).to_string()
    }

    /// The algorithms of the public keys.
    pub(crate) fn algorithms(&self) -> Vec<Algorithm> {
        let keys = self.keys();
        let published = keys.iter().filter(|key| self.has_use_for(key));
        let mut algorithms: Vec<_> = published.map(|key| key.header.alg).collect();
        algorithms.dedup();
        algorithms
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.0.issuer
    }

    fn refresh(&self) -> Result<(), Error> {
        if let Some(folder) = &self.0.folder {
            let keys = read(folder)?;
            if keys.is_empty() {
                return Err(Error::key(folder, "it holds no key any more"));
            }
            *self.0.keys.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(keys);
        }
        self.publish()
    }

    fn publish(&self) -> Result<(), Error> {
        match &self.0.public_file {
            Some(path) => write_public(path, &self.jwks()).map_err(|error| Error::key(path, error)),
            None => Ok(()),
        }
    }

    fn has_use_for(&self, key: &SigningKey) -> bool {
        key.is_of_use(Utc::now(), self.0.lifetime)
    }

    fn keys(&self) -> Arc<Vec<SigningKey>> {
        let keys = self.0.keys.read();
        keys.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Watches the folder.
#[async_trait]
impl Part for SigningKeys {
    fn name(&self) -> String {
        "the keys that sign tokens".to_owned()
    }

    async fn run(&self, stop: Stop) {
        if let Some(file) = &self.0.made {
            tracing::warn!(file = %file.display(), "made a key that signs tokens; outside of development, give one to all replicas: auth.signing.keys");
        }
        let was_failing = AtomicBool::new(false);
        let refreshing = every(REFRESH_EVERY, async || {
            let keys = self.clone();
            let refreshed = tokio::task::spawn_blocking(move || keys.refresh()).await;
            let failed = match refreshed {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(error) => Some(error.to_string()),
            };
            let is_news = !was_failing.swap(failed.is_some(), Ordering::Relaxed);
            if let Some(cause) = failed.filter(|_| is_news) {
                tracing::warn!(
                    cause,
                    "the signing keys cannot be refreshed; those known stay in use"
                );
            }
        });
        stop.closing.run_until_cancelled(refreshing).await;
    }
}

impl SigningKey {
    /// The first key in a text.
    fn from_pem(begins: DateTime<Utc>, pem: &str) -> Result<Self, String> {
        Self::new(begins, private_keys(pem)?[0].secret_pkcs8_der())
    }

    fn new(begins: DateTime<Utc>, pkcs8: &[u8]) -> Result<Self, String> {
        let pair = PrivateKey::read(pkcs8).ok_or("it is no Ed25519, P-256 or RSA key")?;
        let algorithm = pair.algorithm();
        let text = |error: jsonwebtoken::errors::Error| error.to_string();
        let mut public = Jwk::from_decoding_key(&pair.public(), Some(algorithm)).map_err(text)?;
        let kid = public.thumbprint(ThumbprintHash::SHA256).map_err(text)?;
        public.common.key_id = Some(kid.clone());
        public.common.public_key_use = Some(PublicKeyUse::Signature);
        let mut header = Header::new(algorithm);
        header.kid = Some(kid);
        let key = match algorithm {
            Algorithm::EdDSA => EncodingKey::from_ed_der(pkcs8),
            Algorithm::ES256 => EncodingKey::from_ec_der(pkcs8),
            _ => EncodingKey::from_rsa_der(pkcs8),
        };
        Ok(Self {
            begins,
            ends: NEVER,
            file: None,
            key,
            header,
            public,
        })
    }

    /// Whether the key signs now, will sign, or has signed tokens that have not expired.
    fn is_of_use(&self, now: DateTime<Utc>, lifetime: Duration) -> bool {
        self.ends > now - lifetime - TOLERANCE
    }
}

/// The key that signs at this time.
fn current(keys: &[SigningKey], now: DateTime<Utc>) -> &SigningKey {
    let begun = keys.iter().rfind(|key| key.begins <= now);
    begun.unwrap_or(&keys[0])
}

/// Keys from the configuration; the first one signs.
fn configured(pem: &str) -> Result<Vec<SigningKey>, String> {
    let begins = std::iter::once(ALWAYS).chain(std::iter::repeat(NEVER));
    let keys = begins.zip(private_keys(pem)?);
    keys.map(|(begins, key)| SigningKey::new(begins, key.secret_pkcs8_der()))
        .collect()
}

fn read(folder: &Path) -> Result<Vec<SigningKey>, Error> {
    let failed = |error: io::Error| Error::key(folder, error);
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries.map_err(failed)?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        let is_hidden = path
            .file_name()
            .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !is_hidden && path.extension().is_some_and(|extension| extension == "pem") {
            files.push((begins(&path), path));
        }
    }
    files.sort();
    let mut keys: Vec<SigningKey> = Vec::new();
    for (begins, path) in files {
        let pem = fs::read_to_string(&path).map_err(|error| Error::key(&path, error))?;
        let mut key =
            SigningKey::from_pem(begins, &pem).map_err(|reason| Error::key(&path, reason))?;
        key.file = Some(path);
        if let Some(previous) = keys.last_mut() {
            previous.ends = begins;
        }
        keys.push(key);
    }
    Ok(keys)
}

fn begins(path: &Path) -> DateTime<Utc> {
    let name = path.file_stem().and_then(|name| name.to_str());
    let time = name.and_then(|name| NaiveDateTime::parse_from_str(name, BEGINS).ok());
    time.map_or(ALWAYS, |time| time.and_utc())
}

/// Returns at least one key.
fn private_keys(pem: &str) -> Result<Vec<PrivatePkcs8KeyDer<'static>>, String> {
    let keys: Result<Vec<_>, _> = PrivatePkcs8KeyDer::pem_slice_iter(pem.as_bytes()).collect();
    match keys {
        Ok(keys) if !keys.is_empty() => Ok(keys),
        _ => Err("it holds no private key in PEM (PKCS#8)".to_owned()),
    }
}

/// If two processes make the same key at once, the first file stays.
fn make(folder: &Path, name: &str, algorithm: SigningAlgorithm) -> Result<PathBuf, Error> {
    let path = folder.join(name).with_extension("pem");
    let pem = PrivateKey::make(algorithm).map_err(|reason| Error::key(&path, reason))?;
    match save(&path, &pem) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(path),
        saved => saved
            .map(|()| path.clone())
            .map_err(|error| Error::key(&path, error)),
    }
}

/// Only its owner may read the file.
fn save(path: &Path, pem: &str) -> io::Result<()> {
    draft(path, pem, 0o600)?.persist_noclobber(path)?;
    Ok(())
}

fn write_public(path: &Path, jwks: &str) -> io::Result<()> {
    if fs::read_to_string(path).is_ok_and(|published| published == jwks) {
        return Ok(());
    }
    draft(path, jwks, 0o644)?.persist(path)?;
    Ok(())
}

#[cfg(test)]
mod tests;
