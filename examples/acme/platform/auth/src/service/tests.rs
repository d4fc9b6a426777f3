use std::{fs, os::unix::fs::PermissionsExt};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{EncodingKey, Header};
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::proof::header;
use super::*;
use crate::{config, tests::Issuer};

const CONTRACT: &str = "users.v1.UsersService";

/// A folder with the keys of all services.
struct Workspace(TempDir);

impl Workspace {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn keys(&self, service: &str) -> config::ServiceKeys {
        config::ServiceKeys {
            keys: self.0.path().join("services"),
            key_file: self.0.path().join(format!("{service}.key.pem")),
        }
    }

    fn open(&self, service: &str) -> ServiceKey {
        ServiceKey::open(service, &self.keys(service)).unwrap()
    }

    fn verifier(&self) -> ServiceVerifier {
        ServiceVerifier::new(&config::Config {
            services: self.keys("users"),
            ..Issuer::new().config
        })
    }

    /// A proof with `shop`'s valid signature over these claims.
    fn sign(&self, header: &Header, claims: &Value) -> HeaderMap {
        let pem = fs::read(self.keys("shop").key_file).unwrap();
        let key = PrivatePkcs8KeyDer::from_pem_slice(&pem).unwrap();
        let key = EncodingKey::from_ed_der(key.secret_pkcs8_der());
        bearer(&jsonwebtoken::encode(header, claims, &key).unwrap())
    }
}

fn claims(change: impl Fn(&mut Value)) -> Value {
    let now = chrono::Utc::now().timestamp();
    let mut claims =
        json!({"iss": "shop", "sub": "shop", "aud": CONTRACT, "iat": now, "exp": now + 60});
    change(&mut claims);
    claims
}

fn bearer(proof: &str) -> HeaderMap {
    let value = format!("Bearer {proof}").parse().unwrap();
    HeaderMap::from_iter([(SERVICE_AUTHORIZATION, value)])
}

fn headers(value: HeaderValue) -> HeaderMap {
    HeaderMap::from_iter([(SERVICE_AUTHORIZATION, value)])
}

#[test]
fn a_proof_tells_which_service_calls() {
    let workspace = Workspace::new();
    let verifier = workspace.verifier();
    for service in ["shop", "user-profile"] {
        let proof = workspace.open(service).prove(CONTRACT).unwrap();
        let proven = verifier.verify(&headers(proof), CONTRACT).unwrap();
        assert_eq!(&*proven, service);
    }
}

#[test]
fn a_proof_is_for_one_contract_and_made_once_in_a_while() {
    let workspace = Workspace::new();
    let (key, verifier) = (workspace.open("shop"), workspace.verifier());
    let proof = key.prove(CONTRACT).unwrap();
    assert!(proof.is_sensitive());
    assert_eq!(key.prove(CONTRACT).unwrap(), proof);
    let other = key.prove("orders.v1.OrdersService").unwrap();
    for _ in 0..2 {
        let verdict = verifier.verify(&headers(other.clone()), CONTRACT);
        assert_eq!(verdict, Err(ServiceRejection::Invalid));
    }
}

#[test]
fn a_key_is_made_once_and_is_for_its_owner_only() {
    let workspace = Workspace::new();
    let proof = workspace.open("shop").prove(CONTRACT).unwrap();
    workspace.open("shop");
    let verifier = workspace.verifier();
    assert!(verifier.verify(&headers(proof), CONTRACT).is_ok());
    let mode = |path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(workspace.keys("shop").key_file), 0o600);
}

#[test]
fn a_public_key_that_is_mounted_is_left_alone() {
    let workspace = Workspace::new();
    workspace.open("shop");
    let file = workspace.keys("shop").keys.join("shop.pub.pem");
    let next = fs::read_to_string(&file).unwrap();

    // Both public keys are published while the private key is being replaced.
    let former = Workspace::new();
    former.open("shop");
    let old = fs::read_to_string(former.keys("shop").keys.join("shop.pub.pem")).unwrap();
    fs::write(&file, format!("{old}{next}")).unwrap();
    let verifier = workspace.verifier();
    for workspace in [&former, &workspace] {
        let proof = workspace.open("shop").prove(CONTRACT).unwrap();
        assert!(verifier.verify(&headers(proof), CONTRACT).is_ok());
    }
    assert_eq!(fs::read_to_string(&file).unwrap(), format!("{old}{next}"));
}

#[test]
fn a_file_that_is_no_key_is_told() {
    let workspace = Workspace::new();
    let keys = workspace.keys("shop");
    fs::write(&keys.key_file, "x").unwrap();
    let error = ServiceKey::open("shop", &keys).err().unwrap().to_string();
    assert!(error.contains("shop.key.pem cannot be used: "), "{error}");
}

#[test]
fn the_key_of_another_service_proves_nothing() {
    let workspace = Workspace::new();
    let verifier = workspace.verifier();
    workspace.open("shop");
    workspace.open("orders");
    let verdict = |name: &str, claims: Value| {
        verifier.verify(&workspace.sign(&header(name), &claims), CONTRACT)
    };
    let invalid = Err(ServiceRejection::Invalid);

    assert_eq!(verdict("shop", claims(|_| ())), Ok("shop".into()));
    assert_eq!(verdict("orders", claims(|_| ())), invalid);
    let as_orders = claims(|claims| {
        claims["iss"] = json!("orders");
        claims["sub"] = json!("orders");
    });
    assert_eq!(verdict("shop", as_orders.clone()), invalid);
    assert_eq!(verdict("orders", as_orders), invalid);
    assert_eq!(verdict("nobody", claims(|_| ())), invalid);
}

