//! `cargo run --release --bin measure -- render|build|requests|data|tokens|logins`: the numbers of the README, as Markdown
//! tables. `build` goes up to 50 services, `build 8` up to 8; `build 8 dynamic` with the platform as a shared library.
//! `requests instructions` measures no CPU time, which is of no use on a busy machine.
//!
//! `requests`, `data` and `logins` need h2load (Debian: nghttp2-client) and Linux (`/proc`), `data` PostgreSQL and Redis as
//! well, `tokens` openssl and Linux. `requests` counts instructions with perf or, where that does not work, with valgrind.

mod data;
mod instructions;
mod logins;
mod process;
mod requests;
mod tokens;

use std::{
    collections::BTreeMap,
    env, fs,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    time::Instant,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::{
    cargo::cargo,
    render::{render_service, render_workspace, repository},
};

use crate::process::Address;

const FIELDS: &str = "fields=name:string, note:text?, size:int64, done:bool";

const CORE: Address = Address {
    http: "http://127.0.0.1:8101",
    grpc: "http://127.0.0.1:9101",
};

fn main() -> Result<ExitCode> {
    // cargo-generate needs the user's name, and a container may have none.
    if env::var_os("USER").is_none() {
        let mut again = Command::new(env::current_exe()?);
        let ended = again
            .args(env::args_os().skip(1))
            .env("USER", "nobody")
            .status()?;
        return Ok(if ended.success() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        });
    }
    match env::args().nth(1).as_deref() {
        Some("render") => rendering()?,
        Some("build") => {
            let services = env::args().nth(2).map_or(Ok(50), |services| {
                services
                    .parse()
                    .context("`build` takes a number of services")
            })?;
            let dynamic = match env::args().nth(3).as_deref() {
                None => false,
                Some("dynamic") => true,
                Some(other) => bail!("`build` takes `dynamic` after the number, not {other}"),
            };
            building(services, dynamic)?;
        }
        Some("requests") => requests::measure(match env::args().nth(2).as_deref() {
            None => true,
            Some("instructions") => false,
            Some(_) => bail!("`requests` takes `instructions` or nothing"),
        })?,
        Some("data") => data::measure()?,
        Some("tokens") => tokens::measure()?,
        Some("logins") => logins::measure()?,
        _ => bail!("usage: measure render|build|requests|data|tokens|logins"),
    }
    Ok(ExitCode::SUCCESS)
}

fn rendering() -> Result<()> {
    let folder = fresh("render")?;
    println!("| rendering | seconds |\n|---|---|");
    let start = Instant::now();
    let workspace = render_workspace(&folder, "acme", &[])?;
    println!("| a workspace | {:.2} |", start.elapsed().as_secs_f64());
    let start = Instant::now();
    render_service(&workspace, "items", &[FIELDS])?;
    println!("| a service | {:.2} |", start.elapsed().as_secs_f64());
    Ok(())
}

/// A clean build with one service beside `core`, the cost of each further service up to this number, and rebuilds after
/// an edit with one service and with all. `dynamic` switches on the feature of that name.
fn building(services: u32, dynamic: bool) -> Result<()> {
    ensure!(services > 1, "how many services? At least 2");
    let folder = fresh("build")?;
    let workspace = render_workspace(&folder, "acme", &[])?;
    render_service(&workspace, "items", &[FIELDS])?;
    if dynamic {
        switch_on(&workspace, "dynamic")?;
    }
    let target = workspace.join("target");

    println!(
        "| dev build on {} cores | |\n|---|---|",
        std::thread::available_parallelism()?
    );
    println!(
        "| `make build`, cold, with `core` and 1 service | {:.0} s |",
        build(&workspace, None)?
    );
    println!(
        "| the target folder then | {:.2} GB |",
        size(&target)? as f64 / 1e9
    );
    rebuilds(&workspace, "1 service")?;

    // Measured again, because an edit leaves incremental data of the previous state behind.
    let before = size(&target)?;
    for number in 2..=services {
        render_service(&workspace, &format!("items{number}"), &[FIELDS])?;
    }
    let further = f64::from(services - 1);
    println!(
        "| each further service | {:.1} s, {:.0} MB |",
        build(&workspace, None)? / further,
        (size(&target)? - before) as f64 / 1e6 / further
    );
    println!(
        "| the target folder with {services} services | {:.2} GB |",
        size(&target)? as f64 / 1e9
    );
    rebuilds(&workspace, &format!("{services} services"))
}

