//! `cargo run`: renders a workspace with two services, builds and starts it, shows a round trip, and serves until Ctrl-C.

use std::{
    fs::{self, File},
    io::Read,
    net::TcpListener,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::{
    cargo::cargo,
    process::{Leash, signal},
    render::{render_service, render_workspace},
};

const NAME: &str = "acme";
const FIELDS: &str =
    "name:string, email:string:unique:email, bio:text?, hourly_rate:decimal?, active:bool";

const CORE: &str = "http://127.0.0.1:8101";
const CONSULTANTS: &str = "http://127.0.0.1:8102";
const CONSULTANTS_GRPC: &str = "127.0.0.1:9102";

/// The time limit from the start of the first service until both are ready.
const READY_WITHIN: Duration = Duration::from_secs(30);

/// Whether the demonstration has received a signal to stop.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

fn main() -> Result<()> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/demo")
        .join(NAME);
    render(&workspace)?;
    build(&workspace)?;
    let log = workspace.join("data/logs/demo.log");
    let (mut services, _leash) = start(&workspace, &log)?;
    let shown = wait_until_ready(&mut services, &log).and_then(|()| show_around(&workspace));
    if shown.is_ok() {
        println!("\nServing until Ctrl-C; the log is {}", tidy(&log));
    } else if services.try_wait()?.is_none() && !INTERRUPTED.load(Ordering::SeqCst) {
        signal(services.id(), "TERM")?;
    }
    let status = services.wait()?;
    // An interrupted step fails, but that is not a failure of the demonstration.
    if !INTERRUPTED.load(Ordering::SeqCst) {
        shown?;
    }
    ensure!(
        status.success(),
        "a service failed; its log is {}",
        tidy(&log)
    );
    Ok(())
}

/// Renders as a user does: `cargo generate … template-workspace`, and in it `cargo new-service`.
fn render(workspace: &Path) -> Result<()> {
    println!("Rendering the workspace `{NAME}` and its service `consultants` ({FIELDS})");
    let folder = workspace.parent().context("a workspace has a parent")?;
    fs::create_dir_all(folder)?;
    // Everything is rendered anew. Only the target folder stays, so that a second run is quick.
    let (built, kept) = (workspace.join("target"), folder.join("target"));
    if built.exists() {
        fs::rename(&built, &kept)?;
    }
    if workspace.exists() {
        fs::remove_dir_all(workspace)?;
    }
    render_workspace(folder, NAME, &[])?;
    if kept.exists() {
        fs::rename(&kept, &built)?;
    }
    render_service(workspace, "consultants", &[&format!("fields={FIELDS}")])
}

fn build(workspace: &Path) -> Result<()> {
    println!(
        "Building it in {} (a few minutes the first time)",
        tidy(workspace)
    );
    // The tasks too: otherwise `xtask` would be built while the demonstration waits for the services.
    for arguments in [&["build"][..], &["build", "--package", "xtask"]] {
        let status = cargo(workspace).args(arguments).status()?;
        ensure!(status.success(), "the build failed");
    }
    Ok(())
}

/// Starts the services. From then on, Ctrl-C, SIGTERM and SIGHUP are passed on to them.
fn start(workspace: &Path, log: &Path) -> Result<(Child, Leash)> {
    // Otherwise the demonstration would talk to another program on these ports.
    for port in [8101, 9101, 8102, 9102] {
        let free = TcpListener::bind(("127.0.0.1", port));
        free.with_context(|| format!("port {port} is in use: stop what has it and try again"))?;
    }
    fs::create_dir_all(log.parent().context("a log has a folder")?)?;
    let output = File::create(log)?;
    let child = cargo(workspace)
        .args(["xtask", "execute"])
        .stdin(Stdio::null())
        .stdout(output.try_clone()?)
        .stderr(output)
        // In its own process group, it gets no signals from the terminal, only those that are passed on.
        .process_group(0)
        .spawn()?;
    let pid = child.id();
    let leash = Leash::new(pid)?;
    ctrlc::set_handler(move || {
        INTERRUPTED.store(true, Ordering::SeqCst);
        // This fails only when the services have just ended.
        let _ = signal(pid, "INT");
    })?;
    Ok((child, leash))
}

fn wait_until_ready(services: &mut Child, log: &Path) -> Result<()> {
    let deadline = Instant::now() + READY_WITHIN;
    for base in [CORE, CONSULTANTS] {
        while ureq::get(format!("{base}/readyz")).call().is_err() {
            if services.try_wait()?.is_some() || Instant::now() > deadline {
                let mut text = String::new();
                File::open(log)?.read_to_string(&mut text)?;
                bail!("the services did not start; their log says:\n{text}");
            }
            sleep(Duration::from_millis(20));
        }
    }
    Ok(())
}

