//! Dependencies between crates.

use std::{collections::BTreeSet, path::PathBuf, process::Command};

use serde_json::Value;

/// A package of the workspace.
pub struct Package {
    pub name: String,
    pub folder: PathBuf,
    /// The normal dependencies that are given by a path. Build and test dependencies are free: no service contains them.
    pub dependencies: Vec<String>,
}

impl Package {
    /// Every package of the workspace, as `cargo metadata` describes it.
    pub fn all() -> Vec<Self> {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let output = Command::new(cargo)
            .args(["metadata", "--no-deps", "--format-version=1"])
            .current_dir(super::workspace())
            .output()
            .expect("cargo can be started");
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "cargo metadata failed: {errors}");
        let metadata: Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
        let packages = metadata["packages"].as_array().expect("it lists packages");
        packages.iter().map(Self::read).collect()
    }

    fn read(package: &Value) -> Self {
        let text = |value: &Value| value.as_str().expect("it is text").to_owned();
        let dependencies = package["dependencies"].as_array().expect("it is a list");
        let normal = dependencies
            .iter()
            .filter(|it| it["kind"].is_null() && it["path"].is_string());
        Self {
            name: text(&package["name"]),
            folder: PathBuf::from(text(&package["manifest_path"])).with_file_name(""),
            dependencies: normal.map(|it| text(&it["name"])).collect(),
        }
    }

    /// Whether its folder is in platform/.
    pub fn is_of_the_platform(&self) -> bool {
        let parent = self.folder.parent().and_then(|parent| parent.file_name());
        parent.is_some_and(|name| name == "platform")
    }
}

/// A sentence for each dependency of a room that it may not have, and for each platform crate that is in neither list.
pub fn upward(rooms: &[(&str, &[&str])], tools: &[&str], packages: &[Package]) -> Vec<String> {
    let mut sentences = Vec::new();
    for package in packages {
        let Package {
            name, dependencies, ..
        } = package;
        if !rooms.iter().any(|(room, _)| room == name) {
            if package.is_of_the_platform() && !tools.contains(&&**name) {
                sentences.push(format!(
                    "{name} is in no list of xtask/tests/rooms/main.rs: add it to ROOMS, with the crates that it may \
                     depend on, or to TOOLS"
                ));
            }
            continue;
        }
        let allowed = known(rooms, name);
        for dependency in dependencies {
            if !allowed.contains(&**dependency) {
                let allowed = allowed.iter().copied().collect::<Vec<_>>().join(", ");
                sentences.push(format!(
                    "{name} must not depend on {dependency}: it may depend on [{allowed}] and nothing else of this \
                     workspace"
                ));
            }
        }
    }
    sentences
}

/// The rooms that a room may depend on, directly or through others.
fn known<'a>(rooms: &[(&str, &[&'a str])], room: &str) -> BTreeSet<&'a str> {
    let mut known = BTreeSet::new();
    let mut next: Vec<&str> = vec![room];
    while let Some(room) = next.pop() {
        let row = rooms.iter().find(|(name, _)| *name == room);
        for lower in row.into_iter().flat_map(|(_, lower)| *lower) {
            if known.insert(*lower) {
                next.push(lower);
            }
        }
    }
    known
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOMS: &[(&str, &[&str])] =
        &[("base", &[]), ("list", &["base"]), ("database", &["list"])];

    fn package(folder: &str, dependencies: &[&str]) -> Package {
        let folder = PathBuf::from(folder);
        Package {
            name: folder.file_name().unwrap().to_str().unwrap().to_owned(),
            folder,
            dependencies: dependencies.iter().map(|&it| it.to_owned()).collect(),
        }
    }

    fn check(packages: &[Package]) -> Vec<String> {
        upward(ROOMS, &["testkit"], packages)
    }

    #[test]
    fn a_crate_may_depend_on_those_below_it() {
        let packages = [
            package("platform/base", &[]),
            package("platform/database", &["list", "base"]),
            package("platform/testkit", &["database"]),
            package("services/core", &["database", "testkit"]),
        ];
        assert_eq!(check(&packages), [""; 0]);
    }

    #[test]
    fn a_dependency_on_a_crate_above_names_both() {
        let wrong = check(&[package("platform/list", &["base", "database"])]);
        assert_eq!(
            wrong,
            [
                "list must not depend on database: it may depend on [base] and nothing else of this workspace"
            ]
        );
    }

    #[test]
    fn a_dependency_on_a_tool_or_a_service_is_refused() {
        for other in ["testkit", "core", "xtask"] {
            let wrong = check(&[package("platform/database", &[other])]);
            assert_eq!(wrong.len(), 1, "{wrong:?}");
            assert!(wrong[0].starts_with(&format!("database must not depend on {other}:")));
        }
    }

    #[test]
    fn a_crate_of_the_platform_that_is_not_listed_is_named() {
        let wrong = check(&[package("platform/new", &[])]);
        assert_eq!(wrong.len(), 1, "{wrong:?}");
        assert!(wrong[0].starts_with("new is in no list"));
        assert_eq!(check(&[package("services/new", &[])]), [""; 0]);
    }
}
