use std::{fs, path::PathBuf, sync::Arc, time::Duration};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, header::AUTHORIZATION};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::*;
use crate::config::{self, SigningAlgorithm};

pub(super) const SUBJECT: &str = "ada";

/// An issuer, and the configuration of its verifiers.
pub(super) struct Issuer {
    folder: TempDir,
    pub config: config::Config,
}

impl Issuer {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config = config::Config {
            issuer: "https://issuer.test".to_owned(),
            audience: "platform".to_owned(),
            jwks_url: None,
            keys_file: folder.path().join("jwks.json"),
            roles_claim: "roles".to_owned(),
            leeway: Duration::from_secs(5),
            services: config::ServiceKeys {
                keys: folder.path().join("services"),
                key_file: folder.path().join("shop.key.pem"),
            },
            signing: config::Signing {
                keys: folder.path().join("signing"),
                pem: None,
                algorithm: SigningAlgorithm::EdDSA,
            },
        };
        Self { folder, config }
    }

    pub fn keys(&self) -> SigningKeys {
        SigningKeys::open(&self.config, Duration::from_secs(60)).unwrap()
    }

    /// A token for [`SUBJECT`].
    pub fn token(&self) -> String {
        self.keys().sign(&Caller::new(SUBJECT)).unwrap().0
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("signing/first.pem")
    }

    pub fn verifier(&self) -> Verifier {
        Verifier::new(&self.config, None).unwrap()
    }

    /// A token with a valid signature over this header and these claims.
    fn sign(&self, header: &Header, claims: &Value) -> String {
        let key = PrivatePkcs8KeyDer::from_pem_file(self.key_file()).unwrap();
        let key = EncodingKey::from_ed_der(key.secret_pkcs8_der());
        jsonwebtoken::encode(header, claims, &key).unwrap()
    }
}

fn claims(change: impl Fn(&mut Map<String, Value>)) -> Value {
    let now = chrono::Utc::now().timestamp();
    let mut claims = json!({"iss": "https://issuer.test", "aud": "platform", "sub": SUBJECT, "iat": now, "nbf": now, "exp": now + 60});
    change(claims.as_object_mut().unwrap());
    claims
}

pub(super) fn bearer(token: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())])
}

