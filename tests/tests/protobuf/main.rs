//! Binary and JSON are what protobuf's own conformance tests expect.

use tempfile::TempDir;
use tests::{
    acme::{succeeds, tool},
    conformance,
};

/// Recommended cases count as required ones. The runner also objects to a failure in the list that no longer fails.
#[test]
fn protobufs_conformance_tests_pass_but_for_a_short_list() {
    let program = conformance::program("protobuf").unwrap();
    let folder = TempDir::new().unwrap();
    let mut runner = tool("conformance_test_runner");
    runner
        .args(["--enforce_recommended", "--failure_list"])
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/protobuf/failures.txt"
        ))
        .arg("--output_dir")
        .arg(folder.path())
        .arg(program.get_program());
    let output = succeeds(runner).unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    // There is a line for each of its suites, of which one is the text format, which is not tested here.
    let passed = said.split("CONFORMANCE SUITE PASSED: ").skip(1);
    let passed = passed.filter_map(|rest| rest.split(' ').next()?.parse::<u32>().ok());
    assert!(passed.max().is_some_and(|passed| passed >= 1461), "{said}");
}
