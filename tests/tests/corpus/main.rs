//! Any contract compiles without a warning, or is refused in one sentence with its place.
//!
//! All contracts of a test are modules of one crate, `tests/corpus`, in a rendered workspace: cargo is started once.

mod published;
mod random;
mod well_known;

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::{Context, Result, ensure};
use published::Published;
use tests::{
    acme::{Scratch, succeeds, tool},
    render::repository,
};
use walkdir::WalkDir;

#[test]
fn public_contracts_and_small_cases_of_every_kind_compile_or_are_known_to_be_refused() {
    let corpus = Corpus::new().unwrap();
    copy(&source().join("cases"), &corpus.contracts).unwrap();
    copy(&source().join("third_party"), &corpus.third_party).unwrap();
    let folder = corpus.contracts.join("well_known/v1");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("well_known.proto"), well_known::proto()).unwrap();
    let mut packages = 0;
    for (published, contracts) in published_contracts(&corpus).unwrap() {
        published
            .vendor("google/type/money.proto", &corpus.third_party)
            .unwrap();
        for package in contracts {
            published
                .put(&package, &corpus.contracts, &corpus.third_party)
                .unwrap();
            packages += 1;
        }
    }
    assert!(packages >= 60, "only {packages} packages are in the corpus");

    let refused = corpus.compile().unwrap();
    let known = include_str!("refused.txt").lines();
    let known: BTreeSet<&str> = known
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .collect();
    let refused: BTreeSet<&str> = refused.lines().collect();
    // A contract that is no longer refused is struck from the list, and none is added.
    let differences: Vec<_> = refused.symmetric_difference(&known).collect();
    assert!(differences.is_empty(), "{differences:#?}");
    corpus.check_documents().unwrap();
}

/// How many random contracts one crate has.
const AT_ONCE: usize = 200;

#[test]
fn random_contracts_compile_or_are_refused_with_their_place() {
    // TESTS_CONTRACTS=10000 tries more of them than each change needs.
    let count = env::var("TESTS_CONTRACTS").map_or(AT_ONCE, |count| count.parse().unwrap());
    for seed in 0..count / AT_ONCE {
        let corpus = Corpus::new().unwrap();
        let contracts = random::contracts(seed as u64, AT_ONCE);
        let names: Vec<String> = (0..contracts.len())
            .map(|index| format!("random{index}"))
            .collect();
        for (index, contract) in contracts.iter().enumerate() {
            let before = index
                .checked_sub(1)
                .map(|before| (names[before].as_str(), contracts[before].first_message()));
            let folder = corpus.contracts.join(&names[index]).join("v1");
            fs::create_dir_all(&folder).unwrap();
            let proto = contract.proto(&names[index], before);
            fs::write(folder.join(format!("{}.proto", names[index])), proto).unwrap();
        }

        let refused = corpus
            .compile()
            .unwrap_or_else(|error| panic!("seed {seed}: {error:#}"));
        let mut refused_contracts = BTreeSet::new();
        for line in refused.lines() {
            let (name, problem) = line.split_once(": ").unwrap();
            // The place may be in what it imports.
            let line = problem.split_once(".proto:").map(|(_, rest)| rest);
            let place = line.and_then(|rest| rest.split([':', ' ']).next());
            let is_place = place.is_some_and(|place| place.parse::<u32>().is_ok());
            assert!(is_place, "seed {seed}: {problem}");
            refused_contracts.insert(name);
        }
        let accepted = contracts.len() - refused_contracts.len();
        assert!(
            accepted > contracts.len() / 3,
            "seed {seed}: only {accepted} are accepted"
        );
        corpus.check_documents().unwrap();
    }
}

/// A workspace with the crate `tests/corpus`, and where its contracts and vendored protos lie.
struct Corpus {
    /// Two workspaces with crates of the same names cannot be built into one target folder at a time.
    _alone: MutexGuard<'static, ()>,
    workspace: Scratch,
    crate_folder: PathBuf,
    contracts: PathBuf,
    third_party: PathBuf,
}

