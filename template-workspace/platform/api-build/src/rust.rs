//! Messages, server and client, as prost and tonic make them.

use std::{fs, path::Path};

use prost::Message;
use prost_build::{Service, ServiceGenerator};
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
    config.out_dir(out).service_generator(Box::new(Generators {
        client: tonic().build_server(false).service_generator(),
        server: tonic()
            .build_client(false)
            .codec_path("::api_runtime::codec::ServerCodec")
            .service_generator(),
    }));
    for (prefix, path) in names.extern_paths() {
        config.extern_path(prefix, path);
    }
    config
        .compile_fds(files)
        .map_err(|error| Error::new(format!("{}: {error}", source.package)))?;
    let file = out.join(format!("{}.rs", source.package));
    fs::read_to_string(&file).map_err(|error| Error::new(format!("{}: {error}", file.display())))
}

fn tonic() -> tonic_prost_build::Builder {
    tonic_prost_build::configure().compile_well_known_types(true)
}

/// Servers decode with a codec of their own.
struct Generators {
    client: Box<dyn ServiceGenerator>,
    server: Box<dyn ServiceGenerator>,
}

impl ServiceGenerator for Generators {
    fn generate(&mut self, service: Service, code: &mut String) {
        self.client.generate(service.clone(), code);
        self.server.generate(service, code);
    }

    fn finalize(&mut self, code: &mut String) {
        self.client.finalize(code);
        self.server.finalize(code);
    }
}
