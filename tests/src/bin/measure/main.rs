//! `cargo run --release --bin measure -- render|build|requests|data|tokens|logins`: the numbers of the README, as Markdown
//! tables. `build` goes up to 50 services; `build 8` up to 8.
//!
//! `requests`, `data` and `logins` need h2load (Debian: nghttp2-client) and Linux (`/proc`), `data` PostgreSQL and Redis as
//! well, `tokens` openssl and Linux.

mod data;
mod tokens;

use std::{
    collections::BTreeMap,
    fs,
    net::TcpStream,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};
use tests::{
    cargo::cargo,
    render::{render_service, render_workspace, repository},
};

const FIELDS: &str = "fields=name:string, note:text?, size:int64, done:bool";

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("render") => rendering(),
        Some("build") => building(match arguments.next() {
            Some(services) => services
                .parse()
                .context("`build` takes a number of services")?,
            None => 50,
        }),
        Some("requests") => requests(),
        Some("data") => data::measure(),
        Some("tokens") => tokens::measure(),
        Some("logins") => logins(),
        _ => bail!("usage: measure render|build|requests|data|tokens|logins"),
    }
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

/// A build from nothing with one service beside `core`, what each further one adds until there are so many, and rebuilds
/// after an edit with one and with all.
fn building(services: u32) -> Result<()> {
    ensure!(services > 1, "how many services? At least 2");
    let folder = fresh("build")?;
    let workspace = render_workspace(&folder, "acme", &[])?;
    render_service(&workspace, "items", &[FIELDS])?;
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

    // Taken anew: an edit leaves behind what incremental compilation keeps of the state before it.
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

/// Builds in the dev profile and says how many seconds it took.
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

/// A workspace with the service that is measured and `bare`, what it is measured against, built and without data.
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

/// CPU time per request of the rendered service and of the same thing written by hand, in one run; and what the layers
/// alone add to an echo.
fn requests() -> Result<()> {
    let workspace = prepare()?;
    let core = Process::start(&workspace, "core", &[])?;
    core.ready("http://127.0.0.1:8101")?;
    register()?;
    let token = log_in()?;
    let start = Instant::now();
    let items = Process::start(&workspace, "items", &[])?;
    items.ready(SERVICE.http)?;
    println!("| a service, release build | |\n|---|---|");
    println!(
        "| from start to ready | {:.0} ms |",
        start.elapsed().as_secs_f64() * 1e3
    );
    sleep(Duration::from_secs(2));
    println!(
        "| resident memory, idle | {:.1} MB |\n",
        items.resident_megabytes()?
    );

    drop(items);

    // One request in a hundred is traced, which is the default once there is somebody to send traces to.
    let _sink = Process::start(&workspace, "bare", &["sink", COLLECTOR])?;
    let collector = format!("http://{COLLECTOR}");
    let traced = [("ITEMS__TELEMETRY__OTLP_ENDPOINT", collector.as_str())];
    let items = Process::start_with(&workspace, "items", &[], &traced)?;
    items.ready(SERVICE.http)?;
    let id = fill(&token)?;
    let layers = Process::start(&workspace, "bare", &[])?;
    layers.ready(LAYERS.http)?;
    let arguments = ["echo", "127.0.0.1:18081", "127.0.0.1:19081"];
    let echo = Process::start(&workspace, "bare", &arguments)?;
    let arguments = [
        "query",
        "127.0.0.1:18082",
        "127.0.0.1:19082",
        "sqlite://data/items.db",
    ];
    let query = Process::start(&workspace, "bare", &arguments)?;
    sleep(Duration::from_millis(500));

    println!(
        "| µs of CPU a request | echo by hand | behind the layers | added | query by hand | the service |"
    );
    println!("|---|---|---|---|---|---|");
    for call in &calls(&id, &workspace)? {
        // A token does not last for all of them.
        let token = log_in()?;
        // Taken in turn, so that a machine that slows down does so for all of them.
        let servers = [
            (&echo, &ECHO, 20),
            (&layers, &LAYERS, 20),
            (&query, &QUERY, 1),
            (&items, &SERVICE, 1),
        ];
        let mut taken = servers.map(|_| Vec::new());
        for _ in 0..5 {
            for (times, (process, address, more)) in taken.iter_mut().zip(servers) {
                let requests = call.requests * more;
                times.push(call.cpu_micros(process, address, &token, requests)?);
            }
        }
        let [echo, layers, query, service] = taken.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        let added = (layers - echo) / echo * 100.0;
        println!(
            "| {} | {echo:.1} | {layers:.1} | {added:.0} % | {query:.0} | {service:.0} |",
            call.name
        );
    }
    Ok(())
}

/// Log ins that a core of the processor manages in a second, beside the check of a password alone, in one run.
fn logins() -> Result<()> {
    const LOG_INS: u32 = 200;
    let workspace = prepare()?;
    let core = Process::start(&workspace, "core", &[])?;
    core.ready("http://127.0.0.1:8101")?;
    register()?;
    let bare = Process::start(&workspace, "bare", &["password", "127.0.0.1:18084"])?;
    bare.listening("127.0.0.1:18084")?;

    let body = workspace.join("target/credentials");
    fs::write(&body, credentials().to_string())?;
    let call = Call {
        name: "log in",
        grpc: false,
        path: "/v1/auth/login".to_owned(),
        body: Some(body),
        requests: LOG_INS,
    };
    let servers = [(&bare, &PASSWORD), (&core, &CORE)];
    let mut taken = servers.map(|_| Vec::new());
    for _ in 0..5 {
        for (times, (process, address)) in taken.iter_mut().zip(servers) {
            times.push(call.cpu_micros(process, address, "none", call.requests)?);
        }
    }
    let [bare, core] = taken.map(|mut times| {
        times.sort_by(f64::total_cmp);
        1e6 / times[times.len() / 2]
    });
    println!("| a second and core | |\n|---|---|");
    println!("| passwords checked by bare argon2id | {bare:.1} |");
    println!("| log ins by `core`, SQLite | {core:.1} |");
    Ok(())
}

struct Address {
    http: &'static str,
    grpc: &'static str,
}

const COLLECTOR: &str = "127.0.0.1:14317";
const CORE: Address = Address {
    http: "http://127.0.0.1:8101",
    grpc: "http://127.0.0.1:9101",
};
const PASSWORD: Address = Address {
    http: "http://127.0.0.1:18084",
    grpc: "",
};
const SERVICE: Address = Address {
    http: "http://127.0.0.1:8102",
    grpc: "http://127.0.0.1:9102",
};
const LAYERS: Address = Address {
    http: "http://127.0.0.1:18083",
    grpc: "http://127.0.0.1:19083",
};
const ECHO: Address = Address {
    http: "http://127.0.0.1:18081",
    grpc: "http://127.0.0.1:19081",
};
const QUERY: Address = Address {
    http: "http://127.0.0.1:18082",
    grpc: "http://127.0.0.1:19082",
};

struct Call {
    name: &'static str,
    grpc: bool,
    path: String,
    body: Option<PathBuf>,
    requests: u32,
}

fn calls(id: &str, workspace: &Path) -> Result<Vec<Call>> {
    let write = |name: &str, bytes: &[u8]| -> Result<Option<PathBuf>> {
        let path = workspace.join("target").join(name);
        fs::write(&path, bytes)?;
        Ok(Some(path))
    };
    let method = |name| format!("/items.v1.ItemsService/{name}");
    let mut get = vec![0x0a, id.len() as u8];
    get.extend(id.bytes());
    // name = 10, note = 11, size = 12, done = 13
    let item = b"\x52\x06a name\x5a\x06a note\x60\x07\x68\x00";
    let mut create = vec![0x0a, item.len() as u8];
    create.extend(item);
    let json = json!({"name": "a name", "note": "a note", "size": "7", "done": false});
    let call = |name, grpc, path, body, requests| Call {
        name,
        grpc,
        path,
        body,
        requests,
    };
    Ok(vec![
        call(
            "get, gRPC",
            true,
            method("GetItem"),
            write("get", &framed(&get))?,
            10_000,
        ),
        call("get, HTTP", false, format!("/v1/items/{id}"), None, 10_000),
        call(
            "list of 20, gRPC",
            true,
            method("ListItems"),
            write("list", &framed(b"\x08\x14"))?,
            5_000,
        ),
        call(
            "list of 20, HTTP",
            false,
            "/v1/items?pageSize=20".to_owned(),
            None,
            5_000,
        ),
        call(
            "create, gRPC",
            true,
            method("CreateItem"),
            write("create", &framed(&create))?,
            5_000,
        ),
        call(
            "create, HTTP",
            false,
            "/v1/items".to_owned(),
            write("json", json.to_string().as_bytes())?,
            5_000,
        ),
    ])
}

/// A gRPC message on the wire: not compressed, its length, itself.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

impl Call {
    /// Sends the requests and says what each cost the server, user and system time together.
    fn cpu_micros(
        &self,
        server: &Process,
        address: &Address,
        token: &str,
        requests: u32,
    ) -> Result<f64> {
        let mut command = Command::new("h2load");
        command.args(["-c", "4", "-n", &requests.to_string()]);
        command
            .arg("-H")
            .arg(format!("authorization: Bearer {token}"));
        let base = if self.grpc {
            command.args([
                "-m",
                "8",
                "-H",
                "content-type: application/grpc",
                "-H",
                "te: trailers",
            ]);
            address.grpc
        } else {
            command.args(["--h1", "-H", "content-type: application/json"]);
            address.http
        };
        if let Some(body) = &self.body {
            command.arg("-d").arg(body);
        }
        let before = server.cpu()?;
        let output = command
            .arg(format!("{base}{}", self.path))
            .output()
            .context("h2load (nghttp2-client) is missing")?;
        let used = server.cpu()? - before;
        let report = String::from_utf8_lossy(&output.stdout);
        ensure!(
            report.contains(&format!("{requests} 2xx")) && !report.contains("(0) data"),
            "{}: not every request succeeded:\n{report}",
            self.name,
        );
        Ok(used.as_secs_f64() * 1e6 / f64::from(requests))
    }
}

struct Process(Child);

impl Process {
    fn start(workspace: &Path, name: &str, arguments: &[&str]) -> Result<Self> {
        Self::start_with(workspace, name, arguments, &[])
    }

    fn start_with(
        workspace: &Path,
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let log = fs::File::create(workspace.join("target").join(format!("{name}.log")))?;
        let child = Command::new(workspace.join("target/release").join(name))
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(workspace)
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    fn ready(&self, base: &str) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while ureq::get(format!("{base}/readyz")).call().is_err() {
            ensure!(Instant::now() < deadline, "{base} does not become ready");
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    fn listening(&self, address: &str) -> Result<()> {
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(address).is_err() {
            ensure!(Instant::now() < deadline, "nothing listens on {address}");
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// User and system time, from `/proc/PID/stat` (proc_pid_stat(5), fields 14 and 15).
    fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.0.id()))?;
        let (_, fields) = stat
            .rsplit_once(')')
            .context("an unknown form of /proc/PID/stat")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|f| f.parse().unwrap_or(0))
            .sum();
        // A tick is 10 ms wherever Linux runs in user space (USER_HZ).
        Ok(Duration::from_millis(ticks * 10))
    }

    fn resident_megabytes(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kilobytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself; there is nothing else to do about a failure here.
        let _ = self.0.kill();
        let _ = self.0.wait();
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

/// Creates enough items for a page; answers with the id of one.
fn fill(token: &str) -> Result<String> {
    let item = json!({"name": "a name", "note": "a note", "size": "7", "done": false});
    let mut id = Value::Null;
    for _ in 0..20 {
        id = post(&format!("{}/v1/items", SERVICE.http), token, &item)?["id"].take();
    }
    Ok(id.as_str().context("no id")?.to_owned())
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

/// A file that stands in several places, as cargo's programs do, counts once.
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
