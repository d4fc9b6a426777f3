//! The protos of a contract, parsed and checked.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use prost_reflect::{DescriptorPool, EnumDescriptor, FileDescriptor, MessageDescriptor, Syntax};
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};

use crate::{
    names::{Scope, is_of_runtime},
    problem::Error,
};

/// The workspace's folder of third-party protos.
const THIRD_PARTY: &str = "third_party";

/// One version of a contract.
pub struct Source {
    /// `v1`, the folder and the module.
    pub version: String,
    /// `users.v1`
    pub package: String,
    /// The contract and everything that it imports.
    pub pool: DescriptorPool,
    /// The same, serialized, with custom options and comments.
    pub descriptor_set: Vec<u8>,
    /// Whether its services are served here. Those of a vendored proto are not.
    pub is_served: bool,
    /// The import roots.
    roots: Vec<Root>,
    own: Vec<String>,
}

#[derive(Clone)]
struct Root {
    path: PathBuf,
    /// The path relative to the contract's folder.
    relative: PathBuf,
}

impl Root {
    /// The folder this many levels above the contract's, or a folder in it.
    fn above(contract: &Path, levels: usize, folder: &str) -> Option<Self> {
        Some(Self {
            path: contract.ancestors().nth(levels)?.join(folder),
            relative: [".."]
                .repeat(levels)
                .iter()
                .collect::<PathBuf>()
                .join(folder),
        })
    }

    /// `third_party/` of the contract's workspace. It is searched for at each build, because a workspace may be moved,
    /// and because two workspaces may share compiled crates.
    fn third_party(folder: &Path) -> Result<Self, Error> {
        let levels = folder.ancestors().count();
        let mut roots = (0..levels).filter_map(|levels| Self::above(folder, levels, THIRD_PARTY));
        roots.find(|root| root.path.is_dir()).ok_or_else(|| {
            Error::new(format!(
                "{}: no folder above it has {THIRD_PARTY}/, with the protos that contracts import from others",
                folder.display()
            ))
        })
    }
}

/// The version folders of a contract, such as `v1`.
///
/// # Errors
/// When there is none.
pub fn versions(folder: &Path) -> Result<Vec<String>, Error> {
    let entries = fs::read_dir(folder)
        .map_err(|error| Error::new(format!("{}: {error}", folder.display())))?;
    let mut versions: Vec<String> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| {
            let number = name.strip_prefix('v').unwrap_or_default();
            number.starts_with(|first: char| first.is_ascii_digit())
        })
        .collect();
    versions.sort();
    if versions.is_empty() {
        return Err(Error::new(format!(
            "{}: there is no folder v1 with the contract's protos",
            folder.display()
        )));
    }
    Ok(versions)
}

impl Source {
    /// Reads the protos of one version of the contract in `folder`.
    ///
    /// # Errors
    /// When they do not parse, or do not belong in the folder.
    pub fn load(folder: &Path, version: &str) -> Result<Self, Error> {
        let place = || {
            Error::new(format!(
                "{}: a contract lies in a folder api/",
                folder.display()
            ))
        };
        let roots = vec![
            Root::above(folder, 1, "").ok_or_else(place)?,
            Root::third_party(folder)?,
        ];
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let own = protos(folder, &name, version)?;
        let mut compiler = compiler(&roots);
        compiler.open_files(&own).map_err(parse_error)?;
        let (descriptor_set, pool) = compiled(&compiler)?;
        let package = format!("{}.{version}", name);
        let source = Self {
            version: version.to_owned(),
            package,
            pool,
            descriptor_set,
            is_served: true,
            roots,
            own,
        };
        source.check()?;
        Ok(source)
    }

