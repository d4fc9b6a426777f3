//! The rendered workspace that the tests build and run.
//!
//! All test programs share one, in `target/tests/acme`, because cargo can reuse little of one workspace's build for
//! another. Each test program renders it again and writes only the files that differ, so that cargo rebuilds little.

use std::{
    collections::BTreeMap,
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Output},
    sync::LazyLock,
    thread,
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};
use serde_json::json;
use tempfile::TempDir;
use walkdir::WalkDir;

use crate::{
    http::Http,
    process::{Background, eventually, free_port},
    render::{render_service, render_workspace, repository},
};

/// One field of each type, and each modifier once.
pub const RECORD_FIELDS: &str = "code:string:unique:min=2:max=40, email:string?:email, site:string?:url, \
    bio:text?, active:bool, seats:int32:index:min=0:max=1000, visits:int64, score:double, price:decimal?, born:date?, \
    hired_at:timestamp, avatar:bytes?:max=1024, extra:json?, status:enum(draft|active|retired), user:ref(users)";

/// The services besides `core`: name and field list.
pub const SERVICES: &[(&str, &str)] = &[("records", RECORD_FIELDS), ("finance/invoices", "")];

/// Every service of the workspace, by the name of its folder, with its contracts.
pub const CONTRACTS: &[(&str, &[&str])] = &[
    ("core", &["users.v1.UsersService", "auth.v1.AuthService"]),
    ("records", &["records.v1.RecordsService"]),
    ("finance-invoices", &["finance.v1.InvoicesService"]),
];

const READY_WITHIN: Duration = Duration::from_secs(30);

/// A rendered workspace with `core` and [`SERVICES`].
pub struct Acme {
    path: PathBuf,
    _lock: File,
}

impl Acme {
    /// The workspace, rendered and built, once per test program.
    pub fn built() -> &'static Self {
        static BUILT: LazyLock<Result<()>> =
            LazyLock::new(|| succeeds(Acme::rendered().cargo(&["build"])).map(drop));
        if let Err(error) = &*BUILT {
            panic!("the rendered workspace cannot be built: {error:#}");
        }
        Self::rendered()
    }

    /// The workspace, rendered once per test program. A lock keeps other test programs out until this one ends.
    pub fn rendered() -> &'static Self {
        static RENDERED: LazyLock<Result<Acme>> = LazyLock::new(Acme::render);
        match &*RENDERED {
            Ok(acme) => acme,
            Err(error) => panic!("the workspace cannot be rendered: {error:#}"),
        }
    }

    fn render() -> Result<Self> {
        let root = target();
        fs::create_dir_all(&root)?;
        let lock = File::create(root.join("acme.lock"))?;
        lock.lock()?;
        let acme = Self {
            path: root.join("acme"),
            _lock: lock,
        };
        acme.restore()?;
        Ok(acme)
    }

    /// Makes the workspace equal to a fresh render, whatever a test has changed.
    pub fn restore(&self) -> Result<()> {
        let fresh = TempDir::new()?;
        let workspace = render_workspace(fresh.path(), "acme", &[])?;
        for (name, fields) in SERVICES {
            render_service(&workspace, name, &[&format!("fields={fields}")])?;
        }
        mirror(&workspace, &self.path)
    }

    /// The folder of the workspace.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A program to be run in the workspace, with the target directory that the tests share.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        command_in(&self.path, program)
    }

    /// Cargo, in the workspace.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }

    /// The binary of a service, to run in a folder for its data, with these ports.
    pub fn service(&self, name: &str, folder: &Path, http: u16, grpc: u16) -> Command {
        let mut command = self.command(target().join("target/debug").join(name));
        let prefix = name.to_uppercase().replace('-', "_");
        command
            .current_dir(folder)
            .env(format!("{prefix}__HTTP__PORT"), http.to_string())
            .env(format!("{prefix}__GRPC__PORT"), grpc.to_string());
        command
    }

    /// Every file of the workspace, except in `.git` and `data`, with its content.
    pub fn files(&self) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
        files(&self.path)
    }
}

