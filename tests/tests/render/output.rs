//! Rendered code reads like code written by hand.

use std::{ffi::OsStr, fs, path::Path, process::Command};

use walkdir::WalkDir;

use super::support::{EVERYTHING, Workspace, for_each};

/// Each is a list of fields: every type alone, every modifier, and names that have a meaning elsewhere.
const FIELDS: &[&str] = &[
    "",
    EVERYTHING,
    "fields=v:string",
    "fields=v:text?",
    "fields=v:bool",
    "fields=v:int32?",
    "fields=v:int64:unique",
    "fields=v:double",
    "fields=v:decimal:unique:min=0.01",
    "fields=v:date?:unique",
    "fields=v:timestamp:index",
    "fields=v:bytes:min=2:max=4",
    "fields=v:json",
    "fields=v:string:immutable:redacted, w:bool:immutable, x:int32?",
    "fields=v:enum(only)",
    "fields=v:enum(a|b)?:index",
    "fields=v:ref(users)?:unique",
    "fields=v:text, owner_id:owner",
    "fields=owner:owner, v:string:unique, w:bool?:index, x:ref(users)?",
    "fields=type:string, match:int32?, async:bool, r2:text, impl:enum(if|else|type)",
    "fields=order:string:unique, select:int64:index, group:date?, from:json?, check:enum(a|b), default_value:bool",
    "fields=message:string, option:int32, optional:bool, repeated:text?, reserved:bytes?, package:double, import:date",
    "fields=mask:string, owner:string?, now:timestamp:index, row:int32?, field:bool:index, required:text, owner_id:owner",
    "fields=table:string, columns:int32, star:bool, all_columns:string?, dsl:date",
];

#[test]
fn no_marker_no_stray_line_and_formatted() {
    let names = ["consultants", "data", "finance/user-2fa"];
    let mut cases = Vec::new();
    for name in names {
        for fields in FIELDS {
            cases.push((name, *fields, "kind=own"));
        }
    }
    cases.extend(
        FIELDS
            .iter()
            .map(|fields| ("audits", *fields, "kind=mounted")),
    );
    let long = "n".repeat(60);
    cases.push((&long, "", "kind=own"));
    for_each(&cases, |(name, fields, kind)| {
        let workspace = Workspace::new();
        let options: Vec<_> = [*fields, *kind]
            .into_iter()
            .filter(|option| !option.is_empty())
            .collect();
        let rendered = workspace.service(name, &options);
        rendered.unwrap_or_else(|error| panic!("{name} {fields}: {error}"));
        reads_well(workspace.root());
    });
}

#[test]
fn a_workspace_reads_well() {
    let folder = tempfile::tempdir().unwrap();
    for (name, option) in [("with", "with_core=true"), ("without", "with_core=false")] {
        let root = tests::render::render_workspace(folder.path(), name, &[option]).unwrap();
        for part in [
            ".platform",
            ".cargo",
            "README.md",
            "ARCHITECTURE.md",
            "docs",
            "Makefile",
            "services",
        ] {
            reads_well(&root.join(part));
        }
        formatted(&root);
    }
}

fn reads_well(root: &Path) {
    for entry in WalkDir::new(root).into_iter().map(Result::unwrap) {
        if !entry.file_type().is_file() {
            continue;
        }
        let path = entry.path().display();
        assert!(!path.to_string().contains("{{"), "{path}");
        let text = fs::read_to_string(entry.path()).unwrap();
        for marker in ["{{", "{%", "\n\n\n", " \n", "\t\n", "{\n\n", "\n\n}"] {
            assert!(!text.contains(marker), "{marker:?} in {path}:\n{text}");
        }
        assert!(
            text.is_empty() || text.ends_with('\n') && !text.ends_with("\n\n"),
            "the end of {path}"
        );
        assert!(!text.starts_with('\n'), "the start of {path}");
    }
    formatted(root);
}

fn formatted(root: &Path) {
    let sources = WalkDir::new(root)
        .into_iter()
        .map(|entry| entry.unwrap().into_path());
    let sources: Vec<_> = sources
        .filter(|path| path.extension() == Some(OsStr::new("rs")))
        .collect();
    if sources.is_empty() {
        return;
    }
    let checked = Command::new("rustfmt")
        .args([
            "--check",
            "--edition",
            "2024",
            "--config",
            "skip_children=true",
        ])
        .args(&sources)
        .output()
        .unwrap();
    assert!(
        checked.status.success(),
        "{}{}",
        String::from_utf8_lossy(&checked.stdout),
        String::from_utf8_lossy(&checked.stderr)
    );
}
