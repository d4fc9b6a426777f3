//! The templates themselves: cargo-generate ignores mistakes in them without a warning.

use std::{collections::BTreeSet, fs, path::PathBuf};

use liquid::ParserBuilder;
use walkdir::WalkDir;

use super::support::tree;

/// Files that are rendered and not only copied.
fn templates(folder: &str) -> Vec<(PathBuf, String)> {
    let root = tests::render::repository().join(folder);
    // From `exclude` and `ignore` of template-workspace/cargo-generate.toml.
    let verbatim = [
        ".github",
        "api",
        "docs",
        "platform",
        "services",
        "third_party",
        "xtask",
        "Cargo.lock",
        "target",
        "data",
    ];
    let entries = WalkDir::new(&root).into_iter().filter_entry(|entry| {
        let name = entry.file_name().to_string_lossy();
        !(folder == "template-workspace" && entry.depth() == 1 && verbatim.contains(&name.as_ref()))
    });
    let files = entries
        .map(Result::unwrap)
        .filter(|entry| entry.file_type().is_file());
    let files = files.filter(|entry| entry.file_name() != "cargo-generate.toml");
    files
        .map(|entry| {
            (
                entry.path().to_owned(),
                fs::read_to_string(entry.path()).unwrap(),
            )
        })
        .collect()
}

#[test]
fn every_template_is_liquid() {
    // No template uses cargo-generate's own filters, so the standard ones are enough.
    let parser = ParserBuilder::with_stdlib().build().unwrap();
    for folder in ["template-workspace", "template-proto", "template-service"] {
        for (path, text) in templates(folder) {
            let name = path.display().to_string();
            parser
                .parse(&text)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            parser
                .parse(&name)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
        }
    }
}

#[test]
fn every_variable_is_set_by_a_hook() {
    let hooks = tests::render::repository().join("hooks");
    let hooks: String = tree(&hooks)
        .into_values()
        .map(|text| String::from_utf8(text).unwrap())
        .collect();
    let placeholders = ["project-name", "with_core", "template_source"];
    for folder in ["template-workspace", "template-proto", "template-service"] {
        for (path, text) in templates(folder) {
            let text = format!("{}\n{text}", path.display());
            for name in variables(&text) {
                let set = hooks.contains(&format!("variable::set(\"{name}\""))
                    || hooks.contains(&format!(" {name}: "));
                assert!(
                    set || placeholders.contains(&name.as_str()),
                    "{name} in {}",
                    path.display()
                );
            }
        }
    }
}

/// cargo-generate passes no maps, so a row of a list is an array. The hooks define its items and their order, and the
/// templates read them by position.
#[test]
fn every_row_is_taken_apart_as_the_hooks_make_it() {
    let hooks = tests::render::repository().join("hooks");
    for (hook, list, row) in [
        ("code.rhai", "ROW", "field"),
        ("contract.rhai", "EMBED", "embed"),
        ("service_code.rhai", "CLIENT", "client"),
    ] {
        let hook = fs::read_to_string(hooks.join(hook)).unwrap();
        let (_, list) = hook.split_once(&format!("const {list} = [\n")).unwrap();
        let (list, _) = list.split_once("];").unwrap();
        let names: Vec<_> = list
            .lines()
            .map(|line| line.split('"').nth(1).unwrap())
            .collect();
        let mut used = BTreeSet::new();
        for (path, text) in [templates("template-proto"), templates("template-service")].concat() {
            let shown = path.display();
            for part in text.split(&format!("{row}[")).skip(1) {
                let (position, rest) = part.split_once(']').unwrap();
                assert!(
                    rest.starts_with(" %}"),
                    "{row}[{position}] without a name in {shown}"
                );
                used.insert(position.parse::<usize>().unwrap());
            }
            for tag in text.split("assign ").skip(1) {
                let (name, rest) = tag.split_once(" = ").unwrap();
                let Some(rest) = rest.strip_prefix(&format!("{row}[")) else {
                    continue;
                };
                let position: usize = rest.split(']').next().unwrap().parse().unwrap();
                assert_eq!(
                    names.get(position),
                    Some(&name),
                    "{row}[{position}] in {shown}"
                );
            }
        }
        assert_eq!(
            used.len(),
            names.len(),
            "{row}: a part that no template uses"
        );
    }
}

/// The names in `{{ }}` and `{% %}`, except those that the template's own loops define.
fn variables(text: &str) -> BTreeSet<String> {
    let keywords = [
        "for",
        "in",
        "if",
        "endif",
        "endfor",
        "else",
        "elsif",
        "unless",
        "endunless",
        "case",
        "when",
        "endcase",
        "assign",
        "capture",
        "endcapture",
        "comment",
        "endcomment",
        "break",
        "contains",
        "and",
        "or",
    ];
    let mut found = BTreeSet::new();
    let mut own = BTreeSet::from(["forloop".to_owned()]);
    for (open, close) in [("{%", "%}"), ("{{", "}}")] {
        for part in text.split(open).skip(1) {
            let inside = part
                .split(close)
                .next()
                .unwrap_or_default()
                .trim_matches('-');
            // Texts and filters are not names.
            let inside: String = inside.split(['"', '\'']).step_by(2).collect();
            let inside = inside.replace("| ", "|");
            let words: Vec<_> = inside.split_whitespace().collect();
            if let ["for", name, "in", ..] | ["assign", name, ..] | ["capture", name, ..] =
                words[..]
            {
                own.insert(name.to_owned());
            }
            for word in words {
                let name = word.split(['.', '[']).next().unwrap_or_default();
                let plain = name
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-');
                let is_number = name.chars().all(|c| c.is_ascii_digit());
                if !is_number && plain && !keywords.contains(&name) {
                    found.insert(name.to_owned());
                }
            }
        }
    }
    &found - &own
}

#[test]
fn both_templates_of_a_contract_are_one() {
    let folder = |name| tests::render::repository().join(name);
    for part in ["api", ".platform/contracts", ".platform/namespaces"] {
        assert_eq!(
            tree(&folder("template-service").join(part)),
            tree(&folder("template-proto").join(part)),
            "{part}"
        );
    }
}
