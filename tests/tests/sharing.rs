//! Commands share what they compile: for any selection of packages, cargo uses the same features of each dependency,
//! and only one set of them, for build scripts and for services.

use std::collections::{BTreeMap, BTreeSet};

use tests::acme::{Acme, succeeds};

/// The features of each compiled dependency, by its name and version.
type Features = BTreeMap<String, BTreeSet<String>>;

#[test]
fn whatever_packages_are_chosen_their_dependencies_are_the_same() {
    let everything = features(&["--workspace"]);
    let mut differences = Vec::new();
    for (package, features) in &everything {
        if features.len() > 1 {
            differences.push(format!("--workspace: {package} with each of {features:?}"));
        }
    }
    for packages in [
        &[][..],
        &["core"],
        &["records"],
        &["finance-invoices"],
        &["xtask"],
        &["api-build", "sql-lint", "testkit", "xtask"],
    ] {
        for (package, features) in features(&chosen(packages)) {
            let whole = &everything[&package];
            if features != *whole {
                differences.push(format!(
                    "{packages:?}: {package} with {features:?}, but with {whole:?} in the whole workspace"
                ));
            }
        }
    }
    assert!(
        differences.is_empty(),
        "these are compiled more than once. Write the features into [workspace.dependencies]; where none of ours names \
         the dependency, name it in the manifest of a crate that all of them use, as platform-application does for rustix.\n{}",
        differences.join("\n")
    );
}

/// `--package` for each package.
fn chosen<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    packages
        .iter()
        .flat_map(|package| ["--package", package])
        .collect()
}

/// The features in a build of these packages and their tests.
fn features(packages: &[&str]) -> Features {
    let mut tree = Acme::rendered().cargo(&["tree", "--prefix=none", "--format={p}\t{f}"]);
    tree.args(packages);
    let output = succeeds(tree).unwrap();
    let mut found = Features::new();
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        // A package whose dependencies are already listed has this mark.
        let line = line.trim_end_matches(" (*)");
        if let Some((package, features)) = line.split_once('\t') {
            // The features for wide tables are excluded: with them, diesel takes twice as long to compile, so a
            // workspace gets them only with the first service that needs them.
            let features = features
                .split(',')
                .filter(|it| !it.ends_with("-column-tables"));
            let of_package = found.entry(package.to_owned()).or_default();
            of_package.insert(features.collect::<Vec<_>>().join(","));
        }
    }
    found
}
