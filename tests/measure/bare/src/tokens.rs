//! The cost of a token: of signing it, of verifying it for the first time, and of verifying it again.

use std::{fs, path::Path, time::Duration};

use http::{HeaderMap, header::AUTHORIZATION};
use platform::auth::{
    Caller, Config, ServiceKeys, Signing, SigningAlgorithm, SigningKeys, Verifier,
};
use secrecy::SecretString;

use crate::Failure;

const TOKENS: usize = 2_000;
const AGAIN: usize = 100;

pub async fn measure(
    folder: &str,
    algorithm: &str,
    pem: Option<SecretString>,
) -> Result<(), Failure> {
    let folder = Path::new(folder).join(algorithm);
    let config = Config {
        issuer: "http://127.0.0.1:8101".to_owned(),
        audience: "platform".to_owned(),
        jwks_url: None,
        keys_file: folder.join("jwks.json"),
        roles_claim: "roles".to_owned(),
        leeway: Duration::from_secs(5),
        signing: Signing {
            keys: folder.join("signing"),
            pem,
            algorithm: match algorithm {
                "ES256" => SigningAlgorithm::ES256,
                "RS256" => SigningAlgorithm::RS256,
                _ => SigningAlgorithm::EdDSA,
            },
        },
        services: ServiceKeys {
            keys: folder.join("services"),
            key_file: folder.join("service.key.pem"),
        },
    };
    let keys = SigningKeys::open(&config, Duration::from_secs(300))?;
    let verifier = Verifier::new(&config, None)?;
    let caller = Caller {
        roles: ["admin".to_owned()].into(),
        scopes: ["users.read".to_owned(), "users.write".to_owned()].into(),
        ..Caller::new("f81d4fae-7dec-41d0-a765-00a0c91e6bf6")
    };
    let sign = || -> Result<HeaderMap, Failure> {
        let (token, _) = keys.sign(&caller)?;
        let value = format!("Bearer {token}").parse()?;
        Ok(HeaderMap::from_iter([(AUTHORIZATION, value)]))
    };
    // The first call reads the keys.
    verifier.verify(&sign()?).await?;

    let started = cpu()?;
    let tokens: Vec<_> = (0..TOKENS).map(|_| sign()).collect::<Result<_, _>>()?;
    let signed = cpu()?;
    for token in &tokens {
        verifier.verify(token).await?;
    }
    let first = cpu()?;
    for _ in 0..AGAIN {
        for token in &tokens {
            verifier.verify(token).await?;
        }
    }
    let again = cpu()?;
    let each = |from: u64, to: u64, times: usize| (to - from) as f64 / 1e3 / times as f64;
    println!(
        "| {algorithm} | {:.1} | {:.1} | {:.2} |",
        each(started, signed, TOKENS),
        each(signed, first, TOKENS),
        each(first, again, TOKENS * AGAIN),
    );
    Ok(())
}

/// The CPU time of this thread in nanoseconds.
fn cpu() -> Result<u64, Failure> {
    let times = fs::read_to_string("/proc/thread-self/schedstat")?;
    let running = times.split(' ').next().unwrap_or_default();
    Ok(running.parse()?)
}
