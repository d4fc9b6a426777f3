//! Running the services of the workspace, in the foreground and in the background.

use std::{
    fs::{self, DirBuilder, File, OpenOptions, Permissions},
    io::Write,
    os::unix::{
        fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
        process::{CommandExt, ExitStatusExt},
    },
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, kill_process_group, test_kill_process};
use tokio::signal::unix::{SignalKind, signal};

use crate::cargo;

const DATA: &str = "data";
const LOGS: &str = "data/logs";
const PIDS: &str = "data/run";

/// Longer than a service's own `shutdown.timeout`.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// Runs every service until Ctrl-C, SIGTERM or SIGHUP, or until one of them ends by itself; then all of them stop.
///
/// A second Ctrl-C ends them at once.
pub fn execute() -> Result<()> {
    let services = build()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run_until_signal(services))
}

async fn run_until_signal(services: Vec<Service>) -> Result<()> {
    // Before the first service starts: from here on, no signal ends this task and leaves services behind.
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut hangup = signal(SignalKind::hangup())?;

    let mut group = Group::new()?;
    let mut running = tokio::task::JoinSet::new();
    for service in services {
        let mut child = tokio::process::Command::new(&service.executable)
            .stdin(Stdio::null())
            .process_group(group.id.as_raw_pid())
            .spawn()
            .with_context(|| format!("cannot start {}", service.name))?;
        running.spawn(async move { (service.name, child.wait().await) });
    }

    let mut stopping = None;
    let mut failures = Vec::new();
    while !running.is_empty() {
        let received = tokio::select! {
            Some(ended) = running.join_next() => {
                let (name, status) = ended?;
                let status = status?;
                if !ended_well(status, stopping) {
                    failures.push(format!("{name} ended with {status}"));
                }
                Signal::INT
            }
            _ = interrupt.recv() => {
                // Only Ctrl-C counts twice. Whoever stops a whole process group with SIGTERM reaches this task directly
                // and through `make`, and means it once.
                if stopping.is_some() {
                    group.signal(Signal::KILL);
                    bail!("stopped at once, on a second Ctrl-C");
                }
                Signal::INT
            }
            _ = terminate.recv() => Signal::TERM,
            _ = hangup.recv() => Signal::TERM,
        };
        if stopping.is_none() {
            stopping = Some(received);
            group.signal(received);
        }
    }
    group.leader.wait()?;
    ensure!(failures.is_empty(), failures.join("; "));
    Ok(())
}

/// Whether a service ended as it should. One that has not set its handlers yet ends by the signal itself.
fn ended_well(status: ExitStatus, sent: Option<Signal>) -> bool {
    status.success() || sent.is_some_and(|signal| status.signal() == Some(signal.as_raw()))
}

/// The process group of the services that `execute` runs.
///
/// A terminal sends the signal of Ctrl-C to every process of its foreground group. The services are in a group of their
/// own, so that they get one signal, from this task.
///
/// The leader of the group is a shell that reads from a pipe. When this task is killed and cannot pass a signal on, the
/// pipe closes, and the leader sends SIGTERM to the group.
struct Group {
    leader: Child,
    id: Pid,
}

impl Group {
    fn new() -> Result<Self> {
        let leader = Command::new("sh")
            .args(["-c", "trap '' HUP INT TERM; read -r _; kill -TERM 0"])
            .stdin(Stdio::piped())
            .process_group(0)
            .spawn()
            .context("cannot start a shell")?;
        let id = Pid::from_child(&leader);
        Ok(Self { leader, id })
    }

    fn signal(&self, signal: Signal) {
        // This fails only when every process of the group has ended.
        let _ = kill_process_group(self.id, signal);
    }
}

