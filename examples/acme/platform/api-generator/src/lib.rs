//! Runs `api-build` for a contract, in a program that all contracts of the workspace share.
//!
//! The build script of a contract would hold all of `api-build`: 25 MB, and a second to link, for each contract. Instead,
//! the build script of this crate is that program, and those of the contracts start it.
//!
//! A contract names this crate twice in its `Cargo.toml`: under `[dependencies]`, by which cargo tells the contract's build
//! script where the program is, and under `[build-dependencies]`, for [`compile`].

use std::{
    env,
    process::{Command, ExitCode},
};

/// Compiles the contract whose build script calls this. `api_build::compile` says what it makes.
///
/// Prints errors and ends the build.
pub fn compile() -> ExitCode {
    run("contract")
}

/// Compiles the protos under `third_party/`, for the build script of `api-vendored`.
///
/// Prints errors and ends the build.
pub fn compile_vendored() -> ExitCode {
    run("vendored")
}

fn run(what: &str) -> ExitCode {
    let Some(program) = env::var_os("DEP_API_GENERATOR_PROGRAM") else {
        println!(
            "cargo::error=Cargo.toml: add `api-generator.workspace = true` under [dependencies], too"
        );
        return ExitCode::FAILURE;
    };
    match Command::new(&program).arg(what).status() {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        // It has printed why.
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            println!("cargo::error={}: {error}", program.display());
            ExitCode::FAILURE
        }
    }
}
