//! Generates the code of a contract from its protos, in the build script of the contract's crate.
//!
//! `v1/*.proto` of a crate under `api/` become one module `v1`: messages with JSON and validation, the tonic server and
//! client, REST routes for `google.api.http`, error constructors. It also generates an OpenAPI document and the table
//! of the methods' policies. It needs only Rust.
//!
//! It promises to refuse a contract that it cannot implement, with the file, the line and a correction, and to report
//! all problems at once. It ignores no rule and no option of a contract silently.
//!
//! The steps are the crate `api-model` (parses the protos into a model) → `rust`, `openapi` and `policy_file` (each
//! writes its output from the model alone). Begin with [`compile_folder`]. `vendored` does the same for the protos of
//! others.

mod openapi;
mod policy_file;
mod rust;
mod vendored;

use std::{env, fs, path::Path, process::ExitCode};

pub use api_model::Error;

use api_model::{
    Contract,
    names::Names,
    source::{self, Source},
};

/// Compiles every version (`v1/`, `v2/`, `v1beta1/`, …) of the contract whose build script calls this.
///
/// Prints errors and ends the build.
pub fn compile() -> ExitCode {
    compiled_by(|folder, library, out| compile_folder(folder, library, out, env::vars()))
}

/// Compiles the protos of others under `third_party/`, for the crate whose build script calls this.
///
/// Prints errors and ends the build.
pub fn compile_vendored() -> ExitCode {
    compiled_by(vendored::compile)
}

fn compiled_by(compiler: fn(&Path, &str, &Path) -> Result<String, Error>) -> ExitCode {
    match crate_compiled_by(compiler) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            for problem in error.problems() {
                println!("cargo::error={}", problem.replace('\n', " "));
            }
            ExitCode::FAILURE
        }
    }
}

fn crate_compiled_by(
    compiler: fn(&Path, &str, &Path) -> Result<String, Error>,
) -> Result<(), Error> {
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
    let made = compiler(
        Path::new(&folder),
        &links.replace('-', "_"),
        Path::new(&out),
    )?;
    // Cargo passes this to the build scripts of dependent crates, as DEP_<links>_CONTRACT.
    println!("cargo::metadata=CONTRACT={made}");
    Ok(())
}

/// Compiles every version of the contract in `folder`. Returns what the build scripts of dependent crates need to know:
/// the packages that the crate of this name makes.
///
/// `out` receives, for each version, `v1.rs`, which the crate includes, and for other languages and people `v1.bin` (a
/// serialized `google.protobuf.FileDescriptorSet`) and `v1.openapi.json`. `variables` is the environment of the build
/// script; it names the contracts that the crate depends on.
///
/// # Errors
/// Every problem of the contract.
pub fn compile_folder(
    folder: &Path,
    library: &str,
    out: &Path,
    variables: impl Iterator<Item = (String, String)>,
) -> Result<String, Error> {
    let versions = source::versions(folder)?;
    let mut names = Names::of_dependencies(variables);
    names.add_versions(folder, &versions);
    let mut made = Vec::new();
    for version in versions {
        let source = Source::load(folder, &version)?;
        generate(&source, &names.with_own(&source.package), out)?;
        // Relative paths stay valid when the workspace is moved.
        for file in source.files() {
            println!("cargo::rerun-if-changed={}", file.display());
        }
        println!("cargo::rerun-if-changed={version}");
        made.push((source.package, version));
    }
    Ok(names.metadata(library, &made))
}

/// Writes the files of one version.
fn generate(source: &Source, names: &Names, out: &Path) -> Result<(), Error> {
    let contract = Contract::read(source, names)?;
    let version = &contract.version;
    let code = rust::generate(&contract, source, names)?;
    write(&out.join(format!("{version}.rs")), code.as_bytes())?;
    write(&out.join(format!("{version}.bin")), &source.descriptor_set)?;
    for service in &contract.services {
        let openapi = openapi::generate(&contract, [service]);
        let document = out.join(rust::document(&contract, service));
        write(&document, openapi.to_string().as_bytes())?;
    }
    let openapi = openapi::generate(&contract, &contract.services);
    let document = out.join(format!("{version}.openapi.json"));
    write(&document, format!("{openapi:#}").as_bytes())?;
    let policies = policy_file::generate(&contract);
    let file = out.join(format!("{version}.policy.json"));
    write(&file, format!("{policies:#}").as_bytes())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    fs::write(path, bytes).map_err(|error| Error::new(format!("{}: {error}", path.display())))
}
