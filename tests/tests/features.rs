//! A feature that a team removes from `platform` is not compiled, and code that needs it reports that.

use std::fs;

use tests::acme::{Acme, succeeds};

const LINE: &str =
    r#"platform = { path = "platform/platform", features = ["api-page", "otlp", "redis"] }"#;
const WITHOUT: &str = r#"platform = { path = "platform/platform" }"#;

/// The dependency of each feature.
const HEAVY: [(&str, &str); 3] = [
    ("api-page", "swagger-ui-dist"),
    ("otlp", "opentelemetry-otlp"),
    ("redis", "fred"),
];

#[test]
fn a_feature_that_is_struck_out_takes_its_dependencies_along() {
    let acme = Acme::rendered();
    for (feature, dependency) in HEAVY {
        assert!(tree(acme).contains(&format!("{dependency} v")), "{feature}");
    }

    let manifest = acme.path().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(LINE), "the line of the features has changed");
    fs::write(&manifest, text.replace(LINE, WITHOUT)).unwrap();
    for (feature, dependency) in HEAVY {
        assert!(
            !tree(acme).contains(&format!("{dependency} v")),
            "{feature}"
        );
    }
    let check = ["clippy", "--package=core", "--", "-Dwarnings"];
    succeeds(acme.cargo(&check)).unwrap();
    // These crates test what they refuse without their feature.
    let refusals = [
        "test",
        "--lib",
        "--package=platform-redis",
        "--package=platform-telemetry",
    ];
    let output = succeeds(acme.cargo(&refusals)).unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let tests = output.matches("with_the_word_to_add ... ok").count();
    assert_eq!(tests, 2, "{output}");
    acme.restore().unwrap();
}

/// The dependencies of `core`, one a line.
fn tree(acme: &Acme) -> String {
    let tree = acme.cargo(&["tree", "--package=core", "--edges=normal", "--prefix=none"]);
    String::from_utf8(succeeds(tree).unwrap().stdout).unwrap()
}
