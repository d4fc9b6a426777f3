//! The life of a workspace: services are added, run and removed, without an edit of a shared file.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::{
        fs::{PermissionsExt, symlink},
        process::CommandExt,
    },
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, MutexGuard, PoisonError},
};

use tempfile::TempDir;
use tests::{
    acme::{Acme, Backend, succeeds},
    http::{Http, PATIENCE, Raw},
    process::{Background, eventually, free_port},
    render::{render_service, repository},
    terminal::Terminal,
};

/// Ten more services, each with another kind of field.
const TEN: [(&str, &str); 10] = [
    (
        "consultants",
        "name:string, email:string:unique:email, hourly_rate:decimal?",
    ),
    ("user-profile", "user:ref(users), bio:text?"),
    ("people", "born:date"),
    ("orders", "status:enum(draft|sent), total:decimal"),
    ("order-lines", "quantity:int32"),
    ("addresses", "extra:json?"),
    ("data", "payload:bytes"),
    ("visits", "count:int64, score:double"),
    ("finance/payments", "paid_at:timestamp"),
    ("flags", ""),
];

/// These tests share one workspace. They take turns, and each leaves it as it was rendered.
struct Turn {
    acme: &'static Acme,
    _turn: MutexGuard<'static, ()>,
}

impl Turn {
    fn take() -> Self {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let acme = Acme::built();
        acme.restore().unwrap();
        // As after a user's first build, the lock file has the services.
        succeeds(acme.cargo(&["metadata", "--format-version=1"])).unwrap();
        Self { acme, _turn: turn }
    }

    fn git(&self, arguments: &[&str]) -> String {
        let mut git = self.acme.command("git");
        git.args(["-c", "user.name=Ada", "-c", "user.email=ada@example.com"])
            .args(arguments);
        String::from_utf8(succeeds(git).unwrap().stdout).unwrap()
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let _ = self.acme.restore();
    }
}

#[test]
fn the_policy_task_prints_who_may_call_each_method_of_the_workspace() {
    let turn = Turn::take();
    let acme = turn.acme;
    let services = [
        (
            "consultants",
            "fields=name:string, email:string:unique:email, born:date?, active:bool",
        ),
        ("notes", "fields=title:string, owner_id:owner"),
    ];
    for (name, fields) in services {
        render_service(acme.path(), name, &[fields]).unwrap();
    }
    let told =
        || String::from_utf8(succeeds(acme.cargo(&["xtask", "policy"])).unwrap().stdout).unwrap();
    let snapshot = repository().join("tests/tests/policy.txt");
    let first = told();
    if std::env::var_os("UPDATE_EXAMPLES").is_some() {
        fs::write(&snapshot, &first).unwrap();
    }
    assert_eq!(first, fs::read_to_string(snapshot).unwrap());

    let contract = acme.path().join("api/notes/v1/notes.proto");
    let proto = fs::read_to_string(&contract).unwrap();
    let (rest, last) = proto.split_once("rpc DeleteNote").unwrap();
    let last = last
        .replacen(
            "{owner: \"owner_id\"}",
            "{any_role: [\"admin\", \"editor\"] all_scopes: [\"notes.write\", \"notes.delete\"] owner: \"owner_id\" \
             rate_limit: {requests: 10, per: {seconds: 60}} timeout: {nanos: 500000000}}",
            1,
        )
        .replacen(
            "{delete: \"/v1/notes/{id}\"}",
            "{delete: \"/v1/notes/{id}\" additional_bindings {post: \"/v1/notes/{id}:delete\"}}",
            1,
        );
    fs::write(&contract, format!("{rest}rpc DeleteNote{last}")).unwrap();
    let changed = told();
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let line = changed
        .lines()
        .find(|line| line.contains("DeleteNote"))
        .unwrap();
    assert_eq!(
        words(line),
        "notes.v1.NotesService/DeleteNote DELETE /v1/notes/{id}, POST /v1/notes/{id}:delete \
         role admin or editor, scope notes.write and notes.delete, owner by owner_id 10 in 60s 0.5s"
    );
}

