//! protoc in pure Rust, for the build script of etcd-client. It understands the arguments that prost-build passes and no
//! others.

use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut includes = Vec::new();
    let mut files = Vec::new();
    let mut output = None;
    let mut arguments = env::args().skip(1);
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-I" => includes.extend(arguments.next()),
            "-o" => output = arguments.next(),
            // What prost-build always asks for.
            "--include_imports"
            | "--include_source_info"
            | "--experimental_allow_proto3_optional" => {}
            other if other.starts_with('-') => {
                return Err(format!(
                    "{other} is not supported: install protoc, and set PROTOC to it"
                )
                .into());
            }
            _ => files.push(argument),
        }
    }
    let output = output.ok_or("-o is missing")?;
    let mut compiler = protox::Compiler::new(includes)?;
    compiler
        .include_imports(true)
        .include_source_info(true)
        .open_files(files)?;
    fs::write(output, compiler.encode_file_descriptor_set())?;
    Ok(())
}