/// Adds a feature of `platform` to the workspace.
fn switch_on(workspace: &Path, feature: &str) -> Result<()> {
    let manifest = workspace.join("Cargo.toml");
    let text = fs::read_to_string(&manifest)?;
    let line = r#"platform = { path = "platform/platform", features = ["#;
    ensure!(text.contains(line), "the line of the features has changed");
    let switched = text.replace(line, &format!("{line}\"{feature}\", "));
    Ok(fs::write(&manifest, switched)?)
}

fn rebuilds(workspace: &Path, services: &str) -> Result<()> {
    let handler = |text: &str, edit: u32| {
        let required = "{field} is required";
        text.replacen(required, &format!("{required}, edit {edit}"), 1)
    };
    let contract = |text: &str, edit: u32| {
        format!(
            "{text}\n// An edit.\nmessage Edit{edit} {{\n  // A field.\n  string field = 1;\n}}\n"
        )
    };
    type Edit<'a> = &'a dyn Fn(&str, u32) -> String;
    let edits: [(&str, &str, Edit); 2] = [
        ("one handler", "services/items/src/service.rs", &handler),
        ("one contract", "api/items/v1/items.proto", &contract),
    ];
    for (what, file, edit) in edits {
        let file = workspace.join(file);
        let original = fs::read_to_string(&file)?;
        let mut seconds = Vec::new();
        for number in 0..3 {
            let edited = edit(&original, number);
            ensure!(edited != original, "{what} cannot be edited");
            fs::write(&file, edited)?;
            seconds.push(build(workspace, Some("items"))?);
        }
        fs::write(&file, original)?;
        build(workspace, Some("items"))?;
        seconds.sort_by(f64::total_cmp);
        println!(
            "| again, after editing {what}, with {services} | {:.1} s |",
            seconds[1]
        );
    }
    Ok(())
}

/// Builds in the dev profile, and returns how many seconds it took.
fn build(workspace: &Path, package: Option<&str>) -> Result<f64> {
    let mut command = cargo(workspace);
    command.args(["build", "--quiet"]);
    if let Some(package) = package {
        command.args(["--package", package]);
    }
    let start = Instant::now();
    ensure!(command.status()?.success(), "the build failed");
    Ok(start.elapsed().as_secs_f64())
}

/// Builds a workspace with the measured service and with `bare`, its counterpart written by hand. It has no data.
fn prepare() -> Result<PathBuf> {
    let folder = repository().join("target/measure/requests");
    let workspace = folder.join("acme");
    if !workspace.exists() {
        fs::create_dir_all(&folder)?;
        render_workspace(&folder, "acme", &[])?;
        render_service(&workspace, "items", &[FIELDS])?;
    }
    let bare = workspace.join("services/bare");
    fs::create_dir_all(bare.join("src"))?;
    let ours = repository().join("tests/measure/bare");
    for file in ["Cargo.toml", "config.yaml"] {
        fs::copy(ours.join(file), bare.join(file))?;
    }
    for entry in fs::read_dir(ours.join("src"))? {
        let entry = entry?;
        fs::copy(entry.path(), bare.join("src").join(entry.file_name()))?;
    }
    let built = cargo(&workspace)
        .args(["build", "--release", "--quiet"])
        .status()?;
    ensure!(built.success(), "the build failed");
    match fs::remove_dir_all(workspace.join("data")) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(workspace),
    }
}

fn register() -> Result<()> {
    let user =
        json!({"user": {"email": "ada@example.com", "name": "Ada"}, "password": "correct horse"});
    post("http://127.0.0.1:8101/v1/users", "", &user).map(drop)
}

fn log_in() -> Result<String> {
    let session = post("http://127.0.0.1:8101/v1/auth/login", "", &credentials())?;
    Ok(session["accessToken"]
        .as_str()
        .context("no token")?
        .to_owned())
}

fn credentials() -> Value {
    json!({"email": "ada@example.com", "password": "correct horse"})
}

fn post(url: &str, token: &str, body: &Value) -> Result<Value> {
    let request = ureq::post(url).header("authorization", format!("Bearer {token}"));
    let answer = request
        .send(body.to_string())
        .with_context(|| format!("POST {url}"))?;
    Ok(serde_json::from_reader(answer.into_body().into_reader())?)
}

fn fresh(name: &str) -> Result<PathBuf> {
    let folder = repository().join("target/measure").join(name);
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// The size of a folder in bytes. A file with several names (cargo's programs are hard links) counts once.
fn size(folder: &Path) -> Result<u64> {
    let mut files = BTreeMap::new();
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let metadata = entry.metadata()?;
            files.insert(metadata.ino(), metadata.len());
        }
    }
    Ok(files.values().sum())
}