#[test]
fn ten_services_can_be_added_run_together_and_removed_without_a_trace() {
    let turn = Turn::take();
    let acme = turn.acme;
    turn.git(&["init", "--quiet"]);
    turn.git(&["add", "--all"]);
    turn.git(&["commit", "--quiet", "--message", "Before"]);
    let before = acme.files().unwrap();

    // Adding them makes new files and changes none, except for cargo's lock file.
    for (name, fields) in TEN {
        render_service(acme.path(), name, &[&format!("fields={fields}")]).unwrap();
    }
    succeeds(acme.cargo(&["build"])).unwrap();
    let status = turn.git(&["status", "--porcelain", "--untracked-files=all"]);
    let touched: Vec<&str> = status
        .lines()
        .filter(|line| !line.starts_with("?? "))
        .collect();
    assert_eq!(touched, [" M Cargo.lock"]);
    succeeds(acme.cargo(&["fmt", "--all", "--check"])).unwrap();

    // They all run at the same time, each on its own ports.
    let ports = ports(acme.path());
    assert_eq!(ports.len(), 13, "{ports:?}");
    {
        let log = acme.path().join("../execute.log");
        let _ = fs::remove_file(&log);
        let mut all = Background::start(&mut acme.cargo(&["xtask", "execute"]), &log).unwrap();
        for (port, service) in &ports {
            ready(*port)
                .unwrap_or_else(|error| panic!("{service}: {error:#}\n{}", all.output().unwrap()));
        }
        all.signal("TERM").unwrap();
        assert!(
            all.wait(PATIENCE).unwrap().success(),
            "{}",
            all.output().unwrap()
        );
    }
    stopped(&ports);

    // Removing them restores the workspace.
    for (name, _) in TEN {
        remove(acme.path(), name);
    }
    succeeds(acme.cargo(&["metadata", "--format-version=1"])).unwrap();
    same(&before, &acme.files().unwrap());
    assert_eq!(turn.git(&["status", "--porcelain"]), "");
    succeeds(acme.cargo(&["build"])).unwrap();
}

#[test]
fn up_starts_everything_in_the_background_and_down_stops_it() {
    let turn = Turn::take();
    let ports = ports(turn.acme.path());
    let down = DownOnDrop(turn.acme);
    succeeds(turn.acme.cargo(&["xtask", "up"])).unwrap();
    for port in ports.keys() {
        ready(*port).unwrap();
    }
    let again = succeeds(turn.acme.cargo(&["xtask", "up"])).unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("already running"));
    succeeds(turn.acme.cargo(&["xtask", "down"])).unwrap();
    stopped(&ports);
    drop(down);
}