#[test]
fn the_name_of_a_service_leads_nowhere_else() {
    let workspace = Workspace::new();
    let verifier = workspace.verifier();
    workspace.open("shop");
    // A key of `shop` that a path in the name could reach.
    let keys = workspace.keys("shop");
    fs::create_dir(keys.keys.join("sub")).unwrap();
    for place in ["../shop.pub.pem", "sub/shop.pub.pem"] {
        fs::copy(keys.keys.join("shop.pub.pem"), keys.keys.join(place)).unwrap();
    }
    let outside = workspace.0.path().join("shop").display().to_string();
    for name in [
        "../shop",
        "sub/shop",
        "./shop",
        &outside,
        "",
        "shop\0",
        "sh\u{f6}p",
    ] {
        let claims = claims(|claims| {
            claims["iss"] = json!(name);
            claims["sub"] = json!(name);
        });
        let verdict = verifier.verify(&workspace.sign(&header(name), &claims), CONTRACT);
        assert_eq!(verdict, Err(ServiceRejection::Invalid), "{name}");
    }
}

#[test]
fn a_proof_says_what_it_must_and_no_more() {
    let workspace = Workspace::new();
    let verifier = workspace.verifier();
    workspace.open("shop");
    let verdict = |header: &Header, claims: &Value| {
        verifier
            .verify(&workspace.sign(header, claims), CONTRACT)
            .err()
    };
    let now = chrono::Utc::now().timestamp();
    let invalid = Some(ServiceRejection::Invalid);

    let with = |key: &str, value: Value| claims(|claims| claims[key] = value.clone());
    let shop = header("shop");
    assert_eq!(
        verdict(&shop, &with("exp", json!(now - 10))),
        Some(ServiceRejection::Expired)
    );
    // The clock leeway applies to both ends of a proof's lifetime.
    assert_eq!(verdict(&shop, &with("exp", json!(now + 303))), None);
    assert_eq!(verdict(&shop, &with("exp", json!(now + 3600))), invalid);
    assert_eq!(verdict(&shop, &with("exp", json!(i64::MAX))), invalid);
    assert_eq!(verdict(&shop, &with("aud", json!("platform"))), invalid);
    assert_eq!(verdict(&shop, &with("aud", json!([CONTRACT]))), invalid);
    for missing in ["iss", "sub", "aud", "exp"] {
        let claims = claims(|claims| drop(claims.as_object_mut().unwrap().remove(missing)));
        assert_eq!(verdict(&shop, &claims), invalid, "without {missing}");
    }

    let headers: [fn(&mut Header); 5] = [
        |header| header.kid = None,
        |header| header.jku = Some("http://mallory".to_owned()),
        |header| header.x5u = Some("http://mallory".to_owned()),
        |header| header.crit = Some(vec!["exp".to_owned()]),
        |header| header.typ = None,
    ];
    for change in headers {
        let mut header = shop.clone();
        change(&mut header);
        assert_eq!(verdict(&header, &claims(|_| ())), invalid, "{header:?}");
    }
}

#[test]
fn forged_proofs_are_refused() {
    let workspace = Workspace::new();
    let verifier = workspace.verifier();
    let genuine = workspace.open("shop").prove(CONTRACT).unwrap();
    let proof = genuine.to_str().unwrap().trim_start_matches("Bearer ");
    let (rest, signature) = proof.rsplit_once('.').unwrap();
    let (_, payload) = rest.split_once('.').unwrap();
    let header = |algorithm: &str| {
        let header = json!({"typ": "JWT", "alg": algorithm, "kid": "shop"});
        BASE64_URL_SAFE_NO_PAD.encode(header.to_string())
    };
    let mut forged: Vec<_> = ["none", "HS256", "RS256", "ES256"]
        .map(|algorithm| format!("{}.{payload}.{signature}", header(algorithm)))
        .into();
    forged.extend([
        format!("{}.{payload}.", header("none")),
        format!("{rest}."),
        format!("{rest}.{}", BASE64_URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{proof}{}", "A".repeat(4096)),
        "..".to_owned(),
        String::new(),
    ]);
    for proof in forged {
        let verdict = verifier.verify(&bearer(&proof), CONTRACT);
        assert_eq!(verdict, Err(ServiceRejection::Invalid), "{proof}");
    }

    let basic = HeaderValue::try_from(format!("Basic {proof}")).unwrap();
    let verdict = verifier.verify(&headers(basic), CONTRACT);
    assert_eq!(verdict, Err(ServiceRejection::Invalid));
    let mut twice = headers(genuine.clone());
    twice.append(SERVICE_AUTHORIZATION, genuine);
    let verdict = verifier.verify(&twice, CONTRACT);
    assert_eq!(verdict, Err(ServiceRejection::Invalid));
    let verdict = verifier.verify(&HeaderMap::new(), CONTRACT);
    assert_eq!(verdict, Err(ServiceRejection::Missing));
}
