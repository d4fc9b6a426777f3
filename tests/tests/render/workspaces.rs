//! The content of a workspace, and the changes when something is added.

use std::fs;

use super::support::{EVERYTHING, Workspace, tree};

#[test]
fn a_service_adds_files_and_changes_none() {
    let workspace = Workspace::new();
    let before = workspace.tree();
    workspace.service("consultants", &[EVERYTHING]).unwrap();
    let after = workspace.tree();
    assert!(after.len() > before.len() + 20);
    for (file, text) in &before {
        assert_eq!(after.get(file), Some(text), "{}", file.display());
    }

    for entry in [
        "services/consultants",
        "api/consultants",
        ".platform/contracts/consultants.rhai",
    ] {
        workspace.delete(entry);
    }
    workspace.delete(".platform/services/consultants.rhai");
    workspace.delete(".platform/ports/8102.rhai");
    fs::remove_dir(workspace.root().join("services")).unwrap();
    fs::remove_dir(workspace.root().join("api")).unwrap();
    assert_eq!(workspace.tree(), before);
}

#[test]
fn a_contract_made_first_is_the_contract_of_the_service() {
    let first = Workspace::new();
    first.proto("consultants", &[EVERYTHING]).unwrap();
    assert!(!first.has("services/consultants"));
    first.write("api/consultants/v1/consultants.proto", "edited by hand");
    first.service("consultants", &[]).unwrap();
    assert_eq!(
        first.read("api/consultants/v1/consultants.proto"),
        "edited by hand"
    );

    let second = Workspace::new();
    second.service("consultants", &[EVERYTHING]).unwrap();
    let contract = second.read("api/consultants/v1/consultants.proto");
    first.write("api/consultants/v1/consultants.proto", &contract);
    assert_eq!(first.tree(), second.tree());
}

#[test]
fn ten_services_take_ten_ports() {
    let workspace = Workspace::new();
    workspace.service("chosen", &["http_port=8103"]).unwrap();
    let mut ports = Vec::new();
    for number in 0..9 {
        let name = format!("service-{}", char::from(b'a' + number));
        workspace.service(&name, &[]).unwrap();
        let config = workspace.read(&format!("services/{name}/config.yaml"));
        ports.extend(
            config
                .lines()
                .filter_map(|line| line.trim().strip_prefix("port: ")?.parse::<u16>().ok()),
        );
    }
    let http = [8102, 8104, 8105, 8106, 8107, 8108, 8109, 8110, 8111];
    let expected: Vec<u16> = http.iter().flat_map(|port| [*port, port + 1000]).collect();
    assert_eq!(ports, expected);
}

#[test]
fn a_mounted_service_has_no_port_and_no_process() {
    let workspace = Workspace::new();
    workspace.service("audits", &["kind=mounted"]).unwrap();
    assert!(!workspace.has("services/audits/src/main.rs"));
    assert!(!workspace.has(".platform/ports/8102.rhai"));
    assert!(
        !workspace
            .read("services/audits/config.yaml")
            .contains("port")
    );
    workspace.service("next", &[]).unwrap();
    assert!(workspace.has(".platform/ports/8102.rhai"));
}

#[test]
fn without_core_nothing_is_mounted() {
    let workspace = Workspace::new();
    workspace.delete(".platform/services/core.rhai");
    workspace.refuses("has no `core`", || {
        workspace.service("audits", &["kind=mounted"])
    });
}

#[test]
fn paths_may_have_spaces_and_any_letters() {
    let plain = Workspace::new();
    plain.service("consultants", &[EVERYTHING]).unwrap();
    let odd = Workspace::in_folder("größe und 数 'x'");
    odd.service("consultants", &[EVERYTHING]).unwrap();
    assert_eq!(tree(odd.root()), tree(plain.root()));
}

