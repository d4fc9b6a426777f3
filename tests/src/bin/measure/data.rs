//! The cost of a request on each database and cache, compared with the same methods written by hand.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tests::servers::{Postgres, Redis};

use crate::{log_in, post, prepare, process::Process, register};

const ROUNDS: usize = 9;
const REQUESTS: usize = 5_000;

/// A database and the cache in front of it.
struct Backend {
    name: &'static str,
    database: String,
    cache: String,
}

/// A server and the address that it listens on.
struct Server {
    process: Process,
    base: String,
}

/// The cost of a request, in microseconds.
struct Cost {
    cpu: f64,
    p50: u64,
    p99: u64,
}

impl Cost {
    const MOST: Self = Self {
        cpu: f64::INFINITY,
        p50: 0,
        p99: 0,
    };
}

pub fn measure() -> Result<()> {
    let workspace = prepare()?;
    let core = Process::start(&workspace, "core", &[])?;
    core.ready("http://127.0.0.1:8101")?;
    register()?;
    let postgres = Postgres::of_the_distribution()?;
    let redis = Redis::start()?;
    let backend = |name, database: &str, cache: &str| Backend {
        name,
        database: database.to_owned(),
        cache: cache.to_owned(),
    };
    let backends = [
        backend("SQLite, memory", "sqlite://data/items.db", "memory://"),
        backend("PostgreSQL, memory", &postgres.url(), "memory://"),
        backend("PostgreSQL, Redis", &postgres.url(), &redis.url()),
    ];
    println!("| database, cache | | CPU by hand | the service | p50, p99 by hand | the service |");
    println!("|---|---|---|---|---|---|");
    for backend in &backends {
        backend.measure(&workspace)?;
    }
    Ok(())
}

impl Backend {
    fn measure(&self, workspace: &Path) -> Result<()> {
        let service = self.service(workspace, 8102, "60s")?;
        let uncached_service = self.service(workspace, 18102, "50ms")?;
        let by_hand = self.by_hand(workspace, 18103, &[&self.cache])?;
        let uncached_by_hand = self.by_hand(workspace, 18104, &[])?;

        let item = json!({"name": "a name", "note": "a note", "size": "7", "done": false});
        let token = log_in()?;
        let paths = (0..REQUESTS)
            .map(|_| {
                let item = post(&format!("{}/v1/items", service.base), &token, &item)?;
                let id = item["id"].as_str().context("no id")?;
                Ok(format!("/v1/items/{id}"))
            })
            .collect::<Result<Vec<_>>>()?;
        let list = ["/v1/items?pageSize=20".to_owned()];
        let calls = [
            ("get, cached", &paths[..1], None, [&by_hand, &service]),
            (
                "get, not cached",
                &paths[..],
                None,
                [&uncached_by_hand, &uncached_service],
            ),
            ("list of 20", &list[..], None, [&by_hand, &service]),
            (
                "create",
                &["/v1/items".to_owned()][..],
                Some(&item),
                [&by_hand, &service],
            ),
        ];
        for (call, paths, body, servers) in calls {
            // A token expires before all calls are measured.
            let token = log_in()?;
            // The servers take turns, so that a slow phase of the machine affects both. Other load only adds to the
            // cost, so the least value is the most accurate.
            let mut least = servers.map(|_| Cost::MOST);
            for _ in 0..ROUNDS {
                for (least, server) in least.iter_mut().zip(servers) {
                    let cost = server.load(workspace, &token, paths, body)?;
                    if cost.cpu < least.cpu {
                        *least = cost;
                    }
                }
            }
            let [by_hand, service] = least;
            println!(
                "| {} | {call} | {:.0} | {:.0} | {}, {} | {}, {} |",
                self.name,
                by_hand.cpu,
                service.cpu,
                by_hand.p50,
                by_hand.p99,
                service.p50,
                service.p99
            );
        }
        Ok(())
    }

    /// Starts the rendered service. Its cache holds an entry for `ttl`.
    fn service(&self, workspace: &Path, port: u16, ttl: &str) -> Result<Server> {
        let [http, grpc] = [port, port + 1000].map(|port| port.to_string());
        let variables = [
            ("ITEMS__HTTP__PORT", http.as_str()),
            ("ITEMS__GRPC__PORT", grpc.as_str()),
            ("ITEMS__DATABASE__URL", &self.database),
            ("ITEMS__DATABASE__MIGRATE_AT_START", "true"),
            ("ITEMS__CACHE__URL", &self.cache),
            ("ITEMS__CACHE__TTL", ttl),
        ];
        let process = Process::start_with(workspace, "items", &[], &variables)?;
        let base = format!("http://127.0.0.1:{port}");
        process.ready(&base)?;
        Ok(Server { process, base })
    }

    fn by_hand(&self, workspace: &Path, port: u16, cache: &[&str]) -> Result<Server> {
        let [http, grpc] = [port, port + 1000].map(|port| format!("127.0.0.1:{port}"));
        let arguments = [&["query", &http, &grpc, &self.database], cache].concat();
        let process = Process::start(workspace, "bare", &arguments)?;
        let base = format!("http://{http}");
        process.listening(&http)?;
        Ok(Server { process, base })
    }
}

impl Server {
    /// Sends the requests one after the other, and returns the cost of each.
    fn load(
        &self,
        workspace: &Path,
        token: &str,
        paths: &[String],
        body: Option<&Value>,
    ) -> Result<Cost> {
        let file = |name: &str| -> PathBuf { workspace.join("target").join(name) };
        let urls: String = paths
            .iter()
            .map(|path| format!("{}{path}\n", self.base))
            .collect();
        fs::write(file("urls"), urls)?;
        let log = file("latencies");
        let _ = fs::remove_file(&log);
        let mut command = Command::new("h2load");
        command
            .args(["--h1", "-c", "1", "-n", &REQUESTS.to_string()])
            .args(["-H", "content-type: application/json", "-H"])
            .arg(format!("authorization: Bearer {token}"))
            .arg("-i")
            .arg(file("urls"))
            .arg(format!("--log-file={}", log.display()));
        if let Some(body) = body {
            fs::write(file("body"), body.to_string())?;
            command.arg("-d").arg(file("body"));
        }
        let before = self.process.cpu()?;
        let output = command
            .output()
            .context("h2load (nghttp2-client) is missing")?;
        let used = self.process.cpu()? - before;
        let report = String::from_utf8_lossy(&output.stdout);
        ensure!(
            report.contains(&format!("{REQUESTS} 2xx")),
            "not every request succeeded:\n{report}"
        );
        // A line has the start of a request, its status, and its duration.
        let mut latencies = Vec::new();
        for line in fs::read_to_string(&log)?.lines() {
            let takes = line.split('\t').nth(2).context("a line has three parts")?;
            latencies.push(takes.trim().parse()?);
        }
        latencies.sort_unstable();
        Ok(Cost {
            cpu: used.as_secs_f64() * 1e6 / REQUESTS as f64,
            p50: latencies[REQUESTS / 2],
            p99: latencies[REQUESTS * 99 / 100],
        })
    }
}
