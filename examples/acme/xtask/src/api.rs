//! What other languages and people use of the contracts.

use std::{
    collections::HashMap,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::cargo;

const OUTPUT: &str = "target/api";

/// Checks every contract and writes its descriptor set and OpenAPI document: the build scripts of their crates make both.
pub fn write() -> Result<()> {
    let mut contracts: HashMap<Value, PathBuf> = HashMap::new();
    // Beside the platform the contracts are built as for the services; alone they need fewer features of what they depend
    // on, which cargo would build once more.
    let mut arguments = vec!["--package=platform".to_owned()];
    for package in cargo::packages()? {
        let folder = cargo::manifest(&package)?.with_file_name("");
        if folder.starts_with("api") {
            let name = package["name"].as_str().context("a package has a name")?;
            arguments.push(format!("--package={name}"));
            contracts.insert(package["id"].clone(), folder);
        }
    }
    let messages = cargo::build(&arguments)?;
    let mut written = Vec::new();
    for message in messages {
        if message["reason"] == "build-script-executed"
            && let Some(contract) = contracts.get(&message["package_id"])
        {
            let out = message["out_dir"].as_str().context("no out_dir")?;
            written.extend(copy(contract, Path::new(out))?);
        }
    }
    written.sort();
    for line in written {
        println!("{line}");
    }
    Ok(())
}

/// Copies what was made of each version of a contract; says which package went where.
fn copy(contract: &Path, out: &Path) -> Result<Vec<String>> {
    let name = contract.file_name().unwrap_or_default().to_string_lossy();
    let mut written = Vec::new();
    for entry in fs::read_dir(contract)? {
        let version = entry?.file_name().to_string_lossy().into_owned();
        let descriptors = out.join(format!("{version}.bin"));
        if !descriptors.exists() {
            continue;
        }
        let package = format!("{name}.{version}");
        let folder = Path::new(OUTPUT).join(&package);
        fs::create_dir_all(&folder)?;
        fs::copy(descriptors, folder.join("descriptors.binpb"))?;
        fs::copy(
            out.join(format!("{version}.openapi.json")),
            folder.join("openapi.json"),
        )?;
        written.push(format!("{package}: {}", folder.display()));
    }
    Ok(written)
}
