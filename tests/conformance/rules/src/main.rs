//! Checks messages: reads `rules.v1.Case` from standard input, each after its length in four bytes, and writes a line of
//! JSON for each, with path and rule of every violation. `rules --descriptors` writes the contract instead.

use std::{
    error::Error,
    io::{self, Read, Write},
};

use api_runtime::{
    message::Message,
    violations::{Path, Violations},
};
use prost::Message as _;
use serde_json::json;
use tonic_types::StatusExt;

api_runtime::contract!("v1");

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    if std::env::args().any(|argument| argument == "--descriptors") {
        out.write_all(include_bytes!(concat!(env!("OUT_DIR"), "/v1.bin")))?;
        return Ok(());
    }
    let mut input = io::stdin().lock();
    let mut length = [0; 4];
    while input.read_exact(&mut length).is_ok() {
        let mut frame = vec![0; u32::from_le_bytes(length) as usize];
        input.read_exact(&mut frame)?;
        let case = v1::Case::decode(frame.as_slice())?;
        let mut violations = Violations::default();
        case.check(&Path::ROOT, &mut violations);
        let found = match violations.into_result() {
            Ok(()) => Vec::new(),
            Err(status) => status
                .get_error_details()
                .bad_request()
                .map_or(Vec::new(), |request| {
                    let found = request.field_violations.iter();
                    found
                        .map(|found| json!([found.field, found.reason]))
                        .collect()
                }),
        };
        writeln!(out, "{}", json!(found))?;
        out.flush()?;
    }
    Ok(())
}
