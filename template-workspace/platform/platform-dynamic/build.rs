//! Puts Rust's standard library beside the programs, as a link: a program that uses a shared library needs it shared, too.
//! `rpath` finds it from `deps/`, where cargo builds a program, but not from the folder above, where it is started.

use std::{
    env,
    error::Error,
    ffi::OsStr,
    fs,
    io::ErrorKind,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::Command,
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    if variable("PROFILE")? != "debug" {
        return Ok(());
    }
    let output = Command::new(variable("RUSTC")?)
        .args(["--print=target-libdir", "--target", &variable("TARGET")?])
        .output()?;
    let libraries = PathBuf::from(String::from_utf8(output.stdout)?.trim());
    // target/debug/build/platform-dynamic-…/out
    let out = PathBuf::from(variable("OUT_DIR")?);
    let programs = out.ancestors().nth(3).ok_or("OUT_DIR is not in target/")?;
    for entry in fs::read_dir(libraries)? {
        let library = entry?.path();
        let is_shared = ["so", "dylib"]
            .map(OsStr::new)
            .map(Some)
            .contains(&library.extension());
        if is_shared && let Some(name) = library.file_name() {
            link(&library, &programs.join(name))?;
        }
    }
    Ok(())
}

fn variable(name: &str) -> Result<String, Box<dyn Error>> {
    env::var(name).map_err(|error| format!("{name}: {error}").into())
}

fn link(library: &Path, link: &Path) -> Result<(), Box<dyn Error>> {
    // What an earlier build has left may lead to another toolchain.
    match fs::remove_file(link) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(symlink(library, link)?),
    }
}
