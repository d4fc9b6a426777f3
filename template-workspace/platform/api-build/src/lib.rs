//! Makes the code of a contract from its protos, in the build script of the contract's crate.
//!
//! `v1/*.proto` of a crate under `api/` become one module `v1`: messages with JSON and validation, the tonic server and
//! client, REST routes as `google.api.http` maps them, error constructors, and an OpenAPI document. Nothing but Rust is
//! needed. What a contract cannot mean is refused with the file, the line and what to write instead.

mod checks;
mod http;
mod messages;
mod names;
mod openapi;
mod options;
mod policy;
mod problem;
mod reasons;
mod redact;
mod rules;
mod rust;
mod services;
mod source;

#[cfg(all(debug_assertions, not(target_env = "musl")))]
use api_build_dynamic as _;
use std::{env, fs, path::Path, process::ExitCode};

pub use problem::Error;

use crate::{names::Names, source::Source};

/// Compiles every version (`v1/`, `v2/`, `v1beta1/`, …) of the contract whose build script calls this.
///
/// Errors are printed and end the build.
pub fn compile() -> ExitCode {
    match compile_crate() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for problem in error.problems() {
                println!("cargo::error={}", problem.replace('\n', " "));
            }
            ExitCode::FAILURE
        }
    }
}

fn compile_crate() -> Result<(), Error> {
    let variable = |name| {
        env::var(name).map_err(|_| {
            Error::new(format!(
                "{name} is not set: call compile() in a build script"
            ))
        })
    };
    let folder = variable("CARGO_MANIFEST_DIR")?;
    let out = variable("OUT_DIR")?;
    let links = variable("CARGO_MANIFEST_LINKS").map_err(|_| {
        Error::new("Cargo.toml: add `links = \"…-api\"` (the name of the package) under [package], so that other contracts can import this one")
    })?;
    let packages = compile_folder(Path::new(&folder), Path::new(&out), env::vars())?;
    // Reaches the build scripts of crates that depend on this one, as DEP_<links>_CONTRACT.
    println!(
        "cargo::metadata=CONTRACT={}={}",
        links.replace('-', "_"),
        packages.join(",")
    );
    Ok(())
}

/// Compiles every version of the contract in `folder` and answers with their packages, such as `users.v1`.
///
/// `out` receives, for each version, `v1.rs` with what the code includes, and for other languages and people `v1.bin`
/// (a serialized `google.protobuf.FileDescriptorSet`) and `v1.openapi.json`. `variables` say which contracts the crate
/// depends on: the environment of its build script.
///
/// # Errors
/// Everything that is wrong with the contract.
pub fn compile_folder(
    folder: &Path,
    out: &Path,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<Vec<String>, Error> {
    let versions = source::versions(folder)?;
    let mut names = Names::of_dependencies(variables);
    names.add_versions(folder, &versions);
    let mut packages = Vec::new();
    for version in versions {
        let source = Source::load(folder, &version)?;
        let code = generate(&source, &names, out)?;
        write(&out.join(format!("{version}.rs")), code.as_bytes())?;
        for file in source.files() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        println!(
            "cargo::rerun-if-changed={}",
            folder.join(&version).display()
        );
        packages.push(source.package);
    }
    Ok(packages)
}

/// The code of one version, and the files in `out` that it includes.
fn generate(source: &Source, names: &Names, out: &Path) -> Result<String, Error> {
    let names = names.with_own(source);
    let descriptors = out.join(format!("{}.bin", source.version));
    write(&descriptors, &source.descriptor_set)?;
    let mut problems = Error::default();
    let mut code = rust::generate(source, &names, out)?;
    code.push_str(&redact::generate(source, &names));
    code.push_str(&messages::generate(source, &names, &mut problems));
    code.push_str(&reasons::generate(source, &mut problems));
    code.push_str(&services::generate(source, &names, out, &mut problems)?);
    problems.into_result()?;
    Ok(format!(
        "#[allow(clippy::all, clippy::pedantic, missing_docs, rustdoc::all, unused, unreachable_code, reason = \"generated from the contract\")]\n\
         pub mod {} {{\n{code}\n}}\n",
        source.version
    ))
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|error| Error::new(format!("{}: {error}", path.display())))
}