#[test]
fn what_up_writes_is_for_its_owner_alone() {
    let turn = Turn::take();
    let data = turn.acme.path().join("data");
    let _ = fs::remove_dir_all(&data);
    let down = DownOnDrop(turn.acme);
    succeeds(turn.acme.cargo(&["xtask", "up"])).unwrap();
    let mode = |path: &str| {
        let metadata = fs::metadata(data.join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    for folder in ["", "logs", "run"] {
        assert_eq!(mode(folder), 0o700, "data/{folder}");
    }
    for file in ["logs/core.log", "run/core.pid"] {
        assert_eq!(mode(file), 0o600, "data/{file}");
    }
    drop(down);
}

#[test]
fn ctrl_c_stops_what_execute_runs_without_an_error() {
    let turn = Turn::take();
    let ports = ports(turn.acme.path());
    build_tasks(turn.acme);
    // make ends with the signal that interrupted it, which a shell reports as 128 + 2; or with 0, if its command has ended
    // before make saw the signal.
    for (command, statuses) in [
        ("cargo xtask execute", &[0][..]),
        ("make execute", &[0, 130]),
    ] {
        let mut terminal = terminal(turn.acme, &[]);
        terminal.type_line(command).unwrap();
        for (port, service) in &ports {
            ready(*port).unwrap_or_else(|error| {
                panic!("{service}: {error:#}\n{}", terminal.screen().unwrap())
            });
        }
        terminal.press_ctrl_c().unwrap();
        let found = terminal.last_status(PATIENCE).unwrap();
        let screen = terminal.screen().unwrap();
        assert!(statuses.contains(&found), "{command}: {found}\n{screen}");
        let count = |text: &str| screen.matches(text).count();
        assert_eq!(count("stopped"), ports.len(), "{command}:\n{screen}");
        for noise in ["Error", "error:", "panicked", "backtrace", "***"] {
            assert_eq!(count(noise), 0, "{command}: `{noise}` in\n{screen}");
        }
        stopped(&ports);
    }
}

#[test]
fn a_second_ctrl_c_ends_what_execute_runs_at_once() {
    let turn = Turn::take();
    let ports = ports(turn.acme.path());
    build_tasks(turn.acme);
    let patient = [
        ("CORE__SHUTDOWN__TIMEOUT", "10m"),
        ("CORE__LIMITS__TIMEOUT", "10m"),
    ];
    let mut terminal = terminal(turn.acme, &patient);
    terminal.type_line("make execute").unwrap();
    for port in ports.keys() {
        ready(*port).unwrap();
    }
    // A request whose body never arrives keeps core from stopping.
    let (core, _) = ports.iter().find(|(_, name)| *name == "core").unwrap();
    let mut request = Raw::connect(*core).unwrap();
    request
        .send(
            "POST /v1/users HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
             content-length: 1000\r\nexpect: 100-continue\r\n\r\n",
        )
        .unwrap();
    assert_eq!(request.read_answer().unwrap().0, 100);

    terminal.press_ctrl_c().unwrap();
    terminal.wait_for("stopping", PATIENCE).unwrap();
    terminal.press_ctrl_c().unwrap();
    assert_ne!(terminal.last_status(PATIENCE).unwrap(), 0);
    eventually_stopped(&ports);
    assert!(request.read_to_end().unwrap_or_default().is_empty());
}

#[test]
fn no_service_outlives_execute_however_it_ends() {
    let turn = Turn::take();
    let ports = ports(turn.acme.path());
    build_tasks(turn.acme);
    let start = || {
        let log = turn.acme.path().join("../execute.log");
        let _ = fs::remove_file(&log);
        let all = Background::start(&mut turn.acme.cargo(&["xtask", "execute"]), &log).unwrap();
        for port in ports.keys() {
            ready(*port).unwrap();
        }
        all
    };

    let mut all = start();
    all.signal("TERM").unwrap();
    let status = all.wait(PATIENCE).unwrap();
    assert!(status.success(), "{status}: {}", all.output().unwrap());
    stopped(&ports);

    let mut all = start();
    all.signal("KILL").unwrap();
    all.wait(PATIENCE).unwrap();
    eventually_stopped(&ports);

    let mut terminal = terminal(turn.acme, &[]);
    terminal.type_line("make execute").unwrap();
    for port in ports.keys() {
        ready(*port).unwrap();
    }
    drop(terminal);
    eventually_stopped(&ports);
}

#[test]
fn a_task_can_be_started_in_any_folder_of_the_workspace() {
    let turn = Turn::take();
    let expected = succeeds(turn.acme.cargo(&["xtask", "policy"])).unwrap();
    for folder in ["services/core/src", "api/users/v1"] {
        let mut policy = turn.acme.cargo(&["xtask", "policy"]);
        policy.current_dir(turn.acme.path().join(folder));
        assert_eq!(
            succeeds(policy).unwrap().stdout,
            expected.stdout,
            "{folder}"
        );
    }
}

#[test]
fn a_service_that_is_started_in_its_own_folder_uses_the_data_of_the_workspace() {
    let turn = Turn::take();
    let path = turn.acme.path();
    let _ = fs::remove_dir_all(path.join("data"));
    let own = path.join("services/core");
    fs::write(own.join("level.yaml"), "log:\n  level: warn\n").unwrap();
    let [http, grpc] = [free_port().unwrap(), free_port().unwrap()];
    let mut core = turn.acme.service("core", &own, http, grpc);
    // A path on the command line is relative to the folder where it is typed.
    core.args(["--config", "level.yaml"]);
    let log = path.join("../own-folder.log");
    let _ = fs::remove_file(&log);
    let core = Background::start(&mut core, &log).unwrap();
    ready(http).unwrap_or_else(|error| panic!("{error:#}\n{}", core.output().unwrap()));
    assert!(path.join("data/core.db").exists());
    assert!(!own.join("data").exists());
}

#[test]
fn git_ignores_the_data_of_the_workspace_wherever_it_is_written() {
    let turn = Turn::take();
    turn.git(&["init", "--quiet"]);
    let is_ignored = |path: &str| {
        let mut git = turn.acme.command("git");
        git.args(["check-ignore", "--quiet", "--no-index", path]);
        git.output().unwrap().status.success()
    };
    for path in [
        "data/core.db",
        "services/core/data/core.db",
        "services/core/.env",
    ] {
        assert!(is_ignored(path), "{path}");
    }
    // The layer `data` of every service, and a service named `data`.
    for path in [
        "services/core/src/data/schema.rs",
        "services/data/config.yaml",
        "api/data/v1/data.proto",
    ] {
        assert!(!is_ignored(path), "{path}");
    }
}

#[test]
fn a_mounted_service_answers_on_the_ports_of_core() {
    let turn = Turn::take();
    let acme = turn.acme;
    let before = acme.files().unwrap();
    succeeds(acme.cargo(&["xtask", "mount", "records"])).unwrap();
    assert!(
        !acme
            .cargo(&["xtask", "mount", "records"])
            .output()
            .unwrap()
            .status
            .success()
    );
    succeeds(acme.cargo(&["build", "--package", "core"])).unwrap();
    succeeds(acme.cargo(&["fmt", "--all", "--check"])).unwrap();

    {
        // A backend needs a second service; `records` itself would use the database of the mounted one.
        let backend = Backend::start_with("finance-invoices", &[]).unwrap();
        let client = backend.core.client().with_token(&backend.token);
        let created = client
            .post("/v1/records", &backend.record("mounted"))
            .unwrap();
        assert_eq!(created.status, 200, "{created:?}");
        let document = client.get("/openapi.json").unwrap().json().unwrap();
        for path in ["/v1/records", "/v1/users"] {
            assert!(
                document["paths"][path].is_object(),
                "{path} is not in {document}"
            );
        }
    }

    succeeds(acme.cargo(&["xtask", "unmount", "records"])).unwrap();
    assert!(
        !acme
            .cargo(&["xtask", "unmount", "records"])
            .output()
            .unwrap()
            .status
            .success()
    );
    succeeds(acme.cargo(&["metadata", "--format-version=1"])).unwrap();
    same(&before, &acme.files().unwrap());
    succeeds(acme.cargo(&["build", "--package", "core"])).unwrap();
}

#[test]
fn a_migration_that_would_break_a_rolling_deployment_is_refused() {
    let turn = Turn::take();
    let acme = turn.acme;
    let check = || {
        acme.cargo(&["xtask", "migration", "check"])
            .output()
            .unwrap()
    };
    assert!(check().status.success(), "{:?}", check());

    let new = ["xtask", "migration", "new", "drop_seats", "-p", "records"];
    succeeds(acme.cargo(&new)).unwrap();
    let unfilled = String::from_utf8(check().stdout).unwrap();
    assert_eq!(
        unfilled.matches("there are 0 statements").count(),
        4,
        "{unfilled}"
    );

    let migrations = acme.path().join("services/records/migrations");
    for (database, drop, add) in [
        (
            "postgres",
            "DROP COLUMN IF EXISTS",
            "ADD COLUMN IF NOT EXISTS",
        ),
        ("sqlite", "DROP COLUMN", "ADD COLUMN"),
    ] {
        let folder = migrations.join(database).join("0004_drop_seats");
        let up = format!("ALTER TABLE records {drop} seats;\n");
        fs::write(folder.join("up.sql"), up).unwrap();
        let down = format!("ALTER TABLE records {add} seats INT4;\n");
        fs::write(folder.join("down.sql"), down).unwrap();
    }
    let refused = check();
    assert!(!refused.status.success());
    let refused = String::from_utf8(refused.stdout).unwrap();
    let sentence = "postgres/0004_drop_seats/up.sql: src/data/schema.rs still has the column `seats` of `records`: remove \
                    it from the code first";
    assert!(refused.contains(sentence), "{refused}");
    let test = acme
        .cargo(&["test", "--package", "sql-lint"])
        .output()
        .unwrap();
    assert!(!test.status.success());
    assert!(
        String::from_utf8_lossy(&test.stdout).contains(sentence),
        "{test:?}"
    );
}

#[test]
fn the_make_verbs_do_what_they_say() {
    let turn = Turn::take();
    let acme = turn.acme;
    let make = |verb: &str| {
        let mut make = acme.command("make");
        make.arg(verb);
        make
    };
    let help = succeeds(make("help")).unwrap();
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    for verb in [
        "execute", "up", "down", "api", "proto", "compile", "build", "test", "lint", "core",
        "records",
    ] {
        assert!(help.contains(&format!("make {verb} ")), "{verb}:\n{help}");
    }
    succeeds(make("lint")).unwrap();

    succeeds(make("api")).unwrap();
    let written = files_below(&acme.path().join("target/api"));
    for end in ["records.v1/openapi.json", "users.v1/descriptors.binpb"] {
        assert!(
            written.iter().any(|path| path.ends_with(end)),
            "{end} is not among {written:?}"
        );
    }

    let log = acme.path().join("../make.log");
    let _ = fs::remove_file(&log);
    let (port, _) = ports(acme.path())
        .into_iter()
        .find(|(_, service)| service == "records")
        .unwrap();
    let mut records = Background::start(make("records").process_group(0), &log).unwrap();
    ready(port).unwrap_or_else(|error| panic!("{error:#}\n{}", records.output().unwrap()));
    // A terminal sends Ctrl-C to the whole group: make and the service.
    records.signal_group("INT").unwrap();
    records.wait(PATIENCE).unwrap();
    eventually(PATIENCE, || {
        anyhow::ensure!(Http::new(port).get("/healthz").is_err(), "it still runs");
        Ok(())
    })
    .unwrap();
}

#[test]
fn nothing_but_rust_git_and_a_c_compiler_is_needed() {
    let turn = Turn::take();
    // A folder with the only programs that the build can find.
    let folder = TempDir::new().unwrap();
    let rust: PathBuf = String::from_utf8(
        succeeds({
            let mut rustc = turn.acme.command("rustc");
            rustc.args(["--print", "sysroot"]);
            rustc
        })
        .unwrap()
        .stdout,
    )
    .unwrap()
    .trim()
    .into();
    for tool in [
        "cc", "ld", "as", "ar", "git", "sh", "uname", "rm", "mkdir", "ln", "cat", "env",
    ] {
        let found = succeeds({
            let mut which = Command::new("which");
            which.arg(tool);
            which
        })
        .unwrap();
        let found = PathBuf::from(String::from_utf8(found.stdout).unwrap().trim());
        symlink(found.canonicalize().unwrap(), folder.path().join(tool)).unwrap();
    }
    let path = std::env::join_paths([rust.join("bin"), folder.path().to_owned()]).unwrap();
    let mut build = turn.acme.cargo(&["build", "--verbose"]);
    build
        .env("PATH", path)
        .env("PKG_CONFIG_PATH", "/nonexistent")
        .env("PKG_CONFIG_LIBDIR", "/nonexistent")
        .env("LIBCLANG_PATH", "/nonexistent")
        .env("OPENSSL_DIR", "/nonexistent")
        .env_remove("PROTOC")
        .env("CARGO_TARGET_DIR", folder.path().join("target"));
    succeeds(build).unwrap();
}

/// The HTTP port of each service, as recorded in .platform/ports.
fn ports(workspace: &Path) -> BTreeMap<u16, String> {
    fs::read_dir(workspace.join(".platform/ports"))
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let text = fs::read_to_string(&path).unwrap();
            let service = text.split('"').nth(1).unwrap().to_owned();
            (
                path.file_stem().unwrap().to_str().unwrap().parse().unwrap(),
                service,
            )
        })
        .collect()
}

