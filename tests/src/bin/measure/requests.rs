//! The cost of a request on each transport, behind the layers alone and in a rendered service. Each is compared with
//! the same methods written by hand, in the same run.

use std::{
    fs,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::{
    instructions::Counter,
    log_in, post, prepare,
    process::{Address, Call, Process},
    register,
};

const COLLECTOR: &str = "127.0.0.1:14317";
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

/// SQLite moves its log into the database after some hundred writes, for as many instructions as the rest of them. Fewer
/// requests would make it chance how often that is counted. It costs more in a larger table, up to a limit, so there are
/// as many rows before anything is measured.
const WRITES: u32 = 20_000;

/// The four servers that are compared.
struct Servers {
    echo: Process,
    layers: Process,
    query: Process,
    service: Process,
}

/// CPU time only if `cpu_time` is set, instructions in any case.
pub fn measure(cpu_time: bool) -> Result<()> {
    let workspace = prepare()?;
    let core = Process::start(&workspace, "core", &[])?;
    core.ready("http://127.0.0.1:8101")?;
    register()?;
    idle(&workspace)?;

    let _sink = Process::start(&workspace, "bare", &["sink", COLLECTOR])?;
    let servers = Servers::start(&workspace, None)?;
    let id = fill(&log_in()?)?;
    let calls = calls(&id, &workspace)?;
    if let Some(create) = calls.last() {
        let written = create.load(&SERVICE, &log_in()?, WRITES).output();
        create.check(written, WRITES)?;
    }
    if cpu_time {
        cpu(&servers, &calls)?;
    }
    drop(servers);

    match Counter::find(&workspace.join("target/callgrind")) {
        Some(counter) => instructions(&workspace, &counter, &calls),
        None => {
            println!("\n{}", Counter::MISSING);
            Ok(())
        }
    }
}

fn idle(workspace: &Path) -> Result<()> {
    let start = Instant::now();
    let service = Process::start(workspace, "items", &[])?;
    service.ready(SERVICE.http)?;
    println!("| a service, release build | |\n|---|---|");
    println!(
        "| from start to ready | {:.0} ms |",
        start.elapsed().as_secs_f64() * 1e3
    );
    sleep(Duration::from_secs(2));
    println!(
        "| resident memory, idle | {:.1} MB |\n",
        service.resident()?
    );
    Ok(())
}

fn cpu(servers: &Servers, calls: &[Call]) -> Result<()> {
    println!(
        "| µs of CPU a request | echo by hand | behind the layers | added | query by hand | the service |"
    );
    println!("|---|---|---|---|---|---|");
    for call in calls {
        // A token expires before all calls are measured.
        let token = log_in()?;
        let mut taken = [const { Vec::new() }; 4];
        // The servers take turns, so that a slow phase of the machine affects all of them.
        for _ in 0..5 {
            for (times, (process, address, more)) in taken.iter_mut().zip(servers.all()) {
                let requests = call.requests * more;
                times.push(call.cpu_micros(process, address, &token, requests)?);
            }
        }
        let [echo, layers, query, service] = taken.map(|mut times| {
            times.sort_by(f64::total_cmp);
            times[times.len() / 2]
        });
        println!(
            "| {} | {echo:.1} | {layers:.1} | {:.0} % | {query:.0} | {service:.0} |",
            call.name,
            added(echo, layers)
        );
    }
    Ok(())
}

fn instructions(workspace: &Path, counter: &Counter, calls: &[Call]) -> Result<()> {
    let servers = Servers::start(workspace, Some(counter))?;
    println!(
        "\n| instructions a request, by {} | echo by hand | behind the layers | added | query by hand | the service |",
        counter.name()
    );
    println!("|---|---|---|---|---|---|");
    for call in calls {
        let token = log_in()?;
        let mut counts = [0.0; 4];
        let all = servers.all().into_iter().zip(Servers::NAMES);
        for (count, ((process, address, _), name)) in counts.iter_mut().zip(all) {
            *count = counter.count(process, name, call, address, &token)?;
        }
        let [echo, layers, query, service] = counts;
        println!(
            "| {} | {echo:.0} | {layers:.0} | {:.0} % | {query:.0} | {service:.0} |",
            call.name,
            added(echo, layers)
        );
    }
    Ok(())
}

/// In per cent.
fn added(echo: f64, layers: f64) -> f64 {
    (layers - echo) / echo * 100.0
}

impl Servers {
    const NAMES: [&str; 4] = ["echo", "layers", "query", "service"];

    /// Starts all of them, under the counter if it needs that.
    fn start(workspace: &Path, counter: Option<&Counter>) -> Result<Self> {
        let start = |name, program, arguments: &[&str], variables: &[(&str, &str)]| {
            let under = counter.map(|counter| counter.launcher(name)).transpose()?;
            let under = under.unwrap_or_default();
            Process::start_under(&under, workspace, program, arguments, variables)
        };
        let echo = ["echo", "127.0.0.1:18081", "127.0.0.1:19081"];
        let query = [
            "query",
            "127.0.0.1:18082",
            "127.0.0.1:19082",
            "sqlite://data/items.db",
            "memory://",
        ];
        // One request in a hundred is traced, which is the default once a trace collector is configured.
        let collector = format!("http://{COLLECTOR}");
        let traced = [("ITEMS__TELEMETRY__OTLP_ENDPOINT", collector.as_str())];
        let servers = Self {
            echo: start("echo", "bare", &echo, &[])?,
            layers: start("layers", "bare", &[], &[])?,
            query: start("query", "bare", &query, &[])?,
            service: start("service", "items", &[], &traced)?,
        };
        servers.echo.listening("127.0.0.1:18081")?;
        servers.query.listening("127.0.0.1:18082")?;
        servers.layers.ready(LAYERS.http)?;
        servers.service.ready(SERVICE.http)?;
        Ok(servers)
    }

    /// The servers with their addresses. The third value multiplies the number of requests: an echo is cheap, and the
    /// kernel counts CPU time in steps of 10 ms.
    fn all(&self) -> [(&Process, &'static Address, u32); 4] {
        [
            (&self.echo, &ECHO, 20),
            (&self.layers, &LAYERS, 20),
            (&self.query, &QUERY, 1),
            (&self.service, &SERVICE, 1),
        ]
    }
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
    // The numbers of the fields: name = 10, note = 11, size = 12, done = 13.
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
            WRITES,
        ),
        call(
            "create, HTTP",
            false,
            "/v1/items".to_owned(),
            write("json", json.to_string().as_bytes())?,
            WRITES,
        ),
    ])
}

/// A gRPC message on the wire: a byte that says it is not compressed, its length, and the message.
fn framed(message: &[u8]) -> Vec<u8> {
    let mut frame = vec![0];
    frame.extend((message.len() as u32).to_be_bytes());
    frame.extend(message);
    frame
}

/// Creates enough items for a page, and returns the id of one.
fn fill(token: &str) -> Result<String> {
    let item = json!({"name": "a name", "note": "a note", "size": "7", "done": false});
    let mut id = Value::Null;
    for _ in 0..20 {
        id = post(&format!("{}/v1/items", SERVICE.http), token, &item)?["id"].take();
    }
    Ok(id.as_str().context("no id")?.to_owned())
}
