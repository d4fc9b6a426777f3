//! The structure of the platform: which crate may depend on which, and that no modules of a crate form a circle.

mod arrows;
mod circles;

use std::path::PathBuf;

use arrows::Package;

/// The crates under platform/ that services are built from, bottom to top, each with the crates that it may depend on.
/// It may also depend on whatever those may depend on.
const ROOMS: &[(&str, &[&str])] = &[
    ("api-json", &[]),
    ("api-runtime", &["api-json"]),
    ("api-vendored", &["api-runtime"]),
    ("platform-base", &["api-runtime"]),
    ("platform-list", &["platform-base"]),
    ("platform-database", &["platform-list"]),
    ("platform-redis", &["platform-base"]),
    ("platform-cache", &["platform-redis"]),
    ("platform-auth", &["platform-base"]),
    ("platform-telemetry", &["platform-base"]),
    // Redis for rate limits.
    (
        "platform-server",
        &["platform-auth", "platform-redis", "platform-telemetry"],
    ),
    ("platform-registry", &["platform-base"]),
    ("platform-client", &["platform-auth", "platform-registry"]),
    ("platform-events", &["platform-database"]),
    (
        "platform",
        &[
            "platform-cache",
            "platform-client",
            "platform-events",
            "platform-server",
        ],
    ),
];

/// The crates under platform/ that only build or test others.
const TOOLS: &[&str] = &[
    "api-build",
    "api-mapping",
    "api-model",
    "sql-lint",
    "testkit",
];

/// Crates whose circles are known and not yet taken apart.
const CIRCLES_KNOWN: &[&str] = &[];

#[test]
fn the_list_of_crates_goes_from_bottom_to_top() {
    for (place, (room, known)) in ROOMS.iter().enumerate() {
        let below = &ROOMS[..place];
        for known in *known {
            let is_below = below.iter().any(|(lower, _)| lower == known);
            assert!(is_below, "{room} is listed before {known}, which it knows");
        }
    }
}

#[test]
fn every_dependency_between_platform_crates_points_down() {
    let wrong = arrows::upward(ROOMS, TOOLS, &Package::all());
    assert!(wrong.is_empty(), "\n\n{}\n", wrong.join("\n"));
}

#[test]
fn no_modules_of_a_platform_crate_form_a_circle() {
    let mut circles = String::new();
    for package in Package::all() {
        let is_checked = package.is_of_the_platform() && !CIRCLES_KNOWN.contains(&&*package.name);
        for root in ["lib.rs", "main.rs"].map(|file| package.folder.join("src").join(file)) {
            if is_checked && root.exists() {
                for circle in circles::find(&root) {
                    circles += &format!("{}:\n{circle}\n", package.name);
                }
            }
        }
    }
    let circles = circles.replace(&format!("{}/", workspace().display()), "");
    assert!(
        circles.is_empty(),
        "\n\nThese files use each other. Move what both need into a file of its own, below them:\n\n{circles}"
    );
}

/// Cargo runs a test in the folder of its package.
fn workspace() -> PathBuf {
    let package = std::env::current_dir().expect("there is a working directory");
    package
        .parent()
        .expect("a package is in a workspace")
        .to_owned()
}
