use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::config;

const SUBJECT: &str = "ada";

/// An issuer and those who trust it.
struct Issuer {
    folder: TempDir,
    config: config::Auth,
}

impl Issuer {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Auth {
            issuer: "core".to_owned(),
            audience: "platform".to_owned(),
            public_key_file: folder.path().join("keys/token.pub.pem"),
            leeway: Duration::from_secs(5),
            services: config::ServiceKeys {
                keys: folder.path().join("services"),
                key_file: folder.path().join("shop.key.pem"),
            },
        };
        Self { folder, config }
    }

    fn key(&self) -> SigningKey {
        SigningKey::open(&self.config, Duration::from_secs(60)).unwrap()
    }

    /// A token with the right signature over these claims.
    fn sign(&self, claims: &Value) -> String {
        use ed25519_dalek::pkcs8::{DecodePrivateKey, EncodePrivateKey};
        let pem = std::fs::read_to_string(self.folder.path().join("keys/token.key.pem")).unwrap();
        let key = ed25519_dalek::SigningKey::from_pkcs8_pem(&pem)
            .unwrap()
            .to_pkcs8_der()
            .unwrap();
        jsonwebtoken::encode(
            &Header::new(Algorithm::EdDSA),
            claims,
            &EncodingKey::from_ed_der(key.as_bytes()),
        )
        .unwrap()
    }
}

fn claims(change: impl Fn(&mut serde_json::Map<String, Value>)) -> Value {
    let now = chrono::Utc::now().timestamp();
    let mut claims = json!({"iss": "core", "aud": "platform", "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 60});
    change(claims.as_object_mut().unwrap());
    claims
}

fn bearer(token: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())])
}

#[test]
fn a_token_proves_its_subject() {
    let issuer = Issuer::new();
    let (token, lifetime) = issuer.key().sign(&Caller::new(SUBJECT)).unwrap();
    assert_eq!(lifetime.as_secs(), 60);
    let caller = Verifier::new(&issuer.config)
        .verify(&bearer(&token))
        .unwrap();
    assert_eq!(caller, Caller::new(SUBJECT));
}

#[test]
fn a_service_may_start_before_the_issuer_has_its_key() {
    let issuer = Issuer::new();
    let verifier = Verifier::new(&issuer.config);
    assert_eq!(verifier.verify(&bearer("a.b.c")), Err(Rejection::NoKey));
    let (token, _) = issuer.key().sign(&Caller::new(SUBJECT)).unwrap();
    assert!(verifier.verify(&bearer(&token)).is_ok());
}

#[test]
fn the_key_is_made_once_and_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let issuer = Issuer::new();
    let (token, _) = issuer.key().sign(&Caller::new(SUBJECT)).unwrap();
    issuer.key();
    assert!(
        Verifier::new(&issuer.config)
            .verify(&bearer(&token))
            .is_ok()
    );
    let key = std::fs::metadata(issuer.folder.path().join("keys/token.key.pem")).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

#[test]
fn claims_that_are_not_meant_for_us_are_refused() {
    let issuer = Issuer::new();
    issuer.key();
    let verifier = Verifier::new(&issuer.config);
    let verdict = |change: &dyn Fn(&mut serde_json::Map<String, Value>)| {
        verifier
            .verify(&bearer(&issuer.sign(&claims(change))))
            .map(|caller| caller.subject)
    };
    let now = chrono::Utc::now().timestamp();

    assert_eq!(verdict(&|_| {}), Ok(Arc::from(SUBJECT)));
    assert_eq!(
        verdict(&|claims| claims["exp"] = json!(now - 10)),
        Err(Rejection::Expired)
    );
    assert_eq!(
        verdict(&|claims| claims["nbf"] = json!(now + 60)),
        Err(Rejection::Invalid)
    );
    assert_eq!(
        verdict(&|claims| claims["iss"] = json!("mallory")),
        Err(Rejection::Invalid)
    );
    assert_eq!(
        verdict(&|claims| claims["aud"] = json!("another")),
        Err(Rejection::Invalid)
    );
    for missing in ["exp", "iss", "aud", "sub"] {
        let verdict = verdict(&|claims| drop(claims.remove(missing)));
        assert_eq!(verdict, Err(Rejection::Invalid), "without {missing}");
    }
}

#[tokio::test]
async fn a_token_that_was_valid_expires_all_the_same() {
    let issuer = Issuer::new();
    issuer.key();
    let config = config::Auth {
        leeway: Duration::ZERO,
        ..issuer.config.clone()
    };
    let verifier = Verifier::new(&config);
    let exp = chrono::Utc::now().timestamp() + 1;
    let token = issuer.sign(&claims(|claims| claims["exp"] = json!(exp)));
    assert!(verifier.verify(&bearer(&token)).is_ok());
    while chrono::Utc::now().timestamp() <= exp {
        assert!(verifier.verify(&bearer(&token)).is_ok() || chrono::Utc::now().timestamp() > exp);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(verifier.verify(&bearer(&token)), Err(Rejection::Expired));
}

#[test]
fn forged_tokens_are_refused() {
    let issuer = Issuer::new();
    let (token, _) = issuer.key().sign(&Caller::new(SUBJECT)).unwrap();
    let verifier = Verifier::new(&issuer.config);
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let (_, payload) = rest.split_once('.').unwrap();
    let encode = |value: Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let header = |algorithm: &str| encode(json!({"typ": "JWT", "alg": algorithm}));

    let stranger = Issuer::new();
    let other_key = stranger.key().sign(&Caller::new(SUBJECT)).unwrap().0;
    let another_subject = encode(claims(|claims| claims["sub"] = json!("eve")));
    let mut forged = vec![
        other_key,
        format!("{}.{payload}.", header("none")),
        format!("{}.{payload}.{signature}", header("none")),
        format!("{}.{another_subject}.{signature}", header("EdDSA")),
        format!("{rest}."),
        format!("{rest}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
        token.replace('.', ""),
        String::new(),
    ];
    // The public key is no secret: it must not work as one.
    forged.extend(
        ["HS256", "HS384", "HS512", "RS256", "ES256"]
            .map(|algorithm| format!("{}.{payload}.{signature}", header(algorithm))),
    );
    for token in forged {
        assert_eq!(
            verifier.verify(&bearer(&token)),
            Err(Rejection::Invalid),
            "{token}"
        );
    }
}

#[test]
fn only_one_bearer_token_counts() {
    let issuer = Issuer::new();
    let (token, _) = issuer.key().sign(&Caller::new(SUBJECT)).unwrap();
    let verifier = Verifier::new(&issuer.config);
    assert_eq!(verifier.verify(&HeaderMap::new()), Err(Rejection::Missing));
    let with = |value: String| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
    assert!(verifier.verify(&with(format!("bearer {token}"))).is_ok());
    assert_eq!(
        verifier.verify(&with(format!("Basic {token}"))),
        Err(Rejection::Invalid)
    );
    let mut twice = bearer(&token);
    twice.append(AUTHORIZATION, "Bearer x".parse().unwrap());
    assert_eq!(verifier.verify(&twice), Err(Rejection::Invalid));
}
