//! Contracts that others published, made into contracts of a workspace.
//!
//! A contract of ours lies in the folder of its package, in a version, and says of each method who may call it. So the
//! files of a package are put there, their imports of each other follow, and each method gets a policy. Nothing else is
//! changed, and no line moves. What they import from elsewhere becomes a vendored proto.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

use walkdir::WalkDir;

/// The protos below some import roots.
pub struct Published {
    /// Where a proto lies, by its import path.
    files: BTreeMap<String, PathBuf>,
    /// The import paths of each protobuf package.
    packages: BTreeMap<String, Vec<String>>,
}

impl Published {
    pub fn read(roots: &[PathBuf]) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut packages: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for root in roots {
            let entries = WalkDir::new(root).sort_by_file_name().into_iter();
            for entry in entries.map(|entry| entry.expect("an installed package can be read")) {
                let path = entry.path();
                let name = path
                    .strip_prefix(root)
                    .unwrap_or(path)
                    .display()
                    .to_string();
                if !name.ends_with(".proto") || files.contains_key(&name) {
                    continue;
                }
                if let Some(package) = package(&fs::read_to_string(path)?) {
                    packages.entry(package).or_default().push(name.clone());
                }
                files.insert(name, path.to_owned());
            }
        }
        Ok(Self { files, packages })
    }

    /// Puts the contract of a package into the folder `contracts`, and what it imports into `third_party`.
    pub fn put(&self, package: &str, contracts: &Path, third_party: &Path) -> io::Result<()> {
        let own = self.packages.get(package).ok_or_else(|| {
            io::Error::other(format!(
                "nothing that is installed has the package {package}"
            ))
        })?;
        let contract = Contract::of(package);
        let folder = contracts.join(&contract.name).join(&contract.version);
        fs::create_dir_all(&folder)?;
        let mut needed = Vec::new();
        for name in own {
            let text = fs::read_to_string(&self.files[name])?;
            let (text, imports) = contract.adapt(&text, own);
            fs::write(folder.join(file_name(name)), text)?;
            needed.extend(imports);
        }
        needed
            .iter()
            .try_for_each(|name| self.vendor(name, third_party))
    }

    /// Puts a proto and what it imports into the folder `third_party`, unless it is there.
    pub fn vendor(&self, name: &str, third_party: &Path) -> io::Result<()> {
        let copy = third_party.join(name);
        // `google/protobuf` comes with the compiler.
        let Some(path) = self
            .files
            .get(name)
            .filter(|_| !copy.exists() && !name.starts_with("google/protobuf/"))
        else {
            return Ok(());
        };
        let text = fs::read_to_string(path)?;
        fs::create_dir_all(copy.parent().unwrap_or(third_party))?;
        fs::write(copy, &text)?;
        imports(&text)
            .iter()
            .try_for_each(|name| self.vendor(name, third_party))
    }
}

/// `google/iam/v1/policy.proto` in one folder: `google_iam_v1_policy.proto`, as two may have the same last name.
fn file_name(name: &str) -> String {
    name.replace('/', "_")
}

struct Contract {
    package: String,
    name: String,
    version: String,
}

