//! Gives the program the commit that it was built from.

use std::{path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-env-changed=GIT_COMMIT");
    let commit = std::env::var("GIT_COMMIT")
        .ok()
        .filter(|commit| !commit.is_empty());
    println!(
        "cargo::rustc-env=GIT_COMMIT={}",
        commit
            .or_else(from_git)
            .unwrap_or_else(|| "unknown".to_owned())
    );
}

/// In a release build: the commit that is checked out. A development build is not rebuilt for each commit, so it adds
/// `+dev`: that commit and any later change.
fn from_git() -> Option<String> {
    let commit = git(&["rev-parse", "--short=7", "HEAD"])?;
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "debug") {
        return Some(format!("{commit}+dev"));
    }
    // Every commit, checkout and reset adds a line to this file.
    let log = git(&[
        "rev-parse",
        "--path-format=absolute",
        "--git-path",
        "logs/HEAD",
    ])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    Some(commit)
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git")
        .args(arguments)
        .output()
        .ok()
        .filter(|output| output.status.success())?;
    let text = String::from_utf8(output.stdout).ok()?;
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}