impl Corpus {
    fn new() -> Result<Self> {
        static ALONE: Mutex<()> = Mutex::new(());
        let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
        let workspace = Scratch::new("corpus")?;
        let crate_folder = workspace.path().join("api/corpus");
        for file in ["Cargo.toml", "build.rs", "src/lib.rs"] {
            let copied = crate_folder.join(file);
            fs::create_dir_all(copied.parent().context("a file is in a folder")?)?;
            fs::copy(source().join(file), copied)?;
        }
        let contracts = crate_folder.join("contracts");
        fs::create_dir_all(&contracts)?;
        let third_party = workspace.path().join("third_party");
        Ok(Self {
            _alone,
            workspace,
            crate_folder,
            contracts,
            third_party,
        })
    }

    /// Compiles every contract. Returns those refused, a line for each problem, with the name of the contract.
    fn compile(&self) -> Result<String> {
        let clippy = [
            "clippy",
            "--package=corpus",
            "--package=api-vendored",
            "--",
            "-Dwarnings",
        ];
        succeeds(self.workspace.cargo(&clippy))?;
        let refused = fs::read_to_string(self.crate_folder.join("refused.txt"))?;
        ensure!(!refused.contains("PANIC"), "{refused}");
        Ok(refused)
    }

    /// Checks what the services would serve: the descriptors with buf, and the OpenAPI documents.
    fn check_documents(&self) -> Result<()> {
        let out = fs::read_to_string(self.crate_folder.join("out.txt"))?;
        let files = WalkDir::new(out)
            .into_iter()
            .map(|entry| Ok(entry?.into_path()));
        let files = files.collect::<Result<Vec<PathBuf>>>()?;
        let with = |ending| {
            files
                .iter()
                .filter(move |file| file.to_string_lossy().ends_with(ending))
        };
        let mut validator = tool("openapi-spec-validator");
        validator
            .args(["--schema", "3.1.0"])
            .args(with(".openapi.json"));
        succeeds(validator)?;
        for descriptors in with(".bin") {
            let mut buf = tool("buf");
            buf.arg("build")
                .arg(format!("{}#format=binpb", descriptors.display()));
            succeeds(buf)?;
        }
        Ok(())
    }
}

fn source() -> PathBuf {
    repository().join("tests/corpus")
}

/// What `contracts.txt` names: the packages, and what has them.
fn published_contracts(corpus: &Corpus) -> Result<Vec<(Published, Vec<String>)>> {
    let mut contracts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let mut heading = "";
    let lines = include_str!("contracts.txt").lines();
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        match line.strip_prefix('[') {
            Some(line) => heading = line.trim_end_matches(']'),
            None => contracts.entry(heading).or_default().push(line.to_owned()),
        }
    }
    let mut all = Vec::new();
    for (heading, contracts) in contracts {
        let words: Vec<&str> = heading.split(' ').collect();
        let folder = match words[0] {
            "npm" => repository().join("target/published").join(words[1]),
            "crate" => crate_folder(corpus, words[1])?,
            _ => PathBuf::from(words[1]),
        };
        let roots: Vec<PathBuf> = words[2..].iter().map(|root| folder.join(root)).collect();
        ensure!(
            roots[0].is_dir(),
            "{}: is not there: tests/run installs it",
            roots[0].display()
        );
        all.push((Published::read(&roots)?, contracts));
    }
    Ok(all)
}

/// The sources of a dependency.
fn crate_folder(corpus: &Corpus, name: &str) -> Result<PathBuf> {
    let metadata = succeeds(corpus.workspace.cargo(&["metadata", "--format-version=1"]))?;
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout)?;
    let mut packages = metadata["packages"].as_array().into_iter().flatten();
    let package = packages.find(|package| package["name"] == name);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let manifest = manifest.with_context(|| format!("no workspace has the crate {name}"))?;
    Ok(Path::new(manifest)
        .parent()
        .context("a manifest is in a folder")?
        .to_owned())
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in WalkDir::new(from) {
        let entry = entry?;
        let to = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(to)?;
        } else {
            fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}
