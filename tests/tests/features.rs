//! A feature that a team removes from `platform` is not compiled, and code that needs it reports that.

use std::{fs, sync::Mutex};

use tests::acme::{Acme, succeeds};

const LINE: &str =
    r#"platform = { path = "platform/platform", features = ["api-page", "otlp", "redis"] }"#;

/// The dependency of each feature.
const HEAVY: [(&str, &str); 3] = [
    ("api-page", "swagger-ui-dist"),
    ("otlp", "opentelemetry-otlp"),
    ("redis", "fred"),
];

#[test]
fn a_feature_that_is_struck_out_takes_its_dependencies_along() {
    with_features(r#""api-page", "otlp", "redis""#, |acme| {
        for (feature, dependency) in HEAVY {
            assert!(tree(acme).contains(&format!("{dependency} v")), "{feature}");
        }
    });
    with_features("", |acme| {
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
    });
}

/// Without the other features, so that one build shows that the tests of `core` need none of them.
#[test]
fn with_the_feature_dynamic_a_service_uses_the_shared_library_of_the_platform() {
    with_features(r#""dynamic""#, |acme| {
        succeeds(acme.cargo(&["test", "--package=core"])).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let mut core = acme.service("core", folder.path(), 0, 0);
        let program = fs::read(core.get_program()).unwrap();
        let library = b"libplatform_dynamic";
        assert!(program.windows(library.len()).any(|part| part == library));
        // Started without cargo, it finds the library.
        core.arg("config");
        succeeds(core).unwrap();
    });
}

/// Does something in the workspace with these features of `platform` instead of those rendered.
fn with_features(features: &str, then: impl FnOnce(&Acme)) {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    let acme = Acme::rendered();
    let manifest = acme.path().join("Cargo.toml");
    let text = fs::read_to_string(&manifest).unwrap();
    assert!(text.contains(LINE), "the line of the features has changed");
    let line = format!(r#"platform = {{ path = "platform/platform", features = [{features}] }}"#);
    fs::write(&manifest, text.replace(LINE, &line)).unwrap();
    then(acme);
    acme.restore().unwrap();
}

/// The dependencies of `core`, one a line.
fn tree(acme: &Acme) -> String {
    let tree = acme.cargo(&["tree", "--package=core", "--edges=normal", "--prefix=none"]);
    String::from_utf8(succeeds(tree).unwrap().stdout).unwrap()
}
