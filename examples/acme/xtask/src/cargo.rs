//! Cargo commands that tasks run.

use std::{
    env,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Runs `cargo build` and returns its JSON messages. Errors and warnings go to the terminal as usual.
///
/// Without arguments it builds what `make build` builds.
pub fn build(arguments: &[String]) -> Result<Vec<Value>> {
    let output = cargo()
        .args(["build", "--message-format=json-render-diagnostics"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the build failed");
    let lines = output.stdout.split(|byte| *byte == b'\n');
    Ok(lines
        .filter_map(|line| serde_json::from_slice(line).ok())
        .collect())
}

/// Runs the program of a package. The program prints its own errors.
pub fn run(package: &str) -> Result<()> {
    let status = cargo()
        .args(["run", "--quiet", "--package", package])
        .status()?;
    ensure!(status.success(), "{package} failed");
    Ok(())
}

/// The packages of the workspace, as `cargo metadata` describes them.
pub fn packages() -> Result<Vec<Value>> {
    let output = cargo()
        .args(["metadata", "--no-deps", "--format-version=1"])
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "cargo cannot read the workspace");
    let mut metadata: Value = serde_json::from_slice(&output.stdout)?;
    let Value::Array(packages) = metadata["packages"].take() else {
        return Err(anyhow::anyhow!("cargo metadata names no packages"));
    };
    Ok(packages)
}

/// The path of a package's manifest, relative to the root of the workspace.
pub fn manifest(package: &Value) -> Result<std::path::PathBuf> {
    let manifest = package["manifest_path"].as_str().context("no manifest")?;
    let root = env::current_dir()?;
    let relative = std::path::Path::new(manifest).strip_prefix(root)?;
    Ok(relative.to_owned())
}

/// Cargo, without the variables that describe this task's package. Build scripts (ring's) depend on those: they would run
/// again after each change between a task and a cargo command typed by hand.
fn cargo() -> Command {
    let mut cargo = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}
