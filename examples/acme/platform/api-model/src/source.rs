//! The protos of a contract, parsed and checked.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use prost_reflect::{DescriptorPool, FileDescriptor, Kind, MessageDescriptor, Syntax};

use crate::problem::Error;

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
    /// The import roots.
    roots: [Root; 2],
    own: Vec<String>,
}

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
    fn third_party(contract: &Path) -> Option<Self> {
        let levels = contract.ancestors().count();
        let mut roots = (0..levels).filter_map(|levels| Self::above(contract, levels, THIRD_PARTY));
        roots.find(|root| root.path.is_dir())
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
        let vendored = || {
            Error::new(format!(
                "{}: no folder above it has {THIRD_PARTY}/, with the protos that contracts import from others",
                folder.display()
            ))
        };
        let roots = [
            Root::above(folder, 1, "").ok_or_else(place)?,
            Root::third_party(folder).ok_or_else(vendored)?,
        ];
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let own = protos(folder, &name, version)?;
        let mut compiler =
            protox::Compiler::new(roots.iter().map(|root| &root.path)).map_err(parse_error)?;
        compiler.include_imports(true).include_source_info(true);
        compiler.open_files(&own).map_err(parse_error)?;
        let descriptor_set = compiler.encode_file_descriptor_set();
        // Decoded from bytes, because the typed descriptors would lose custom options.
        let pool = DescriptorPool::decode(descriptor_set.as_slice())
            .map_err(|error| Error::new(error.to_string()))?;
        let package = format!("{}.{version}", name);
        let source = Self {
            version: version.to_owned(),
            package,
            pool,
            descriptor_set,
            roots,
            own,
        };
        source.check()?;
        Ok(source)
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
            if !message.is_map_entry() {
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

    /// The names of the files that define the types of all messages and methods.
    pub fn files_of_types(&self) -> BTreeSet<String> {
        fn add(
            message: &MessageDescriptor,
            seen: &mut BTreeSet<String>,
            files: &mut BTreeSet<String>,
        ) {
            if !seen.insert(message.full_name().to_owned()) {
                return;
            }
            files.insert(message.parent_file().name().to_owned());
            for field in message.fields() {
                match field.kind() {
                    Kind::Message(next) => add(&next, seen, files),
                    Kind::Enum(next) => {
                        files.insert(next.parent_file().name().to_owned());
                    }
                    _ => (),
                }
            }
        }
        let mut seen = BTreeSet::new();
        let mut files: BTreeSet<String> = self.own.iter().cloned().collect();
        for file in self.own_files() {
            let methods = file
                .services()
                .flat_map(|service| service.methods().collect::<Vec<_>>());
            let types = methods.flat_map(|method| [method.input(), method.output()]);
            for message in types.chain(self.messages()).collect::<Vec<_>>() {
                add(&message, &mut seen, &mut files);
            }
        }
        files
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

fn parse_error(error: protox::Error) -> Error {
    // Only its Debug form has file, line and column.
    Error::new(format!("{error:?}"))
}