impl Contract {
    fn of(package: &str) -> Self {
        let is_version = |last: &str| {
            let number = last.strip_prefix('v').unwrap_or_default();
            number.starts_with(|first: char| first.is_ascii_digit())
        };
        let (name, version) = match package.rsplit_once('.') {
            Some((name, version)) if is_version(version) => (name, version),
            _ => (package, "v1"),
        };
        Self {
            package: package.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    /// The text of one of its files, and the imports from elsewhere.
    fn adapt(&self, text: &str, own: &[String]) -> (String, Vec<String>) {
        const POLICY: &str = " option (platform.v1.policy) = {access: ACCESS_PUBLIC};";
        let new_package = format!("{}.{}", self.name, self.version);
        let tokens = tokens(text);
        let mut edits: Vec<(usize, usize, String)> = Vec::new();
        let mut imports = Vec::new();
        let word = |index: usize| tokens.get(index).map_or("", |(from, to)| &text[*from..*to]);
        for (index, (from, to)) in tokens.iter().copied().enumerate() {
            match word(index) {
                "package" if word(index + 1) == self.package && word(index + 2) == ";" => {
                    edits.push((
                        tokens[index + 1].0,
                        tokens[index + 1].1,
                        new_package.clone(),
                    ));
                    let end = tokens[index + 2].1;
                    edits.push((end, end, " import \"platform/v1/policy.proto\";".to_owned()));
                }
                "import" => {
                    let path =
                        (index + 1..index + 3).find(|index| word(*index).starts_with(['"', '\'']));
                    let Some(path) = path else { continue };
                    let (from, to) = tokens[path];
                    let name = &text[from + 1..to - 1];
                    if own.iter().any(|own| own == name) {
                        let name = file_name(name);
                        let new = format!("\"{}/{}/{name}\"", self.name, self.version);
                        edits.push((from, to, new));
                    } else {
                        imports.push(name.to_owned());
                    }
                }
                "rpc" if word(index + 2) == "(" => {
                    let parts = (index..tokens.len()).filter(|index| word(*index) == ")");
                    let Some(last) = parts.take(2).last() else {
                        continue;
                    };
                    match word(last + 1) {
                        "{" => {
                            edits.push((tokens[last + 1].1, tokens[last + 1].1, POLICY.to_owned()))
                        }
                        ";" => edits.push((
                            tokens[last + 1].0,
                            tokens[last + 1].1,
                            format!(" {{{POLICY} }}"),
                        )),
                        _ => (),
                    }
                }
                name => {
                    let full = name.strip_prefix('.').unwrap_or(name);
                    let rest = full
                        .strip_prefix(&self.package)
                        .filter(|rest| rest.starts_with('.'));
                    if let Some(rest) = rest.filter(|_| new_package != self.package) {
                        let dot = if full == name { "" } else { "." };
                        edits.push((from, to, format!("{dot}{new_package}{rest}")));
                    }
                }
            }
        }
        let mut adapted = text.to_owned();
        edits.sort();
        for (from, to, new) in edits.into_iter().rev() {
            adapted.replace_range(from..to, &new);
        }
        (adapted, imports)
    }
}

fn package(text: &str) -> Option<String> {
    let tokens = tokens(text);
    let place = tokens
        .iter()
        .position(|(from, to)| &text[*from..*to] == "package")?;
    tokens
        .get(place + 1)
        .map(|(from, to)| text[*from..*to].to_owned())
}

fn imports(text: &str) -> Vec<String> {
    Contract::of("").adapt(text, &[]).1
}

/// The words with their dots, strings and symbols of a proto, without spaces and comments, as ranges.
fn tokens(text: &str) -> Vec<(usize, usize)> {
    let bytes = text.as_bytes();
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    let end_of = |from: usize, end: &str| {
        text[from..]
            .find(end)
            .map_or(text.len(), |at| from + at + end.len())
    };
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        match bytes[at] {
            b'/' if text[at..].starts_with("//") => at = end_of(at, "\n"),
            b'/' if text[at..].starts_with("/*") => at = end_of(at, "*/"),
            quote @ (b'"' | b'\'') => {
                at += 1;
                while at < bytes.len() && bytes[at] != quote {
                    at += if bytes[at] == b'\\' { 2 } else { 1 };
                }
                at = (at + 1).min(bytes.len());
                tokens.push((start, at));
            }
            byte if byte.is_ascii_whitespace() => at += 1,
            byte if is_word(&byte) => {
                at += bytes[at..].iter().take_while(|byte| is_word(byte)).count();
                tokens.push((start, at));
            }
            _ => {
                at += 1;
                while !text.is_char_boundary(at) {
                    at += 1;
                }
                tokens.push((start, at));
            }
        }
    }
    tokens
}
