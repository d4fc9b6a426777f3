//! Cargo and other programs, run in a rendered workspace.

use std::{ffi::OsStr, path::Path, process::Command};

/// Cargo in the rendered workspace, with the environment of a manual call.
pub fn cargo(workspace: &Path) -> Command {
    command("cargo", workspace)
}

/// A program in the rendered workspace, with the environment of a manual call.
pub fn command(program: impl AsRef<OsStr>, workspace: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(workspace);
    // Cargo set these for the current program; the workspace chooses its own toolchain.
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("CARGO_") && name != "CARGO_HOME" || name == "RUSTUP_TOOLCHAIN" {
            command.env_remove(name);
        }
    }
    command
}
