//! The types of the protos of others, under `third_party/`. One crate makes them for all contracts of a workspace, so
//! that two contracts share them.

use std::path::Path;

use api_model::{Contract, Error, names::Names, source::Source};

use super::{rust, write};

/// Compiles each package into a module of its own, and all of them into `vendored.rs`, which the crate includes. Returns
/// what the build scripts of dependent crates need to know.
///
/// A package that cannot be compiled is left out. A contract that uses it is refused with the reason.
///
/// # Errors
/// When there is no `third_party/`.
pub fn compile(folder: &Path, library: &str, out: &Path) -> Result<String, Error> {
    let mut sources = Source::vendored(folder)?;
    let mut names = Names::of_dependencies(std::iter::empty());
    for source in &sources {
        names.add_module(&source.package, &source.version);
    }
    let modules = loop {
        let modules: Vec<_> = sources
            .iter()
            .map(|source| module(source, &names))
            .collect();
        if let Ok(modules) = modules.iter().cloned().collect::<Result<Vec<_>, Error>>() {
            break modules;
        }
        // What a package without a module is used by has none either.
        let results = modules.iter();
        sources = sources
            .into_iter()
            .zip(results)
            .filter_map(|(source, module)| match module {
                Ok(_) => Some(source),
                Err(error) => {
                    names.remove_module(&source.package, &error.to_string().replace('\n', " "));
                    None
                }
            })
            .collect();
    };
    let mut all = String::new();
    for (source, code) in sources.iter().zip(modules) {
        let file = format!("{}.rs", source.version);
        write(&out.join(&file), code.as_bytes())?;
        all.push_str(&format!("include!({file:?});\n"));
    }
    write(&out.join("vendored.rs"), all.as_bytes())?;
    for folder in sources
        .iter()
        .flat_map(Source::folders)
        .collect::<std::collections::BTreeSet<_>>()
    {
        println!("cargo::rerun-if-changed={}", folder.display());
    }
    let made: Vec<_> = sources
        .into_iter()
        .map(|source| (source.package, source.version))
        .collect();
    Ok(names.metadata(library, &made))
}

fn module(source: &Source, names: &Names) -> Result<String, Error> {
    let names = names.with_own(&source.package);
    rust::generate(&Contract::read(source, &names)?, source, &names)
}
