//! Processes that do not outlive the tests.

use std::{
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, ExitStatus, Stdio},
    sync::atomic::{AtomicU16, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};

const PAUSE: Duration = Duration::from_millis(10);

/// Kills a process when this one ends in any way: Ctrl-C and SIGKILL run no destructors.
pub struct Leash(Child);

impl Leash {
    /// Attaches to a process.
    pub fn new(pid: u32) -> Result<Self> {
        // The pipe closes only when this process ends.
        let script = format!("trap '' INT TERM; cat; kill -KILL {pid} 2>/dev/null");
        let watcher = Command::new("sh")
            .args(["-c", &script])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self(watcher))
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        // The watched process has been waited for, so its number may be in use again.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A program that runs in the background; killed when dropped.
pub struct Background {
    child: Child,
    leash: Option<Leash>,
    output: std::path::PathBuf,
}

impl Background {
    /// Starts a program. Its output is appended to the file.
    pub fn start(command: &mut Command, output: &Path) -> Result<Self> {
        let file = File::options().create(true).append(true).open(output)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("cannot start {}", command.get_program().display()))?;
        let leash = Some(Leash::new(child.id())?);
        Ok(Self {
            child,
            leash,
            output: output.to_owned(),
        })
    }

    /// Sends a signal, named without `SIG`.
    pub fn signal(&self, name: &str) -> Result<()> {
        signal(self.child.id(), name)
    }

    /// Sends a signal to every process of its group, as a terminal does.
    pub fn signal_group(&self, name: &str) -> Result<()> {
        send(name, &format!("-{}", self.child.id()))
    }

    /// What the program has printed so far.
    pub fn output(&self) -> Result<String> {
        Ok(String::from_utf8_lossy(&fs::read(&self.output)?).into_owned())
    }

    /// Its exit status, if it has ended.
    pub fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Waits for the program to end by itself.
    pub fn wait(&mut self, within: Duration) -> Result<ExitStatus> {
        let deadline = Instant::now() + within;
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if Instant::now() > deadline {
                bail!(
                    "still running after {within:?}; it printed:\n{}",
                    self.output()?
                );
            }
            sleep(PAUSE);
        }
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        self.leash.take();
    }
}

/// Sends a signal, named without `SIG`, to a process that this one has started.
pub fn signal(pid: u32, name: &str) -> Result<()> {
    send(name, &pid.to_string())
}

fn send(name: &str, to: &str) -> Result<()> {
    let status = Command::new("kill").args(["-s", name, "--", to]).status()?;
    ensure!(status.success(), "cannot send SIG{name} to process {to}");
    Ok(())
}

/// Repeats an attempt until it succeeds. Returns the last error when the time is over.
pub fn eventually<T>(within: Duration, mut attempt: impl FnMut() -> Result<T>) -> Result<T> {
    let deadline = Instant::now() + within;
    loop {
        match attempt() {
            Err(_) if Instant::now() < deadline => sleep(PAUSE),
            result => return result,
        }
    }
}

/// A port on which nothing listens. Each call in this process returns another one.
///
/// It is below the range of ports for outgoing connections; otherwise the kernel could assign the port to one of those.
pub fn free_port() -> Result<u16> {
    const FIRST: u16 = 10_200;
    const COUNT: u16 = 20_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    // Test programs that run at the same time begin at different ports.
    let start = std::process::id().wrapping_mul(977) % u32::from(COUNT);
    for _ in 0..COUNT {
        let offset = start + u32::from(NEXT.fetch_add(1, Ordering::Relaxed));
        let port = FIRST + u16::try_from(offset % u32::from(COUNT))?;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    bail!("there is no free port")
}
