//! Running the services of the workspace, in the foreground and in the background.

use std::{
    fs::{self, File},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};

use crate::cargo;

const LOGS: &str = "data/logs";
const PIDS: &str = "data/run";

/// Longer than a service's own `shutdown.timeout`.
const STOP_WITHIN: Duration = Duration::from_secs(60);

/// Runs every service until Ctrl-C, or until one of them ends by itself; then all of them stop.
pub fn execute() -> Result<()> {
    let services = build()?;
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(run_until_signal(services))
}

async fn run_until_signal(services: Vec<Service>) -> Result<()> {
    let mut running = tokio::task::JoinSet::new();
    let mut pids = Vec::new();
    for service in services {
        let mut child = tokio::process::Command::new(&service.executable)
            .spawn()
            .with_context(|| format!("cannot start {}", service.name))?;
        pids.extend(child.id());
        running.spawn(async move { (service.name, child.wait().await) });
    }

    let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
    let ended = tokio::select! {
        ended = running.join_next() => ended,
        _ = tokio::signal::ctrl_c() => None,
        _ = terminate.recv() => None,
    };
    // Ctrl-C reached the services too, but SIGTERM or the end of one of them did not.
    for pid in pids {
        terminate_process(pid as i32);
    }
    let mut failures = Vec::new();
    for (name, status) in ended
        .transpose()?
        .into_iter()
        .chain(running.join_all().await)
    {
        let status = status?;
        if !status.success() {
            failures.push(format!("{name} ended with {status}"));
        }
    }
    ensure!(failures.is_empty(), failures.join("; "));
    Ok(())
}

/// Starts every service that is not running yet and leaves it running.
pub fn up() -> Result<()> {
    fs::create_dir_all(LOGS)?;
    fs::create_dir_all(PIDS)?;
    for service in build()? {
        let pid_file = pid_file(&service.name);
        if let Some(pid) = running(&pid_file, &service.name) {
            println!("{} is running already (process {pid})", service.name);
            continue;
        }
        let log = Path::new(LOGS).join(format!("{}.log", service.name));
        let output = File::options().create(true).append(true).open(&log)?;
        let mut child = Command::new(&service.executable)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            // Ctrl-C in this terminal is not meant for it.
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
        fs::write(&pid_file, child.id().to_string())?;
        println!(
            "{} runs as process {}; its log is {}",
            service.name,
            child.id(),
            log.display()
        );
    }
    Ok(())
}

/// Stops what [`up`] started and waits for it to end.
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
                "{name} (process {pid}) does not stop"
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

/// Builds every service that has a binary, in one go, and says where the binaries are.
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

fn pid_file(name: &str) -> PathBuf {
    Path::new(PIDS).join(format!("{name}.pid"))
}

/// The process that a pid file names, if it still is that service: numbers are used again.
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
        // The only possible failure is that the process has ended, which is what we want.
        let _ = kill_process(pid, Signal::TERM);
    }
}

fn ended_within(child: &mut Child, limit: Duration) -> Result<Option<std::process::ExitStatus>> {
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
    reason = "no runtime here whose worker it could block"
)]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}
