//! Our checks of `buf.validate` find what protovalidate finds, Buf's own implementation.

use tests::{
    acme::{succeeds, tool},
    conformance,
};

/// The contract has every rule in every place. `TESTS_MESSAGES=1000000` compares more messages than each change needs.
#[test]
fn every_rule_means_what_protovalidate_says() {
    let messages = std::env::var("TESTS_MESSAGES").unwrap_or("10000".into());
    let program = conformance::program("rules").unwrap();
    let mut oracle = tool("python3");
    oracle
        .arg(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/tests/rules/oracle.py"
        ))
        .arg(program.get_program())
        .args([&messages, "1"]);
    succeeds(oracle).unwrap();
}
