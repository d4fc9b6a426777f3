use std::os::unix::fs::PermissionsExt;

use jsonwebtoken::decode_header;
use serde_json::Value;

use super::*;
use crate::tests::{Issuer, bearer};

const LIFETIME: Duration = Duration::from_secs(60);

fn key(begins: DateTime<Utc>) -> SigningKey {
    let pem = PrivateKey::make(SigningAlgorithm::EdDSA).unwrap();
    SigningKey::from_pem(begins, &pem).unwrap()
}

fn kids(jwks: &str) -> Vec<String> {
    let set: Value = serde_json::from_str(jwks).unwrap();
    let keys = set["keys"].as_array().unwrap();
    let kids = keys
        .iter()
        .map(|key| key["kid"].as_str().unwrap().to_owned());
    kids.collect()
}

#[test]
fn a_key_is_published_before_it_signs_and_until_its_last_token_has_expired() {
    let now = Utc::now();
    let mut keys = [key(ALWAYS), key(now)];
    keys[0].ends = now;
    let at = |seconds: i64| {
        let now = now + chrono::TimeDelta::seconds(seconds);
        let signs = current(&keys, now).begins == keys[1].begins;
        let of_use = keys.each_ref().map(|key| key.is_of_use(now, LIFETIME));
        (signs, of_use)
    };
    assert_eq!(at(-3600), (false, [true, true]));
    assert_eq!(at(-1), (false, [true, true]));
    assert_eq!(at(0), (true, [true, true]));
    // The last token has expired, on every clock.
    assert_eq!(at(119), (true, [true, true]));
    assert_eq!(at(120), (true, [false, true]));
}

#[test]
fn a_key_is_made_once_and_is_for_its_owner_only() {
    let issuer = Issuer::new();
    let first = issuer.keys().jwks();
    assert_eq!(issuer.keys().jwks(), first);
    let key = fs::metadata(issuer.key_file()).unwrap();
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_to_string(&issuer.config.keys_file).unwrap(), first);
    assert!(!first.contains("\"d\""), "a private key is published");
}

#[test]
fn of_processes_that_start_together_all_use_one_key() {
    let issuer = Issuer::new();
    let sets: Vec<_> = std::thread::scope(|scope| {
        let starts: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| issuer.keys().jwks()))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    assert!(sets.iter().all(|set| *set == sets[0]), "{sets:?}");
}

/// RFC 8037, appendix A.3.
#[test]
fn a_kid_is_the_thumbprint_of_its_key() {
    let key = serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"});
    crypto::install();
    let key: Jwk = serde_json::from_value(key).unwrap();
    assert_eq!(
        key.thumbprint(ThumbprintHash::SHA256).unwrap(),
        "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
    );
}

#[tokio::test]
async fn a_rotation_reaches_those_who_sign_and_those_who_verify() {
    let issuer = Issuer::new();
    let (running, verifier) = (issuer.keys(), issuer.verifier());
    let sign = || running.sign(&Caller::new("ada")).unwrap().0;
    let old = sign();
    assert!(verifier.verify(&bearer(&old)).await.is_ok());

    // This is what the command does, in its own process.
    let asked = Utc::now() + Duration::from_secs(1);
    let begins = issuer.keys().rotate(Duration::from_secs(1), None).unwrap();
    assert!(begins >= asked);
    running.refresh().unwrap();
    let published = kids(&running.jwks());
    assert_eq!(published.len(), 2);
    assert_eq!(
        kids(&fs::read_to_string(&issuer.config.keys_file).unwrap()),
        published
    );
    while Utc::now() < begins {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let new = sign();
    assert_ne!(
        decode_header(&old).unwrap().kid,
        decode_header(&new).unwrap().kid
    );
    assert!(verifier.verify(&bearer(&new)).await.is_ok());
    assert!(verifier.verify(&bearer(&old)).await.is_ok());
}

#[test]
fn a_rotation_deletes_what_is_of_no_use_any_more() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let long_ago = issuer.config.signing.keys.join("20010101T000000Z.pem");
    make(
        &issuer.config.signing.keys,
        "20010101T000000Z",
        SigningAlgorithm::ES256,
    )
    .unwrap();
    keys.rotate(Duration::from_secs(600), None).unwrap();
    assert!(!issuer.key_file().exists());
    assert!(long_ago.exists());
    assert_eq!(kids(&keys.jwks()).len(), 2);
}

#[test]
fn a_key_is_withdrawn_by_deleting_its_file() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    keys.rotate(Duration::ZERO, None).unwrap();
    assert_eq!(kids(&keys.jwks()).len(), 2);
    fs::remove_file(issuer.key_file()).unwrap();
    keys.refresh().unwrap();
    assert_eq!(kids(&keys.jwks()).len(), 1);
}

#[test]
fn a_folder_that_cannot_be_read_any_more_leaves_the_keys_in_use() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let before = keys.jwks();
    fs::write(
        issuer.config.signing.keys.join("20010101T000000Z.pem"),
        "no key",
    )
    .unwrap();
    let error = keys.refresh().unwrap_err().to_string();
    assert!(error.contains("20010101T000000Z.pem"), "{error}");
    fs::remove_dir_all(&issuer.config.signing.keys).unwrap();
    keys.refresh().unwrap_err();
    assert_eq!(keys.jwks(), before);
}

#[tokio::test]
async fn of_keys_in_the_configuration_the_first_one_signs() {
    let mut issuer = Issuer::new();
    let pems = [SigningAlgorithm::ES256, SigningAlgorithm::EdDSA]
        .map(|algorithm| PrivateKey::make(algorithm).unwrap());
    issuer.config.signing.pem = Some(pems.concat().into());
    let keys = issuer.keys();
    assert_eq!(kids(&keys.jwks()).len(), 2);
    let token = keys.sign(&Caller::new("ada")).unwrap().0;
    assert_eq!(decode_header(&token).unwrap().alg, Algorithm::ES256);
    assert!(issuer.verifier().verify(&bearer(&token)).await.is_ok());
    let refused = keys.rotate(Duration::ZERO, None).unwrap_err().to_string();
    assert!(refused.contains("auth.signing.pem"), "{refused}");
}

#[test]
fn what_is_no_private_key_is_refused_with_its_place() {
    let mut issuer = Issuer::new();
    for (pem, why) in [
        ("hello", "no private key in PEM (PKCS#8)"),
        (
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
            "no Ed25519, P-256 or RSA key",
        ),
    ] {
        issuer.config.signing.pem = Some(pem.into());
        let error = SigningKeys::open(&issuer.config, LIFETIME)
            .err()
            .unwrap()
            .to_string();
        assert!(
            error.contains("auth.signing.pem") && error.contains(why),
            "{error}"
        );
    }
    issuer.config.signing.pem = None;
    issuer.config.signing.algorithm = SigningAlgorithm::RS256;
    let error = SigningKeys::open(&issuer.config, LIFETIME)
        .err()
        .unwrap()
        .to_string();
    assert!(error.contains("openssl genpkey"), "{error}");
}

#[test]
fn a_key_that_cannot_be_used_is_not_added() {
    let issuer = Issuer::new();
    let keys = issuer.keys();
    let before = keys.jwks();
    let given = issuer.config.signing.keys.join("given.txt");
    let garbage = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    fs::write(&given, garbage).unwrap();
    let refused = keys.rotate(Duration::ZERO, Some(&given)).unwrap_err();
    assert!(refused.to_string().contains("given.txt"), "{refused}");
    assert_eq!(issuer.keys().jwks(), before);
}
