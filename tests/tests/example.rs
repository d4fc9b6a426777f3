//! `examples/acme` equals a fresh render of the templates, byte for byte.
//!
//! `UPDATE_EXAMPLES=1 cargo test --test example` renders it anew.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use tests::render::{render_service, render_workspace, repository};

/// The fields from the README.
const CONSULTANTS: &str = "fields=name:string, email:string:unique:email, born:date?, active:bool";

#[test]
fn the_example_is_a_fresh_render() {
    let examples = repository().join("examples");
    let folder = tempfile::tempdir().unwrap();
    // The same on every machine; example.com is reserved.
    let source = "template_source=https://git.example.com/templates.git";
    let rendered = render_workspace(folder.path(), "acme", &[source]).unwrap();
    render_service(&rendered, "consultants", &[CONSULTANTS]).unwrap();

    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        let example = examples.join("acme");
        if example.exists() {
            fs::remove_dir_all(&example).unwrap();
        }
        for (path, bytes) in files(&rendered) {
            let path = example.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
    }

    let (fresh, example) = (files(&rendered), files(&examples.join("acme")));
    let differing: Vec<_> = fresh
        .keys()
        .chain(example.keys())
        .filter(|path| fresh.get(*path) != example.get(*path))
        .collect();
    assert!(
        differing.is_empty(),
        "examples/acme is not what the templates render; \
         `UPDATE_EXAMPLES=1 cargo test --test example` renders it anew. It differs in {differing:?}"
    );
}

/// Every file below a folder, except those that cargo and the services write.
fn files(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .filter_entry(|entry| {
            entry.depth() != 1 || !["target", "data"].contains(&entry.file_name().to_str().unwrap())
        })
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file())
        .map(|entry| {
            let path = entry.path().strip_prefix(folder).unwrap().to_owned();
            (path, fs::read(entry.path()).unwrap())
        })
        .collect()
}
