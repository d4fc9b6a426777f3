//! The cost of a token: of signing it, of verifying it for the first time, and of verifying it again.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{fresh, prepare};

pub fn measure() -> Result<()> {
    let workspace = prepare()?;
    let folder = fresh("tokens")?;
    let key = folder.join("rsa.pem");
    let made = Command::new("openssl")
        .args(["genpkey", "-quiet", "-algorithm", "RSA"])
        .args(["-pkeyopt", "rsa_keygen_bits:2048", "-out"])
        .arg(&key)
        .status()
        .context("openssl is missing")?;
    ensure!(made.success(), "openssl makes no key");
    println!("| µs of CPU | signed | verified | verified again |\n|---|---|---|---|");
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let mut bare = Command::new(workspace.join("target/release/bare"));
        bare.arg("tokens").arg(&folder).arg(algorithm);
        if algorithm == "RS256" {
            bare.arg(&key);
        }
        ensure!(bare.status()?.success(), "{algorithm} is not measured");
    }
    Ok(())
}
