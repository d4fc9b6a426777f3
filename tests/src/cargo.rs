//! Cargo, run in what was rendered.

use std::{path::Path, process::Command};

/// Cargo in the rendered workspace, as if it had been called there by hand.
pub fn cargo(workspace: &Path) -> Command {
    let mut command = Command::new("cargo");
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