/// Starts every service that is not running yet, in the background.
pub fn up() -> Result<()> {
    let services = build()?;
    for folder in [DATA, LOGS, PIDS] {
        make_private_folder(folder)?;
    }
    for service in services {
        let pid_file = pid_file(&service.name);
        if let Some(pid) = running(&pid_file, &service.name) {
            println!("{} is already running as process {pid}", service.name);
            continue;
        }
        let log = Path::new(LOGS).join(format!("{}.log", service.name));
        let output = private_file().append(true).open(&log)?;
        let mut child = Command::new(&service.executable)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in this terminal must not reach it.
            .process_group(0)
            .spawn()
            .with_context(|| format!("cannot start {}", service.name))?;
        if let Some(status) = ended_within(&mut child, Duration::from_millis(500))? {
            bail!(
                "{} ended with {status}; see {}",
                service.name,
                log.display()
            );
        }
        let mut file = private_file().write(true).truncate(true).open(&pid_file)?;
        write!(file, "{}", child.id())?;
        println!(
            "{} runs as process {}; its log is {}",
            service.name,
            child.id(),
            log.display()
        );
    }
    Ok(())
}

/// Stops the services that [`up`] has started, and waits until they have ended.
pub fn down() -> Result<()> {
    let Ok(entries) = fs::read_dir(PIDS) else {
        println!("nothing is running");
        return Ok(());
    };
    let mut stopping = Vec::new();
    for entry in entries {
        let path = entry?.path();
        let name = path
            .file_stem()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        match running(&path, &name) {
            Some(pid) => {
                terminate_process(pid);
                stopping.push((name, pid, path));
            }
            None => fs::remove_file(path)?,
        }
    }
    let deadline = Instant::now() + STOP_WITHIN;
    for (name, pid, path) in stopping {
        while running(&path, &name).is_some() {
            ensure!(
                Instant::now() < deadline,
                "{name} (process {pid}) has not stopped within {} s",
                STOP_WITHIN.as_secs()
            );
            pause();
        }
        fs::remove_file(path)?;
        println!("{name} stopped");
    }
    Ok(())
}

struct Service {
    name: String,
    executable: PathBuf,
}

/// Builds every service that has a binary, with one cargo command, and returns them.
fn build() -> Result<Vec<Service>> {
    let mut names = Vec::new();
    for entry in fs::read_dir("services")? {
        let path = entry?.path();
        if path.join("src/main.rs").exists() {
            names.extend(
                path.file_name()
                    .map(|name| name.to_string_lossy().into_owned()),
            );
        }
    }
    names.sort();
    ensure!(
        !names.is_empty(),
        "there is no service yet; `cargo new-service --name NAME` adds one"
    );

    let mut services = Vec::new();
    for message in cargo::build(&[])? {
        let name = message["target"]["name"].as_str().unwrap_or_default();
        if let (Some(executable), true) = (
            message["executable"].as_str(),
            names.iter().any(|known| known == name),
        ) {
            services.push(Service {
                name: name.to_owned(),
                executable: executable.into(),
            });
        }
    }
    Ok(services)
}

/// Makes a folder that only its owner can open: what is in `data/` holds secrets, and logs may.
fn make_private_folder(path: &str) -> Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)?;
    // It may have been there before.
    fs::set_permissions(path, Permissions::from_mode(0o700))?;
    Ok(())
}

/// For a file that only its owner can read.
fn private_file() -> OpenOptions {
    let mut options = File::options();
    options.create(true).mode(0o600);
    options
}

fn pid_file(name: &str) -> PathBuf {
    Path::new(PIDS).join(format!("{name}.pid"))
}

/// The process that a pid file names, if it is still the service: another process may have got its number.
fn running(pid_file: &Path, name: &str) -> Option<i32> {
    let pid: i32 = fs::read_to_string(pid_file).ok()?.trim().parse().ok()?;
    test_kill_process(Pid::from_raw(pid)?).ok()?;
    let ps = Command::new("ps")
        .args(["-o", "stat=,args=", "-p", &pid.to_string()])
        .output()
        .ok()?;
    let line = String::from_utf8_lossy(&ps.stdout);
    let (state, command) = line.trim().split_once(char::is_whitespace)?;
    let alive = !state.starts_with('Z') && command.trim().ends_with(&format!("/{name}"));
    alive.then_some(pid)
}

fn terminate_process(pid: i32) {
    if let Some(pid) = Pid::from_raw(pid) {
        // This fails only when the process has ended.
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn ended_within(child: &mut Child, limit: Duration) -> Result<Option<ExitStatus>> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait()? {
            return Ok(Some(status));
        }
        pause();
    }
    Ok(None)
}

#[allow(
    clippy::disallowed_methods,
    reason = "there is no runtime here whose worker it would block"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}
