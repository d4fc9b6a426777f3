//! What other languages and people use of the contracts.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use prost_reflect::DescriptorPool;

const OUTPUT: &str = "target/api";

/// Checks every contract and writes its descriptor set and OpenAPI document.
pub fn write() -> Result<()> {
    for contract in contracts()? {
        for artifacts in api_build::artifacts(&contract)? {
            let folder = Path::new(OUTPUT).join(&artifacts.package);
            fs::create_dir_all(&folder)?;
            fs::write(folder.join("descriptors.binpb"), &artifacts.descriptor_set)?;
            fs::write(folder.join("openapi.json"), &artifacts.openapi)?;
            println!("{}: {}", artifacts.package, folder.display());
        }
    }
    Ok(())
}

/// The types and services of all contracts together.
pub fn descriptors() -> Result<DescriptorPool> {
    let mut pool = DescriptorPool::new();
    for contract in contracts()? {
        for artifacts in api_build::artifacts(&contract)? {
            pool.decode_file_descriptor_set(artifacts.descriptor_set.as_slice())
                .with_context(|| format!("in {}", contract.display()))?;
        }
    }
    Ok(pool)
}

fn contracts() -> Result<Vec<PathBuf>> {
    let mut folders = Vec::new();
    for entry in fs::read_dir("api")? {
        let path = entry?.path();
        if path.join("Cargo.toml").exists() {
            folders.push(path);
        }
    }
    folders.sort();
    Ok(folders)
}
