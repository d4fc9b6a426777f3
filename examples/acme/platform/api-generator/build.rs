//! This build script is also the generator: without an argument it tells where it is, with one it compiles protos.

use std::{
    env,
    error::Error,
    fmt::Display,
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
    process::ExitCode,
};

fn main() -> ExitCode {
    match env::args().nth(1).as_deref() {
        Some("contract") => api_build::compile(),
        Some("vendored") => api_build::compile_vendored(),
        Some(other) => failure(format!("the generator does not know {other}")),
        None => match publish() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => failure(error),
        },
    }
}

fn failure(error: impl Display) -> ExitCode {
    println!("cargo::error={error}");
    ExitCode::FAILURE
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
