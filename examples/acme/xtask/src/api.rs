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

/// What the build script of a contract's crate makes of one version of the contract.
pub struct Output {
    /// The contract's folder under api/.
    pub contract: String,
    pub version: String,
    /// A serialized `google.protobuf.FileDescriptorSet`.
    pub descriptors: PathBuf,
    pub openapi: PathBuf,
    /// Who may call what.
    pub policies: PathBuf,
}

impl Output {
    /// The proto package, `users.v1`.
    pub fn package(&self) -> String {
        format!("{}.{}", self.contract, self.version)
    }
}

/// Checks every contract and writes its descriptor set, its OpenAPI document and its table of policies.
pub fn write() -> Result<()> {
    let mut written = Vec::new();
    for output in build()? {
        let package = output.package();
        let folder = Path::new(OUTPUT).join(&package);
        fs::create_dir_all(&folder)?;
        fs::copy(output.descriptors, folder.join("descriptors.binpb"))?;
        fs::copy(output.openapi, folder.join("openapi.json"))?;
        fs::copy(output.policies, folder.join("policy.json"))?;
        written.push(format!("{package}: {}", folder.display()));
    }
    written.sort();
    for line in written {
        println!("{line}");
    }
    Ok(())
}

/// Checks every contract: the build scripts of their crates do.
pub fn build() -> Result<Vec<Output>> {
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
    let mut outputs = Vec::new();
    for message in cargo::build(&arguments)? {
        if message["reason"] == "build-script-executed"
            && let Some(contract) = contracts.get(&message["package_id"])
        {
            let out = message["out_dir"].as_str().context("no out_dir")?;
            outputs.extend(versions(contract, Path::new(out))?);
        }
    }
    Ok(outputs)
}

fn versions(contract: &Path, out: &Path) -> Result<Vec<Output>> {
    let name = contract.file_name().unwrap_or_default().to_string_lossy();
    let mut outputs = Vec::new();
    for entry in fs::read_dir(contract)? {
        let version = entry?.file_name().to_string_lossy().into_owned();
        let descriptors = out.join(format!("{version}.bin"));
        if descriptors.exists() {
            outputs.push(Output {
                contract: name.clone().into_owned(),
                openapi: out.join(format!("{version}.openapi.json")),
                policies: out.join(format!("{version}.policy.json")),
                version,
                descriptors,
            });
        }
    }
    Ok(outputs)
}