    /// Reads the protos under `third_party/`, and those of `google.protobuf` that no folder needs to have; one source
    /// for each package.
    ///
    /// # Errors
    /// When there is no such folder.
    pub fn vendored(folder: &Path) -> Result<Vec<Self>, Error> {
        let root = Root::third_party(folder)?;
        let mut files = BTreeSet::new();
        add_protos(&root.path, "", &mut files)?;
        files.extend(OF_PROTOBUF.map(str::to_owned));
        let roots = vec![root];
        let mut compiler = compiler(&roots);
        for file in &files {
            // A contract that imports a file with a mistake is told of it. To others it does not matter.
            let _ = compiler.open_file(file);
        }
        let (descriptor_set, pool) = compiled(&compiler)?;
        let mut packages: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for file in pool.files().filter(|file| !file.package_name().is_empty()) {
            let files = packages.entry(file.package_name().to_owned()).or_default();
            files.push(file.name().to_owned());
        }
        let mut modules = Scope::default();
        let packages = packages.into_iter().map(|(package, own)| Self {
            version: modules.free(&package.replace('.', "_")).to_string(),
            package,
            pool: pool.clone(),
            descriptor_set: descriptor_set.clone(),
            is_served: false,
            roots: roots.clone(),
            own,
        });
        Ok(packages.collect())
    }

    fn check(&self) -> Result<(), Error> {
        let mut problems = Error::default();
        for file in self.own_files() {
            if file.package_name() != self.package {
                problems.add(
                    &file,
                    &[2],
                    format_args!("write `package {};`, as the folder says", self.package),
                );
            }
            if file.syntax() != Syntax::Proto3 {
                problems.add(&file, &[12], "write `syntax = \"proto3\";`");
            }
        }
        problems.into_result()
    }

    /// The files of the contract itself.
    pub fn own_files(&self) -> impl Iterator<Item = FileDescriptor> {
        self.own
            .iter()
            .filter_map(|name| self.pool.get_file_by_name(name))
    }

    /// The contract's own messages, nested ones too, without the entries of maps.
    pub fn messages(&self) -> Vec<MessageDescriptor> {
        fn add(message: MessageDescriptor, messages: &mut Vec<MessageDescriptor>) {
            if !message.is_map_entry() && !is_of_runtime(message.full_name()) {
                let children: Vec<_> = message.child_messages().collect();
                messages.push(message);
                children.into_iter().for_each(|child| add(child, messages));
            }
        }
        let mut messages = Vec::new();
        for file in self.own_files() {
            file.messages()
                .for_each(|message| add(message, &mut messages));
        }
        messages
    }

    /// The full names of all messages and enums that other crates or modules make.
    pub fn foreign_types(&self) -> Vec<String> {
        let name = |values: EnumDescriptor| values.full_name().to_owned();
        fn add(message: MessageDescriptor, types: &mut Vec<String>) {
            types.extend(
                message
                    .child_enums()
                    .map(|values| values.full_name().to_owned()),
            );
            message
                .child_messages()
                .for_each(|message| add(message, types));
            types.push(message.full_name().to_owned());
        }
        let mut types = Vec::new();
        for file in self.pool.files() {
            let mut all: Vec<String> = file.enums().map(name).collect();
            file.messages().for_each(|message| add(message, &mut all));
            let own = file.package_name() == self.package;
            types.extend(all.into_iter().filter(|ty| !own || is_of_runtime(ty)));
        }
        types
    }

    /// The import roots, relative to the contract's folder.
    pub fn folders(&self) -> impl Iterator<Item = &Path> {
        self.roots.iter().map(|root| root.relative.as_path())
    }

    /// The files that were read, relative to the contract's folder.
    pub fn files(&self) -> Vec<PathBuf> {
        let read = |file: FileDescriptor| {
            let mut roots = self.roots.iter();
            let root = roots.find(|root| root.path.join(file.name()).exists())?;
            Some(root.relative.join(file.name()))
        };
        self.pool.files().filter_map(read).collect()
    }
}

