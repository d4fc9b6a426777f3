//! The templates as users run them: with the command `cargo generate`, from a path and from a git URL, with and without
//! questions.

use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use tests::{cargo::cargo, render::repository};

/// The output for the user, and whether the command succeeded.
fn run(command: &mut Command) -> (bool, String) {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().unwrap();
    let text = [&stdout, &stderr]
        .map(|bytes| String::from_utf8_lossy(bytes))
        .concat();
    (status.success(), text)
}

/// A repository with the current templates, including uncommitted changes.
fn git_repository(folder: &Path) -> PathBuf {
    let copy = folder.join("templates");
    let git = |arguments: &[&str], at: &Path| {
        let (success, text) = run(Command::new("git").args(arguments).current_dir(at));
        assert!(success, "git {arguments:?}: {text}");
        text
    };
    let listed = git(
        &["ls-files", "--cached", "--others", "--exclude-standard"],
        &repository(),
    );
    for file in listed.lines().filter(|file| !file.starts_with("examples/")) {
        let (from, to) = (repository().join(file), copy.join(file));
        if from.exists() {
            std::fs::create_dir_all(to.parent().unwrap()).unwrap();
            std::fs::copy(from, to).unwrap();
        }
    }
    git(&["init", "--quiet", "--initial-branch", "main"], &copy);
    git(&["add", "--all"], &copy);
    let author = ["-c", "user.name=test", "-c", "user.email=test@example.com"];
    git(
        &[&author[..], &["commit", "--quiet", "-m", "templates"]].concat(),
        &copy,
    );
    copy
}

fn generate(at: &Path) -> Command {
    let mut command = cargo(at);
    command.arg("generate").stdin(Stdio::null());
    command
}

fn assert_is_a_workspace_with(workspace: &Path, service: &str) {
    for file in [
        "Cargo.toml".to_owned(),
        format!("services/{service}/src/main.rs"),
    ] {
        assert!(
            workspace.join(&file).exists(),
            "{file} is missing in {}",
            workspace.display()
        );
    }
}

#[test]
fn from_a_path_without_a_question() {
    let folder = tempfile::tempdir().unwrap();
    let repository = repository().display().to_string();
    let source = format!("template_source={repository}");
    let (success, text) = run(generate(folder.path()).args([
        "--path",
        &repository,
        "template-workspace",
        "--name",
        "acme",
        "--silent",
        "-d",
        &source,
    ]));
    assert!(success, "{text}");
    let next = format!("adds a service, with the templates of {repository}");
    assert!(
        text.contains("cargo new-service") && text.contains(&next),
        "the next commands are not told: {text}"
    );

    let workspace = folder.path().join("acme");
    let (success, text) = run(cargo(&workspace).args(["new-service", "--name", "parcels"]));
    assert!(success, "{text}");
    assert!(
        text.contains("cargo run -p parcels"),
        "the next commands are not told: {text}"
    );
    assert_is_a_workspace_with(&workspace, "parcels");
}

#[test]
fn from_a_git_url_without_a_question() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("file://{}", git_repository(folder.path()).display());
    let source = format!("template_source={url}");
    let (success, text) = run(generate(folder.path()).args([
        "--git",
        &url,
        "template-workspace",
        "--name",
        "acme",
        "--silent",
        "-d",
        &source,
    ]));
    assert!(success, "{text}");

    let workspace = folder.path().join("acme");
    let fields = "fields=weight:decimal, fragile:bool";
    let (success, text) =
        run(cargo(&workspace).args(["new-proto", "--name", "parcels", "-d", fields]));
    assert!(success, "{text}");
    let (success, text) = run(cargo(&workspace).args(["new-service", "--name", "parcels"]));
    assert!(success, "{text}");
    assert_is_a_workspace_with(&workspace, "parcels");
    let proto = std::fs::read_to_string(workspace.join("api/parcels/v1/parcels.proto")).unwrap();
    assert!(proto.contains("fragile"), "{proto}");
}

/// Answers where the templates are and then presses Enter, in its own terminal (`script` of util-linux).
#[test]
fn with_questions_that_explain_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let command = format!(
        "cargo generate --path '{}' template-workspace --name acme",
        repository().display()
    );
    let mut terminal = Command::new("script");
    let mut child = terminal
        .args(["--quiet", "--return", "--command", &command, "/dev/null"])
        .current_dir(folder.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("`script` (Debian: bsdutils) is missing");
    let mut keyboard = child.stdin.take().unwrap();
    let answers = format!("{}\r\r\r\r", repository().display());
    keyboard.write_all(answers.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(keyboard);
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}");
    assert!(text.contains("Where these templates come from"), "{text}");
    assert!(
        text.contains("With `core`, the service for users and log in?"),
        "{text}"
    );
    assert_is_a_workspace_with(&folder.path().join("acme"), "core");
}

/// A template cannot find out where it came from, and a guess would send `cargo new-service` to strangers.
#[test]
fn an_unknown_source_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let repository = repository().display().to_string();
    let arguments = ["template-workspace", "--name", "acme", "--silent"];
    let (success, text) = run(generate(folder.path())
        .args(["--path", &repository])
        .args(arguments));
    assert!(success, "{text}");
    assert!(
        text.contains("nobody said where these templates come from")
            && text.contains("-d template_source="),
        "{text}"
    );
    let (success, text) = run(cargo(&folder.path().join("acme")).args(["new-service", "--help"]));
    assert!(!success && text.contains("no such command"), "{text}");
}

#[test]
fn a_refusal_is_one_sentence_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let repository = repository().display().to_string();
    let (success, text) = run(generate(folder.path()).args([
        "--path",
        &repository,
        "template-service",
        "--name",
        "parcels",
        "--init",
        "--silent",
    ]));
    assert!(!success, "{text}");
    assert!(text.contains("is no workspace of this template"), "{text}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}
