//! Messages, server and client, as prost and tonic make them.

use std::{fs, path::Path};

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::{names::Names, problem::Error, redact, source::Source};

pub fn generate(source: &Source, names: &Names, out: &Path) -> Result<String, Error> {
    let mut files = FileDescriptorSet::decode(source.descriptor_set.as_slice())
        .map_err(|error| Error::new(error.to_string()))?;
    // What defines a type that the contract uses; options and their files mean nothing to prost.
    let used = source.files_of_types();
    files.file.retain(|file| used.contains(file.name()));
    let mut config = prost_build::Config::new();
    config.compile_well_known_types();
    // In a fixed order, so that the same answer has the same JSON.
    config.btree_map(["."]);
    config.skip_debug(
        redact::messages(source)
            .iter()
            .map(|message| format!(".{}", message.full_name())),
    );
    let mut builder = tonic_prost_build::configure()
        .out_dir(out)
        .compile_well_known_types(true)
        .emit_rerun_if_changed(false);
    for (prefix, path) in names.extern_paths() {
        builder = builder.extern_path(prefix, path);
    }
    builder
        .compile_fds_with_config(files, config)
        .map_err(|error| Error::new(format!("{}: {error}", source.package)))?;
    let file = out.join(format!("{}.rs", source.package));
    fs::read_to_string(&file).map_err(|error| Error::new(format!("{}: {error}", file.display())))
}