/// The round trip. Each step is printed as the command that a user would type.
fn show_around(workspace: &Path) -> Result<()> {
    let registration = json!({
        "user": {"email": "ada@example.com", "name": "Ada"},
        "password": "correct horse",
    });
    let user = post(
        "Register a user",
        &format!("{CORE}/v1/users"),
        None,
        &registration,
    )?;
    ensure!(user["name"] == "Ada", "registering answered {user}");

    let credentials = json!({"email": "ada@example.com", "password": "correct horse"});
    let session = post(
        "Log in",
        &format!("{CORE}/v1/auth/login"),
        None,
        &credentials,
    )?;
    ensure!(
        session["accessToken"].is_string(),
        "logging in answered {session}"
    );
    let refresh = json!({"refreshToken": session["refreshToken"]});
    let session = post(
        "Refresh: an access token lasts for five minutes, a refresh token works once",
        &format!("{CORE}/v1/auth/refresh"),
        None,
        &refresh,
    )?;
    let token = session["accessToken"]
        .as_str()
        .context("refreshing gave no token")?;
    let refresh = json!({"refreshToken": session["refreshToken"]});

    let consultant = json!({
        "name": "Grace Hopper",
        "email": "grace@example.com",
        "hourlyRate": {"value": "180.50"},
        "active": true,
    });
    let consultants = format!("{CONSULTANTS}/v1/consultants");
    let created = post(
        "Create a consultant over HTTP",
        &consultants,
        Some(token),
        &consultant,
    )?;
    let id = created["id"].as_str().context("creating gave no id")?;

    println!("\n— Read it over gRPC");
    let call = [
        "xtask",
        "call",
        CONSULTANTS_GRPC,
        "consultants.v1.ConsultantsService/GetConsultant",
        &json!({"id": id}).to_string(),
    ];
    println!(
        "  $ cargo {} {} {} {} '{}'",
        call[0], call[1], call[2], call[3], call[4]
    );
    let output = cargo(workspace)
        .args(call)
        .env("TOKEN", token)
        .stderr(Stdio::inherit())
        .output()?;
    ensure!(output.status.success(), "the gRPC call failed");
    let read: Value = serde_json::from_slice(&output.stdout)?;
    ensure!(
        read["consultant"]["name"] == "Grace Hopper",
        "the gRPC call answered {read}"
    );
    show(&read);

    println!(
        "
Both services are up. In a browser:
  API pages     {CORE}/docs  {CONSULTANTS}/docs
  metrics       {CORE}/metrics  {CONSULTANTS}/metrics
  health        {CORE}/readyz  {CONSULTANTS}/readyz

What to try next, in another terminal:
  cd {workspace}
  export TOKEN={token}
  curl {CORE}/v1/auth/refresh -d '{refresh}'    # in five minutes, for the next
  curl -H \"authorization: Bearer $TOKEN\" {CONSULTANTS}/v1/consultants
  curl -X PATCH -H \"authorization: Bearer $TOKEN\" {CONSULTANTS}/v1/consultants/{id} -d '{{\"active\": false}}'
  cargo xtask call {CONSULTANTS_GRPC} consultants.v1.ConsultantsService/ListConsultants
  cargo test --package consultants

And a third service, after Ctrl-C here:
  cargo install cargo-generate --locked --ignore-rust-version
  cargo new-service --name invoices --define 'fields=number:string:unique, amount:decimal, due:date, paid:bool'
  cargo run --package invoices",
        workspace = tidy(workspace),
    );
    Ok(())
}

fn post(what: &str, url: &str, token: Option<&str>, body: &Value) -> Result<Value> {
    println!("\n— {what}");
    let authorization = token.map_or("", |_| " -H \"authorization: Bearer $TOKEN\"");
    println!("  $ curl{authorization} {url} -d '{body}'");
    let mut request = ureq::post(url).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = request
        .send(body.to_string())
        .with_context(|| format!("{what} failed"))?;
    let answer: Value = serde_json::from_reader(answer.into_body().into_reader())?;
    show(&answer);
    Ok(answer)
}

fn show(answer: &Value) {
    for line in format!("{answer:#}").lines() {
        println!("  {line}");
    }
}

fn tidy(path: &Path) -> String {
    let path: PathBuf = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match std::env::current_dir()
        .ok()
        .and_then(|here| Some(path.strip_prefix(here).ok()?.to_owned()))
    {
        Some(relative) => relative.display().to_string(),
        None => path.display().to_string(),
    }
}
