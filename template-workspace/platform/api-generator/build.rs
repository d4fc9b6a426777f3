//! This build script is also the generator: without an argument it tells where it is, with one it compiles a contract.

use std::{
    env,
    error::Error,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    if env::args().nth(1).is_some() {
        return api_build::compile();
    }
    if let Err(error) = publish() {
        println!("cargo::error={error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}

/// Puts this program into `OUT_DIR`, whose paths cargo corrects when the target folder is moved.
fn publish() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let out = env::var_os("OUT_DIR").ok_or("OUT_DIR is not set: this is a build script")?;
    let program = PathBuf::from(out).join("generator");
    replace(&env::current_exe()?, &program)?;
    println!("cargo::metadata=PROGRAM={}", program.display());
    Ok(())
}

fn replace(from: &Path, to: &Path) -> Result<(), Box<dyn Error>> {
    match fs::remove_file(to) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    if fs::hard_link(from, to).is_err() {
        // Some file systems have no hard links.
        fs::copy(from, to)?;
    }
    Ok(())
}