fn ready(port: u16) -> anyhow::Result<()> {
    let client = Http::new(port);
    eventually(PATIENCE, || {
        anyhow::ensure!(client.get("/readyz")?.status == 200, "not ready");
        Ok(())
    })
}

fn stopped(ports: &BTreeMap<u16, String>) {
    for (port, service) in ports {
        assert!(
            Http::new(*port).get("/healthz").is_err(),
            "{service} still runs on {port}"
        );
    }
}

/// Waits until the services have stopped, which may take a moment if their processes were not waited for.
fn eventually_stopped(ports: &BTreeMap<u16, String>) {
    for (port, service) in ports {
        eventually(PATIENCE, || {
            let answers = Http::new(*port).get("/healthz").is_ok();
            anyhow::ensure!(!answers, "{service} still runs on {port}");
            Ok(())
        })
        .unwrap();
    }
}

/// Builds the tasks, so that a test does not count this build as startup time of services.
fn build_tasks(acme: &Acme) {
    succeeds(acme.cargo(&["build", "--package", "xtask"])).unwrap();
}

/// A terminal in the workspace, with settings of services in its environment.
fn terminal(acme: &Acme, settings: &[(&str, &str)]) -> Terminal {
    let mut script = acme.command("script");
    script.envs(settings.iter().copied());
    Terminal::open(script, &acme.path().join("../terminal.log")).unwrap()
}

