//! Follows the guides in `docs/` of a workspace exactly.
//!
//! The info string of a code block says what to do: ```` ```diff FILE ```` changes a file, ```` ```sql FILE ```` is a
//! whole file, ```` ```sh ```` is run and succeeds, ```` ```sh fails ```` is run and fails, and each line of a ````
//! ```text ```` must be in the output of the previous run.

use std::{fs, path::Path, process::Output};

use tests::{
    acme::{Scratch, succeeds},
    render::render_service,
};

/// The service that the guides change.
const FIELDS: &str = "fields=name:string, email:string:unique:email, born:date?, active:bool";

/// One test, because both guides change the same workspace and share its build.
#[test]
fn a_guide_ends_in_a_service_that_does_what_it_says() {
    let workspace = Scratch::new("guides").unwrap();
    for (guide, acceptance) in [
        ("add-a-field.md", include_str!("phone.rs")),
        ("add-an-rpc.md", include_str!("deactivate.rs")),
    ] {
        remove_service(workspace.path());
        render_service(workspace.path(), "consultants", &[FIELDS]).unwrap();
        follow(&workspace, guide);

        let test = "services/consultants/tests/guide.rs";
        fs::write(workspace.path().join(test), acceptance).unwrap();
        succeeds(workspace.cargo(&["test", "-p", "consultants", "--test", "guide"])).unwrap();
        succeeds(workspace.cargo(&["fmt", "--all", "--check"])).unwrap();
    }
}

/// Follows the README of a workspace.
fn remove_service(workspace: &Path) {
    if !workspace.join("services/consultants").exists() {
        return;
    }
    for folder in ["services/consultants", "api/consultants"] {
        fs::remove_dir_all(workspace.join(folder)).unwrap();
    }
    for entry in [
        "contracts/consultants",
        "services/consultants",
        "ports/8102",
    ] {
        fs::remove_file(workspace.join(format!(".platform/{entry}.rhai"))).unwrap();
    }
}

fn follow(workspace: &Scratch, guide: &str) {
    let text = fs::read_to_string(workspace.path().join("docs").join(guide)).unwrap();
    let mut output = String::new();
    let mut parts = text.split("\n```");
    parts.next();
    // The content of a block, and the text between it and the next one.
    while let (Some(block), Some(_)) = (parts.next(), parts.next()) {
        let (kind, content) = block.split_once('\n').unwrap();
        let place = format!("{guide}: ```{kind}\n{content}");
        match kind.split(' ').collect::<Vec<_>>()[..] {
            ["diff", file] => change(&workspace.path().join(file), content, &place),
            ["sql", file] => {
                let file = workspace.path().join(file);
                assert!(file.exists(), "no command has made the file: {place}");
                fs::write(file, format!("{content}\n")).unwrap();
            }
            ["sh"] => output = run(workspace, content, true, &place),
            ["sh", "fails"] => output = run(workspace, content, false, &place),
            ["text"] => {
                for line in content.lines() {
                    assert!(output.contains(line), "`{line}`, {place}\n{output}");
                }
            }
            _ => panic!("what is to be done with {place}"),
        }
    }
}

/// Runs one command per line, which must all succeed or all fail, and returns their output.
fn run(workspace: &Scratch, commands: &str, succeed: bool, place: &str) -> String {
    let mut printed = String::new();
    for command in commands.lines() {
        let arguments: Vec<_> = command.split(' ').collect();
        assert_eq!(arguments[0], "cargo", "{place}");
        let Output {
            status,
            stdout,
            stderr,
        } = workspace.cargo(&arguments[1..]).output().unwrap();
        for bytes in [stdout, stderr] {
            printed += &String::from_utf8_lossy(&bytes);
        }
        assert_eq!(status.success(), succeed, "{place}\n{printed}");
    }
    printed
}

/// Applies changes, separated by `@@`. Lines with a space stay, lines with `-` are removed, lines with `+` are added.
/// The old lines must occur exactly once, in this order.
fn change(file: &Path, changes: &str, place: &str) {
    let mut text = format!("\n{}", fs::read_to_string(file).unwrap());
    for change in changes.split("\n@@\n") {
        let side = |left_out: char| {
            let lines = change.lines().filter(|line| !line.starts_with(left_out));
            lines.fold("\n".to_owned(), |side, line| {
                side + line.get(1..).unwrap_or_default() + "\n"
            })
        };
        let (old, new) = (side('+'), side('-'));
        let found = text.matches(&old).count();
        assert_eq!(found, 1, "found {found} times: {change}\nof {place}");
        text = text.replacen(&old, &new, 1);
    }
    fs::write(file, &text[1..]).unwrap();
}
