//! `docs/configuration.md` matches the declarations of the sections.
//!
//! `UPDATE_REFERENCE=1 cargo test -p platform --test reference` rewrites it.

use std::{env, fs, path::PathBuf};

use platform::config::{Config, Configuration, Shown, Value};

const HEAD: &str = "\
# Configuration

<!-- Made from the declarations beside the code: `UPDATE_REFERENCE=1 cargo test -p platform --test reference` -->

A value comes from the last of these that has one: its default, the `config.yaml` of the service (built into the
program), the file given with `--config`, the file `.env`, the environment. The variable is the name of the service and
the key, in capitals, with `__` for each dot: `CORE__DATABASE__URL` sets `database.url` of `core`. A change takes effect
at the next start. An empty variable takes an optional value away.

`<service> config` prints the effective value of every key and where it was written. Secrets are hidden. A key that does
not exist, and a value that cannot be used, keep a service from starting: it names all of them at once.

Durations are written as `500ms`, `5s` or `1m 30s`, sizes in bytes, lists as lists or, in a variable, with commas.

The settings of a service's own are the section `service`, declared in its `src/server.rs`. A service that is mounted in
another process has `database`, `cache` and `service` in the section `mounted.<name>` of that process's file.
";

#[test]
fn the_reference_page_says_what_the_declarations_say() {
    let mut configuration = Configuration::new("<service>", []);
    configuration
        .read::<Config>("")
        .expect("every key has a default");
    let mut page = HEAD.to_owned();
    let mut section = "";
    for shown in configuration.shown() {
        let (name, _) = shown.key.split_once('.').unwrap_or_default();
        if name != section {
            section = name;
            page += &format!(
                "\n## `{section}`\n\n| key | what it is | default | |\n|---|---|---|---|\n"
            );
        }
        page += &row(shown);
    }

    let folder = env::var("CARGO_MANIFEST_DIR").expect("cargo runs this test");
    let path = PathBuf::from(folder).join("../../docs/configuration.md");
    if env::var_os("UPDATE_REFERENCE").is_some() {
        fs::write(&path, &page).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        written == page,
        "docs/configuration.md differs from the declarations: \
         `UPDATE_REFERENCE=1 cargo test -p platform --test reference` writes it anew"
    );
}

fn row(shown: &Shown) -> String {
    let default = match &shown.default {
        Some(Value::Null) | None => "none".to_owned(),
        Some(Value::String(text)) => format!("`{text}`"),
        Some(other) => format!("`{other}`"),
    };
    let plain = |bound: &Value| bound.to_string().trim_matches('"').to_owned();
    let bounds = match &shown.bounds {
        Some((least, most)) => format!(", {} to {}", plain(least), plain(most)),
        None => String::new(),
    };
    let doc = shown.doc.replace('|', "\\|");
    format!(
        "| `{}` | {}{bounds} | {default} | {doc} |\n",
        shown.key, shown.kind
    )
}