/// The names of `<folder>/v1/*.proto` from the import root, sorted, so that builds are reproducible.
fn protos(folder: &Path, name: &str, version: &str) -> Result<Vec<String>, Error> {
    let path = folder.join(version);
    let entries =
        fs::read_dir(&path).map_err(|error| Error::new(format!("{}: {error}", path.display())))?;
    let mut protos: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|file| file.ends_with(".proto"))
        .map(|file| format!("{name}/{version}/{file}"))
        .collect();
    protos.sort();
    if protos.is_empty() {
        return Err(Error::new(format!(
            "{}: there is no proto in it",
            path.display()
        )));
    }
    Ok(protos)
}

/// The protos below a folder, by their path from it.
fn add_protos(folder: &Path, above: &str, protos: &mut BTreeSet<String>) -> Result<(), Error> {
    let problem = |error| Error::new(format!("{}: {error}", folder.display()));
    for entry in fs::read_dir(folder).map_err(problem)? {
        let entry = entry.map_err(problem)?;
        let Ok(name) = entry.file_name().into_string() else {
            continue;
        };
        if entry.path().is_dir() {
            add_protos(&entry.path(), &format!("{above}{name}/"), protos)?;
        } else if name.ends_with(".proto") {
            protos.insert(format!("{above}{name}"));
        }
    }
    Ok(())
}

/// The protos that protobuf itself brings, apart from those whose types api-runtime defines.
const OF_PROTOBUF: [&str; 4] = [
    "google/protobuf/api.proto",
    "google/protobuf/descriptor.proto",
    "google/protobuf/source_context.proto",
    "google/protobuf/type.proto",
];

fn compiler(roots: &[Root]) -> protox::Compiler {
    let roots = roots.iter().map(|root| root.path.clone());
    let mut files = ChainFileResolver::new();
    files.add(Protos(roots.collect()));
    files.add(GoogleFileResolver::new());
    let mut compiler = protox::Compiler::with_file_resolver(files);
    compiler.include_imports(true).include_source_info(true);
    compiler
}

/// The descriptors of all files that were opened and that they import, serialized and decoded.
fn compiled(compiler: &protox::Compiler) -> Result<(Vec<u8>, DescriptorPool), Error> {
    let descriptor_set = compiler.encode_file_descriptor_set();
    // Decoded from bytes, because the typed descriptors would lose custom options.
    let pool = DescriptorPool::decode(descriptor_set.as_slice())
        .map_err(|error| Error::new(error.to_string()))?;
    Ok((descriptor_set, pool))
}

/// Opens protos in the import roots.
struct Protos(Vec<PathBuf>);

impl FileResolver for Protos {
    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        let mut paths = self.0.iter().map(|root| root.join(name));
        let path = paths
            .find(|path| path.is_file())
            .ok_or_else(|| protox::Error::file_not_found(name))?;
        let text = fs::read_to_string(path)
            .map_err(|error| protox::Error::new(format!("{name}: {error}")))?;
        // protoc, too, accepts a byte order mark.
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        File::from_source(name, text).map_err(|error| match edition(text) {
            Some((line, edition)) => protox::Error::new(format!(
                "{name}:{line}: edition {edition} is not supported by this build: write `syntax = \"proto3\";`"
            )),
            None => error,
        })
    }
}

/// The line and the value of the statement `edition = "2023";`, which the parser does not know.
fn edition(text: &str) -> Option<(usize, &str)> {
    let mut lines = text.lines().enumerate();
    lines.find_map(|(index, line)| {
        let value = line.trim_start().strip_prefix("edition")?.trim_start();
        let value = value.strip_prefix('=')?.trim_start();
        let value = value.strip_prefix(['"', '\''])?;
        Some((index + 1, value.split(['"', '\'']).next()?))
    })
}

fn parse_error(error: protox::Error) -> Error {
    match error.file() {
        // Only the Debug form has line and column.
        Some(_) => Error::new(format!("{error:?}")),
        None => Error::new(error.to_string()),
    }
}
