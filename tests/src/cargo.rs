//! Cargo and other programs, run in what was rendered.

use std::{ffi::OsStr, path::Path, process::Command};

/// Cargo in the rendered workspace, as if it had been called there by hand.
pub fn cargo(workspace: &Path) -> Command {
    command("cargo", workspace)
}

/// A program in the rendered workspace, as if it had been called there by hand.
pub fn command(program: impl AsRef<OsStr>, workspace: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace);
    // Cargo set these for the program that runs now; the toolchain is for the workspace to name.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_") && name != "CARGO_HOME" || name == "RUSTUP_TOOLCHAIN" {
            command.env_remove(name);
        }
    }
    command
}