#[test]
fn a_workspace_is_whole() {
    let folder = tempfile::tempdir().unwrap();
    let root = tests::render::render_workspace(folder.path(), "acme", &[]).unwrap();
    for file in [
        "Cargo.lock",
        "Cargo.toml",
        "Makefile",
        "README.md",
        "docs/add-a-field.md",
        "docs/add-an-rpc.md",
        "rust-toolchain.toml",
        "api/users/Cargo.toml",
    ] {
        assert!(root.join(file).exists(), "{file}");
    }
    for file in ["cargo-generate.toml", "target", "data", "hooks"] {
        assert!(!root.join(file).exists(), "{file}");
    }
    let again = folder.path().join("again");
    fs::create_dir(&again).unwrap();
    let second = tests::render::render_workspace(&again, "acme", &[]).unwrap();
    assert_eq!(tree(&second), tree(&root));

    let exists = tests::render::render_workspace(folder.path(), "acme", &[]).unwrap_err();
    assert!(exists.to_string().contains("already exists"), "{exists}");
}

#[test]
fn a_workspace_without_core_has_nothing_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let root =
        tests::render::render_workspace(folder.path(), "acme", &["with_core=false"]).unwrap();
    let files = tree(&root);
    for gone in [
        "api/users",
        "api/auth",
        "services/core",
        ".platform/services/core.rhai",
        ".platform/ports/8101.rhai",
    ] {
        assert!(!files.contains_key(std::path::Path::new(gone)), "{gone}");
    }
    tests::render::render_service(&root, "consultants", &[]).unwrap();
    // This workspace has no `core`, so their names are free.
    tests::render::render_service(&root, "auth", &[]).unwrap();
    let refused =
        tests::render::render_service(&root, "others", &["fields=user:ref(users)"]).unwrap_err();
    assert!(
        format!("{refused:#}").contains("there is no contract `users`"),
        "{refused:#}"
    );
}

#[test]
fn the_aliases_go_where_the_templates_came_from() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().display();
    let clone = folder.path().join("a \"clone\"/hooks");
    fs::create_dir_all(&clone).unwrap();
    let module = tests::render::repository().join("hooks/workspace.rhai");
    fs::copy(module, clone.join("workspace.rhai")).unwrap();
    let path =
        format!(r#"["generate", "--init", "--path", "{outside}/a \"clone\"", "template-service"]"#);
    let git =
        |url: &str| format!(r#"["generate", "--init", "--git", "{url}", "template-service"]"#);
    for (name, source, alias) in [
        ("absolute", &*format!("{outside}/a \"clone\""), path.clone()),
        ("relative", "./x/../a \"clone\"/", path),
        (
            "https",
            "https://example.com/t.git",
            git("https://example.com/t.git"),
        ),
        ("file", "file:///srv/t.git", git("file:///srv/t.git")),
        ("ssh", "git@example.com:t.git", git("git@example.com:t.git")),
        ("short", "gh:someone/templates", git("gh:someone/templates")),
    ] {
        let option = format!("template_source={source}");
        let root = tests::render::render_workspace(folder.path(), name, &[&option]).unwrap();
        let config = fs::read_to_string(root.join(".cargo/config.toml")).unwrap();
        assert!(
            config.contains(&format!("new-service = {alias}\n")),
            "{config}"
        );
    }
}

/// A guess would send users of the aliases to strangers.
#[test]
fn without_a_source_there_are_no_aliases() {
    let folder = tempfile::tempdir().unwrap();
    for (name, source) in [
        ("none", ""),
        ("blank", " "),
        ("wrong", "/nowhere"),
        ("word", "templates"),
    ] {
        let option = format!("template_source={source}");
        let root = tests::render::render_workspace(folder.path(), name, &[&option]).unwrap();
        let config = fs::read_to_string(root.join(".cargo/config.toml")).unwrap();
        assert!(config.contains("\nxtask = "), "{config}");
        assert!(!config.contains("\nnew-"), "{config}");
        assert!(config.contains("\n# new-service = "), "{config}");
    }
}

#[test]
fn a_workspace_needs_a_plain_name() {
    let folder = tempfile::tempdir().unwrap();
    for (name, words) in [
        ("ünï", "small letters"),
        ("Acme Corp", "write `acme-corp`"),
        ("", "A name is missing"),
        ("../acme", "write `acme`"),
        (&"n".repeat(61), "more than 60 letters"),
    ] {
        let refused = tests::render::render_workspace(folder.path(), name, &[]).unwrap_err();
        assert!(format!("{refused:#}").contains(words), "{refused:#}");
        assert_eq!(tree(folder.path()).len(), 1, "{name} left something behind");
    }
}