/// Removes a service as the README says: deletes its two folders and its entries in .platform/.
fn remove(workspace: &Path, name: &str) {
    let service = name.replace('/', "-");
    let record = service.replace('-', "_");
    let (namespace, local) = name.split_once('/').unwrap_or((name, name));
    let contract = workspace.join("api").join(namespace.replace('-', "_"));
    if namespace == local {
        fs::remove_dir_all(contract).unwrap();
    } else {
        // Other contracts share the namespace.
        fs::remove_file(contract.join(format!("v1/{local}.proto"))).unwrap();
    }
    fs::remove_dir_all(workspace.join("services").join(&service)).unwrap();
    for entry in [
        format!("contracts/{record}.rhai"),
        format!("services/{service}.rhai"),
    ] {
        let path = workspace.join(".platform").join(&entry);
        fs::remove_file(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let (port, _) = ports(workspace)
        .into_iter()
        .find(|(_, owner)| *owner == service)
        .unwrap();
    fs::remove_file(workspace.join(format!(".platform/ports/{port}.rhai"))).unwrap();
}

fn same(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) {
    let names = |files: &BTreeMap<PathBuf, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(before), names(after));
    for (path, content) in before {
        assert!(after[path] == *content, "{} has changed", path.display());
    }
}

fn files_below(folder: &Path) -> Vec<String> {
    walkdir::WalkDir::new(folder)
        .into_iter()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect()
}

struct DownOnDrop(&'static Acme);

impl Drop for DownOnDrop {
    fn drop(&mut self) {
        let _ = self.0.cargo(&["xtask", "down"]).output();
    }
}