/// Another workspace, for one test: rendered without services and built into the same target directory.
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// A fresh workspace in a folder of this name.
    pub fn new(name: &str) -> Result<Self> {
        fs::create_dir_all(target())?;
        let path = target().join(name);
        if path.exists() {
            fs::remove_dir_all(&path)?;
        }
        let path = render_workspace(&target(), name, &[])?;
        Ok(Self { path })
    }

    /// The folder of the workspace.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cargo, in the workspace, with the target directory that the tests share.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = command_in(&self.path, "cargo");
        command.args(arguments);
        command
    }
}

/// A running service.
pub struct Running {
    pub process: Background,
    pub http: u16,
    pub grpc: u16,
}

impl Running {
    /// Starts a service of the workspace and waits until it is ready.
    ///
    /// A setting is written `("LIMITS__BODY", "1000")`, without the name of the service.
    pub fn start(name: &str, folder: &Path, settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_on(name, folder, [free_port()?, free_port()?], settings)
    }

    /// Like [`Running::start`], on these ports for HTTP and gRPC.
    pub fn start_on(
        name: &str,
        folder: &Path,
        [http, grpc]: [u16; 2],
        settings: &[(&str, &str)],
    ) -> Result<Self> {
        let mut command = Acme::built().service(name, folder, http, grpc);
        let prefix = name.to_uppercase().replace('-', "_");
        for (key, value) in settings {
            command.env(format!("{prefix}__{key}"), value);
        }
        let process = Background::start(&mut command, &folder.join(format!("{name}.log")))?;
        let mut running = Self {
            process,
            http,
            grpc,
        };
        running.wait_until_ready()?;
        Ok(running)
    }

    fn wait_until_ready(&mut self) -> Result<()> {
        let client = Http::new(self.http);
        let ready = eventually(READY_WITHIN, || {
            if let Some(status) = self.process.ended()? {
                return Ok(Err(status));
            }
            ensure!(client.get("/readyz")?.status == 200, "not ready");
            Ok(Ok(()))
        });
        match ready {
            Ok(Ok(())) => Ok(()),
            Ok(Err(status)) => bail!("it ended with {status}: {}", self.process.output()?),
            Err(error) => Err(error.context(self.process.output()?)),
        }
    }

    /// A client without a token.
    pub fn client(&self) -> Http {
        Http::new(self.http)
    }
}

/// `core` and a service beside it, with a user who has logged in.
pub struct Backend {
    pub core: Running,
    pub service: Running,
    pub token: String,
    pub user_id: String,
    pub folder: TempDir,
}

impl Backend {
    /// Starts `core` and `records`, with settings for `records`.
    pub fn start(settings: &[(&str, &str)]) -> Result<Self> {
        Self::start_with("records", settings)
    }

    /// Starts `core` and a service, with settings for the service.
    pub fn start_with(service: &str, settings: &[(&str, &str)]) -> Result<Self> {
        Acme::built();
        let folder = TempDir::new()?;
        let core_ports = [free_port()?, free_port()?];
        let users = format!("http://127.0.0.1:{}", core_ports[1]);
        let mut settings = settings.to_vec();
        if service == "records" {
            settings.push(("SERVICE__USERS", &users));
        }
        let (core, service) = thread::scope(|scope| {
            let core = scope.spawn(|| Running::start_on("core", folder.path(), core_ports, &[]));
            let service = Running::start(service, folder.path(), &settings);
            (core.join(), service)
        });
        let core = core.map_err(|_| anyhow::anyhow!("starting core panicked"))??;
        let client = core.client();
        let user = client.post(
            "/v1/users",
            &json!({"user": {"email": "ada@example.com", "name": "Ada"}, "password": "correct horse"}),
        )?;
        ensure!(user.status == 200, "registering answered {user:?}");
        let user_id = user.json()?["id"].as_str().context("no id")?.to_owned();
        let mut backend = Self {
            core,
            service: service?,
            token: String::new(),
            user_id,
            folder,
        };
        backend.log_in()?;
        Ok(backend)
    }

