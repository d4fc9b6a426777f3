//! A measured server, and requests to it.

use std::{
    ffi::OsString,
    fs,
    net::TcpStream,
    path::Path,
    process::{Child, Command, Output, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

const STARTS_WITHIN: Duration = Duration::from_secs(60);

/// A process of the workspace's release build. Dropping it kills the process.
pub struct Process(Child);

impl Process {
    /// Starts a program of the workspace, with the environment of this process.
    pub fn start(workspace: &Path, name: &str, arguments: &[&str]) -> Result<Self> {
        Self::start_with(workspace, name, arguments, &[])
    }

    pub fn start_with(
        workspace: &Path,
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        Self::start_under(&[], workspace, name, arguments, variables)
    }

    /// Starts a program under another one: `under` comes before it on the command line.
    pub fn start_under(
        under: &[OsString],
        workspace: &Path,
        name: &str,
        arguments: &[&str],
        variables: &[(&str, &str)],
    ) -> Result<Self> {
        let program = workspace.join("target/release").join(name);
        let mut line = under.to_vec();
        line.push(program.into());
        let log = fs::File::create(workspace.join("target").join(format!("{name}.log")))?;
        let child = Command::new(&line[0])
            .args(&line[1..])
            .args(arguments)
            .envs(variables.iter().copied())
            .current_dir(workspace)
            .stdout(log.try_clone()?)
            .stderr(log)
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(child))
    }

    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Waits until the service at this address is ready.
    pub fn ready(&self, base: &str) -> Result<()> {
        let deadline = Instant::now() + STARTS_WITHIN;
        while ureq::get(format!("{base}/readyz")).call().is_err() {
            ensure!(Instant::now() < deadline, "{base} does not become ready");
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// Waits until something listens on this address.
    pub fn listening(&self, address: &str) -> Result<()> {
        let deadline = Instant::now() + STARTS_WITHIN;
        while TcpStream::connect(address).is_err() {
            ensure!(Instant::now() < deadline, "nothing listens on {address}");
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// User and system time, from `/proc/PID/stat` (proc_pid_stat(5), fields 14 and 15).
    pub fn cpu(&self) -> Result<Duration> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id()))?;
        let (_, fields) = stat
            .rsplit_once(')')
            .context("an unknown form of /proc/PID/stat")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(|f| f.parse().unwrap_or(0))
            .sum();
        // A tick is 10 ms on Linux in user space (USER_HZ).
        Ok(Duration::from_millis(ticks * 10))
    }

    /// Resident memory in MiB (proc_pid_status(5)).
    pub fn resident(&self) -> Result<f64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .context("no VmRSS")?;
        let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse()?;
        Ok(kibibytes / 1024.0)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // If it has ended already, there is nothing to do.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The addresses of a server.
pub struct Address {
    pub http: &'static str,
    pub grpc: &'static str,
}

/// One method on one transport, as h2load calls it.
pub struct Call {
    pub name: &'static str,
    pub grpc: bool,
    pub path: String,
    /// The file with the body of each request.
    pub body: Option<std::path::PathBuf>,
    /// The number of requests in a measurement.
    pub requests: u32,
}

impl Call {
    /// Sends the requests and returns the server's cost for each in µs, user and system time together.
    pub fn cpu_micros(
        &self,
        server: &Process,
        address: &Address,
        token: &str,
        requests: u32,
    ) -> Result<f64> {
        let before = server.cpu()?;
        let output = self.load(address, token, requests).output();
        let used = server.cpu()? - before;
        self.check(output, requests)?;
        Ok(used.as_secs_f64() * 1e6 / f64::from(requests))
    }

    /// The command that sends the requests over four connections.
    pub fn load(&self, address: &Address, token: &str, requests: u32) -> Command {
        let mut command = Command::new("h2load");
        command
            .args(["-c", "4", "-n", &requests.to_string(), "-H"])
            .arg(format!("authorization: Bearer {token}"));
        let base = if self.grpc {
            command.args(["-m", "8", "-H", "content-type: application/grpc"]);
            command.args(["-H", "te: trailers"]);
            address.grpc
        } else {
            command.args(["--h1", "-H", "content-type: application/json"]);
            address.http
        };
        if let Some(body) = &self.body {
            command.arg("-d").arg(body);
        }
        command.arg(format!("{base}{}", self.path));
        command
    }

    /// Fails unless every request succeeded.
    pub fn check(&self, output: std::io::Result<Output>, requests: u32) -> Result<()> {
        let output = output.context("h2load (nghttp2-client) is missing")?;
        let report = String::from_utf8_lossy(&output.stdout);
        ensure!(
            report.contains(&format!("{requests} 2xx")) && !report.contains("(0) data"),
            "{}: not every request succeeded:\n{report}",
            self.name,
        );
        Ok(())
    }
}
