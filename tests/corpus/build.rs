//! Compiles every folder of `contracts` as a crate of its own would, and writes what was refused to `refused.txt`, and
//! to `out.txt` the folder with the results.
//!
//! A contract knows the contracts that it imports, as if its manifest named only their crates, and it knows the crate
//! of the vendored protos.

use std::{
    collections::BTreeMap,
    env, fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
};

fn main() {
    println!("cargo::rerun-if-changed=contracts");
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR").unwrap());
    let mut corpus = Corpus {
        contracts: folder.join("contracts"),
        out: PathBuf::from(env::var("OUT_DIR").unwrap()),
        results: BTreeMap::new(),
    };
    for name in folders(&corpus.contracts) {
        corpus.compile(&name);
    }
    let (mut code, mut refused) = (String::new(), String::new());
    for (name, result) in &corpus.results {
        match result {
            Ok(_) => {
                let versions = folders(&corpus.contracts.join(name));
                let includes = versions
                    .iter()
                    .map(|version| format!("include!({:?});\n", format!("{name}/{version}.rs")));
                code += &format!(
                    "pub mod {} {{\n{}}}\n",
                    module(name),
                    includes.collect::<String>()
                );
            }
            Err(problem) => problem
                .lines()
                .for_each(|line| refused += &format!("{name}: {line}\n")),
        }
    }
    fs::write(corpus.out.join("contracts.rs"), code).unwrap();
    fs::write(folder.join("refused.txt"), refused).unwrap();
    fs::write(folder.join("out.txt"), corpus.out.display().to_string()).unwrap();
}

/// A published package may have dots in the name of its folder.
fn module(name: &str) -> String {
    name.replace('.', "_")
}

fn folders(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(Result::unwrap);
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut names: Vec<String> = folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

struct Corpus {
    contracts: PathBuf,
    out: PathBuf,
    /// What dependent crates need to know, or why the contract was refused.
    results: BTreeMap<String, Result<String, String>>,
}

impl Corpus {
    fn compile(&mut self, name: &str) {
        if self.results.contains_key(name) {
            return;
        }
        self.results
            .insert(name.to_owned(), Err("imports itself".to_owned()));
        let mut known: Vec<(String, String)> = env::vars()
            .filter(|(name, _)| name.starts_with("DEP_API_VENDORED_"))
            .collect();
        for import in self.imports(name) {
            self.compile(&import);
            if let Some(Ok(made)) = self.results.get(&import) {
                known.push((
                    format!("DEP_{}_CONTRACT", import.to_uppercase()),
                    made.clone(),
                ));
            }
        }
        let out = self.out.join(name);
        fs::create_dir_all(&out).unwrap();
        let contract = self.contracts.join(name);
        let compiled = catch_unwind(AssertUnwindSafe(|| {
            api_build::compile_folder(
                &contract,
                &format!("corpus::{}", module(name)),
                &out,
                known.into_iter(),
            )
        }));
        let result = match compiled {
            Ok(result) => result.map_err(|error| error.to_string()),
            Err(_) => Err("PANIC".to_owned()),
        };
        self.results.insert(name.to_owned(), result);
    }

    /// The contracts that a contract imports, apart from itself.
    fn imports(&self, name: &str) -> Vec<String> {
        let contract = self.contracts.join(name);
        let mut imports = Vec::new();
        for version in folders(&contract) {
            for proto in fs::read_dir(contract.join(version)).unwrap() {
                let text = fs::read_to_string(proto.unwrap().path()).unwrap();
                let lines = text
                    .lines()
                    .filter(|line| line.trim_start().starts_with("import "));
                let paths = lines.filter_map(|line| line.split('"').nth(1));
                let paths = paths.filter(|path| path.ends_with(".proto"));
                let folders = paths.filter_map(|path| Some(path.split_once('/')?.0.to_owned()));
                imports.extend(
                    folders.filter(|other| other != name && self.contracts.join(other).is_dir()),
                );
            }
        }
        imports
    }
}