    /// Logs in again: a token is valid for five minutes.
    pub fn log_in(&mut self) -> Result<()> {
        let session = self.core.client().post(
            "/v1/auth/login",
            &json!({"email": "ada@example.com", "password": "correct horse"}),
        )?;
        ensure!(session.status == 200, "logging in answered {session:?}");
        let token = session.json()?["accessToken"].as_str().map(str::to_owned);
        self.token = token.context("no token")?;
        Ok(())
    }

    /// Gives a user the role `admin`. The next token of the user has it.
    pub fn make_admin(&self, email: &str) -> Result<()> {
        let mut grant = Acme::built().service("core", self.folder.path(), 0, 0);
        grant.args(["users", "grant", email, "admin"]);
        succeeds(grant).map(drop)
    }

    /// A client of the service, with the token.
    pub fn client(&self) -> Http {
        self.service.client().with_token(&self.token)
    }

    /// A record with a value in every field, as a client sends it.
    pub fn record(&self, code: &str) -> serde_json::Value {
        json!({
            "code": code,
            "email": "grace@example.com",
            "site": "https://example.com/grace",
            "bio": "Wrote the first compiler.\nKept a clock that ran backwards. 😀",
            "active": true,
            "seats": 3,
            "visits": "9007199254740993",
            "score": 1.5,
            "price": {"value": "180.5"},
            "born": {"year": 1906, "month": 12, "day": 9},
            "hiredAt": "1944-07-02T08:30:00.123456Z",
            "avatar": "AAEC/w==",
            "extra": {"nested": {"list": [1, "two", null, true]}},
            "status": "RECORD_STATUS_ACTIVE",
            "userId": self.user_id,
        })
    }
}

/// Runs a program to its end.
///
/// # Errors
/// When its exit status is not 0; the error contains its output.
pub fn succeeds(mut command: Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {}", command.get_program().display()))?;
    ensure!(
        output.status.success(),
        "{command:?} failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    Ok(output)
}

/// A program that `tests/run` installs, or else one on the path.
pub fn tool(name: &str) -> Command {
    let installed = repository().join("target/tools/bin").join(name);
    Command::new(if installed.exists() {
        installed
    } else {
        name.into()
    })
}

/// A program to be run in a workspace, with the target directory that the tests share.
///
/// Without incremental compilation and debug information, forty services take less than half the space and less time.
fn command_in(workspace: &Path, program: impl AsRef<OsStr>) -> Command {
    let mut command = crate::cargo::command(program, workspace);
    command
        .env_remove("DATABASE_URL")
        .env_remove("REDIS_URL")
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("CARGO_TARGET_DIR", target().join("target"));
    command
}

/// The folder for the files that tests make.
fn target() -> PathBuf {
    repository().join("target/tests")
}

/// Makes the second folder equal to the first, without touching files that are equal already.
fn mirror(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in WalkDir::new(to).min_depth(1).contents_first(true) {
        let entry = entry?;
        let original = from.join(entry.path().strip_prefix(to)?);
        if entry.file_type().is_dir() {
            if !original.is_dir() {
                fs::remove_dir(entry.path())?;
            }
        } else if !original.is_file() {
            fs::remove_file(entry.path())?;
        }
    }
    for entry in WalkDir::new(from).min_depth(1) {
        let entry = entry?;
        let copy = to.join(entry.path().strip_prefix(from)?);
        if entry.file_type().is_dir() {
            fs::create_dir_all(&copy)?;
        } else if fs::read(&copy).ok() != Some(fs::read(entry.path())?) {
            fs::copy(entry.path(), &copy)?;
        }
    }
    Ok(())
}

fn files(folder: &Path) -> Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let entries = WalkDir::new(folder).into_iter().filter_entry(|entry| {
        !(entry.depth() == 1
            && [".git", "data"]
                .iter()
                .any(|name| entry.file_name() == *name))
    });
    for entry in entries {
        let entry = entry?;
        if entry.file_type().is_file() {
            files.insert(
                entry.path().strip_prefix(folder)?.to_owned(),
                fs::read(entry.path())?,
            );
        }
    }
    Ok(files)
}