fn base64(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

#[tokio::test]
async fn a_token_proves_its_caller() {
    let caller = Caller {
        subject: SUBJECT.into(),
        roles: ["admin".to_owned()].into(),
        scopes: ["a".to_owned(), "b".to_owned()].into(),
    };
    for algorithm in [SigningAlgorithm::EdDSA, SigningAlgorithm::ES256] {
        let mut issuer = Issuer::new();
        issuer.config.signing.algorithm = algorithm;
        let (token, lifetime) = issuer.keys().sign(&caller).unwrap();
        assert_eq!(lifetime.as_secs(), 60);
        let proven = issuer.verifier().verify(&bearer(&token)).await;
        assert_eq!(proven.as_ref(), Ok(&caller), "{algorithm:?}");
    }
}

#[tokio::test]
async fn an_rsa_key_of_another_issuer_is_trusted_as_a_jwk_and_in_pem() {
    let token = "eyJhbGciOiJSUzI1NiIsImtpZCI6InJzYSIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJodHRwczovL2lzc3Vlci50ZXN0IiwiYXVkIjoicGxhdGZvcm0iLCJzdWIiOiJhZGEiLCJleHAiOjMyNTAzNjgwMDAwfQ.Fje-ve2yAS71as7o_cXxW0TgeQMirlaApU9y9SPfnjqmt5S9pLRnTuCqlLnIKU4rkS-fm0J-ZqkrqMxBe0jfsQKgrYZ_5DhlMW4fiGwOVIpO4mPaMK3h-MpgIii3cH9xlZhZQ2BFrhuKLdosgFZjD4q1T4P7cvkls4YuHCizUMrvtNam4AOXybOaAJwHHehJaSm-4B_T9988-l5fngw6vK0Bm2S6YFvA0wcfpOTAE_6Z0IzMMtwYUR7xS2YVcUlLUYMAMdL9y8D7UY7Bg6ELFVoo_ngIWBAG_dDqOSOIEMbdk4gawLIekfLG5LLgElUjjgijE5DWFHXxanmfsURQgw";
    let jwk = json!({"kty": "RSA", "kid": "rsa", "e": "AQAB", "n": "3qCDxpU3kLJYzr4SEU-Z9pzHBavmZKWWAnLJqqT1d2PJY2VszkAVg_X6FCuxV0f7GxIt3PnTvw5u2KpRjnSp0BCz4X9uU4Ureix4Wg0Rsg45xmv0VUBCSZojfL_RgRDueVe3pH_rkTx5TcsAfarovDRWu6bm5WVQAkZz711uamS37hxFLpEmvd8nzGhGnRZkwJDpg79uWur7Dg93pblACSdXTNZYmKdgGXlbBchy3UwBZy72qC5yT_6xFnBoaqJUlBt8A-F8N5iGxsldxLb_POUEfdzxkiFwQYN-kBCzuTiJLV622k2bbLA2KxIUaJK69Gz_4wKUEo72AhTSueteYw"});
    let unknown = json!({"kty": "AKP", "alg": "ML-DSA-44", "pub": "AA"});
    let pem = "-----BEGIN PUBLIC KEY-----\n\
        MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA3qCDxpU3kLJYzr4SEU+Z\n\
        9pzHBavmZKWWAnLJqqT1d2PJY2VszkAVg/X6FCuxV0f7GxIt3PnTvw5u2KpRjnSp\n\
        0BCz4X9uU4Ureix4Wg0Rsg45xmv0VUBCSZojfL/RgRDueVe3pH/rkTx5TcsAfaro\n\
        vDRWu6bm5WVQAkZz711uamS37hxFLpEmvd8nzGhGnRZkwJDpg79uWur7Dg93pblA\n\
        CSdXTNZYmKdgGXlbBchy3UwBZy72qC5yT/6xFnBoaqJUlBt8A+F8N5iGxsldxLb/\n\
        POUEfdzxkiFwQYN+kBCzuTiJLV622k2bbLA2KxIUaJK69Gz/4wKUEo72AhTSuete\n\
        YwIDAQAB\n\
        -----END PUBLIC KEY-----\n";
    for keys in [json!({"keys": [unknown, jwk]}).to_string(), pem.to_owned()] {
        let issuer = Issuer::new();
        fs::write(&issuer.config.keys_file, keys).unwrap();
        let verifier = issuer.verifier();
        let caller = verifier.verify(&bearer(token)).await;
        assert_eq!(caller, Ok(Caller::new(SUBJECT)));
        let (rest, _) = token.rsplit_once('.').unwrap();
        let forged = format!("{rest}.{}", BASE64_URL_SAFE_NO_PAD.encode([7; 256]));
        assert_eq!(
            verifier.verify(&bearer(&forged)).await,
            Err(Rejection::Invalid)
        );
    }
}

#[tokio::test]
async fn a_service_may_start_before_the_issuer_has_its_key() {
    let issuer = Issuer::new();
    let verifier = issuer.verifier();
    let early = json!({"alg": "EdDSA", "kid": "x"});
    let early = format!("{}.{}.AA", base64(&early), base64(&claims(|_| ())));
    assert_eq!(
        verifier.verify(&bearer(&early)).await,
        Err(Rejection::NoKey)
    );
    let token = issuer.token();
    tokio::time::sleep(Duration::from_millis(150)).await;
    assert!(verifier.verify(&bearer(&token)).await.is_ok());
}

#[tokio::test]
async fn claims_that_are_not_meant_for_us_are_refused() {
    let issuer = Issuer::new();
    issuer.keys();
    let verifier = issuer.verifier();
    let verdict = async |change: &dyn Fn(&mut Map<String, Value>)| {
        let token = issuer.sign(&Header::new(Algorithm::EdDSA), &claims(change));
        let caller = verifier.verify(&bearer(&token)).await;
        caller.map(|caller| caller.subject)
    };
    let now = chrono::Utc::now().timestamp();

    assert_eq!(verdict(&|_| {}).await, Ok(Arc::from(SUBJECT)));
    // Within the leeway, and beyond it.
    assert_eq!(
        verdict(&|claims| claims["exp"] = json!(now - 2)).await,
        Ok(Arc::from(SUBJECT))
    );
    assert_eq!(
        verdict(&|claims| claims["exp"] = json!(now - 10)).await,
        Err(Rejection::Expired)
    );
    assert_eq!(
        verdict(&|claims| claims["nbf"] = json!(now + 2)).await,
        Ok(Arc::from(SUBJECT))
    );
    let changes: &[(&str, Value)] = &[
        ("nbf", json!(now + 60)),
        ("iss", json!("https://mallory.test")),
        ("aud", json!("another")),
        ("aud", json!(["another", "one more"])),
        ("sub", json!(7)),
        ("exp", json!("tomorrow")),
        ("exp", json!(-1)),
        ("exp", json!(null)),
        ("roles", json!("admin")),
        ("roles", json!({"admin": true})),
        ("scope", json!(["users.read"])),
    ];
    for (name, value) in changes {
        let verdict =
            verdict(&|claims| drop(claims.insert((*name).to_owned(), value.clone()))).await;
        assert_eq!(verdict, Err(Rejection::Invalid), "{name}: {value}");
    }
    for missing in ["exp", "iss", "aud", "sub"] {
        let verdict = verdict(&|claims| drop(claims.remove(missing))).await;
        assert_eq!(verdict, Err(Rejection::Invalid), "without {missing}");
    }
}

#[tokio::test]
async fn the_roles_are_where_the_issuer_puts_them() {
    let mut issuer = Issuer::new();
    issuer.keys();
    let claims = claims(|claims| {
        claims.insert("realm_access".to_owned(), json!({"roles": ["admin"]}));
        claims.insert("https://a.test/roles".to_owned(), json!(["admin"]));
    });
    let token = issuer.sign(&Header::new(Algorithm::EdDSA), &claims);
    for claim in ["/realm_access/roles", "https://a.test/roles"] {
        issuer.config.roles_claim = claim.to_owned();
        let caller = issuer.verifier().verify(&bearer(&token)).await.unwrap();
        assert_eq!(*caller.roles, ["admin"], "{claim}");
    }
}

#[tokio::test]
async fn a_token_that_was_valid_expires_all_the_same() {
    let mut issuer = Issuer::new();
    issuer.keys();
    issuer.config.leeway = Duration::ZERO;
    let verifier = issuer.verifier();
    let exp = chrono::Utc::now().timestamp() + 1;
    let claims = claims(|claims| claims["exp"] = json!(exp));
    let token = bearer(&issuer.sign(&Header::new(Algorithm::EdDSA), &claims));
    assert!(verifier.verify(&token).await.is_ok());
    while chrono::Utc::now().timestamp() <= exp {
        assert!(verifier.verify(&token).await.is_ok() || chrono::Utc::now().timestamp() > exp);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert_eq!(verifier.verify(&token).await, Err(Rejection::Expired));
}

#[tokio::test]
async fn forged_tokens_are_refused() {
    let issuer = Issuer::new();
    let token = issuer.token();
    let verifier = issuer.verifier();
    let (rest, signature) = token.rsplit_once('.').unwrap();
    let (_, payload) = rest.split_once('.').unwrap();
    let kid = jsonwebtoken::decode_header(&token).unwrap().kid;
    let header = |algorithm: &str| base64(&json!({"typ": "JWT", "alg": algorithm, "kid": kid}));

    let stranger = Issuer::new().token();
    let another_subject = base64(&claims(|claims| claims["sub"] = json!("eve")));
    let mut forged = vec![
        stranger,
        format!("{}.{payload}.", header("none")),
        format!("{}.{payload}.{signature}", header("none")),
        format!("{}.{payload}.{signature}", header("NONE")),
        format!("{}.{another_subject}.{signature}", header("EdDSA")),
        format!("{rest}."),
        format!("{rest}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{token}.{signature}"),
        token.replace('.', ""),
        "..".to_owned(),
        String::new(),
    ];
    // The key is not used with another algorithm, nor as a shared secret: it is public.
    forged.extend(
        [
            "HS256", "HS384", "HS512", "RS256", "ES256", "ES384", "PS256",
        ]
        .map(|algorithm| format!("{}.{payload}.{signature}", header(algorithm))),
    );
    for token in forged {
        let verdict = verifier.verify(&bearer(&token)).await;
        assert_eq!(verdict, Err(Rejection::Invalid), "{token}");
    }
    assert!(verifier.verify(&bearer(&token)).await.is_ok());
}

#[tokio::test]
async fn the_public_key_is_no_secret_that_signs() {
    let issuer = Issuer::new();
    let kid = jsonwebtoken::decode_header(issuer.token()).unwrap().kid;
    let public = fs::read_to_string(&issuer.config.keys_file).unwrap();
    let set: Value = serde_json::from_str(&public).unwrap();
    let x = set["keys"][0]["x"].as_str().unwrap();
    let raw = BASE64_URL_SAFE_NO_PAD.decode(x).unwrap();
    let head = json!({"typ": "JWT", "alg": "HS256", "kid": kid});
    let message = format!("{}.{}", base64(&head), base64(&claims(|_| ())));
    let verifier = issuer.verifier();
    for secret in [public.as_bytes(), x.as_bytes(), &raw] {
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret);
        let signature = ring::hmac::sign(&key, message.as_bytes());
        let signature = BASE64_URL_SAFE_NO_PAD.encode(signature.as_ref());
        let verdict = verifier
            .verify(&bearer(&format!("{message}.{signature}")))
            .await;
        assert_eq!(verdict, Err(Rejection::Invalid));
    }
}

#[tokio::test]
async fn a_header_that_brings_a_key_or_rules_of_its_own_is_refused() {
    let issuer = Issuer::new();
    issuer.keys();
    let verifier = issuer.verifier();
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    let verdict = async |name: &str, value: &Value| {
        let key = PrivatePkcs8KeyDer::from_pem_file(issuer.key_file()).unwrap();
        let key = EncodingKey::from_ed_der(key.secret_pkcs8_der());
        let header = json!({"alg": "EdDSA", name: value});
        let message = format!("{}.{}", base64(&header), base64(&claims(|_| ())));
        // The signature is valid; only the header is wrong.
        let signature =
            jsonwebtoken::crypto::sign(message.as_bytes(), &key, Algorithm::EdDSA).unwrap();
        let token = bearer(&format!("{message}.{signature}"));
        verifier.verify(&token).await.map(drop)
    };
    assert_eq!(verdict("typ", &json!("at+jwt")).await, Ok(()));
    let additions: &[(&str, Value)] = &[
        ("jwk", jwk),
        ("jku", json!("http://127.0.0.1:1/jwks.json")),
        ("x5u", json!("http://127.0.0.1:1/chain.pem")),
        ("x5c", json!(["MII="])),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
        ("zip", json!("DEF")),
        ("enc", json!("A128GCM")),
        ("kid", json!(["a", "b"])),
        ("kid", json!({"$ne": null})),
    ];
    for (name, value) in additions {
        assert_eq!(
            verdict(name, value).await,
            Err(Rejection::Invalid),
            "{name}: {value}"
        );
    }
}

#[tokio::test]
async fn a_kid_is_a_name_and_nothing_else() {
    let issuer = Issuer::new();
    issuer.keys();
    let verifier = issuer.verifier();
    for kid in [
        "../../../../etc/passwd",
        "/dev/null",
        "first.pem",
        "' OR '1'='1",
        "x'; DROP TABLE users; --",
        "http://127.0.0.1:1/key",
        "\u{0}",
        "%2e%2e%2f",
        "",
    ] {
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(kid.to_owned());
        let token = issuer.sign(&header, &claims(|_| ()));
        let verdict = verifier.verify(&bearer(&token)).await;
        assert_eq!(verdict, Err(Rejection::Invalid), "{kid}");
    }
    // A token without a `kid` is verified with the key that fits.
    let token = issuer.sign(&Header::new(Algorithm::EdDSA), &claims(|_| ()));
    assert!(verifier.verify(&bearer(&token)).await.is_ok());
}

#[tokio::test]
async fn a_token_is_not_too_long() {
    let issuer = Issuer::new();
    issuer.keys();
    let verifier = issuer.verifier();
    let of = |length: usize| {
        let claims =
            claims(|claims| drop(claims.insert("more".to_owned(), json!("x".repeat(length)))));
        bearer(&issuer.sign(&Header::new(Algorithm::EdDSA), &claims))
    };
    assert!(verifier.verify(&of(4_000)).await.is_ok());
    assert_eq!(verifier.verify(&of(8_000)).await, Err(Rejection::Invalid));
    assert_eq!(
        verifier.verify(&of(1_000_000)).await,
        Err(Rejection::Invalid)
    );
}

#[tokio::test]
async fn only_one_bearer_token_counts() {
    let issuer = Issuer::new();
    let token = issuer.token();
    let verifier = issuer.verifier();
    assert_eq!(
        verifier.verify(&HeaderMap::new()).await,
        Err(Rejection::Missing)
    );
    let with = |value: String| HeaderMap::from_iter([(AUTHORIZATION, value.parse().unwrap())]);
    assert!(
        verifier
            .verify(&with(format!("bearer {token}")))
            .await
            .is_ok()
    );
    let basic = with(format!("Basic {token}"));
    assert_eq!(verifier.verify(&basic).await, Err(Rejection::Invalid));
    let mut twice = bearer(&token);
    twice.append(AUTHORIZATION, "Bearer x".parse().unwrap());
    assert_eq!(verifier.verify(&twice).await, Err(Rejection::Invalid));
}
