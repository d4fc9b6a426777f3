//! `core` as a process: its commands, and what it writes about its users.

use std::{
    fs::{self, File},
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Output},
    sync::{Arc, Mutex},
    time::Duration,
};

use auth_api::v1::{LogInRequest, RefreshRequest, auth_service_client::AuthServiceClient};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit::{Client, Double, RunningDouble};

/// A process that serves in a folder of its own and logs at the lowest level.
struct Core {
    http: SocketAddr,
    grpc: SocketAddr,
    folder: TempDir,
    process: Process,
}

struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Core {
    async fn start() -> Self {
        Self::traced_by("").await
    }

    /// Starts it with every request traced to this collector.
    async fn traced_by(collector: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let process = command(folder.path())
            .env("CORE__LOG__LEVEL", "trace")
            .env("CORE__LOG__FORMAT", "json")
            .env("CORE__TELEMETRY__OTLP_ENDPOINT", collector)
            .env("CORE__TELEMETRY__SAMPLE_RATIO", "1")
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .map(Process)
            .unwrap();
        for _ in 0..500 {
            tokio::time::sleep(Duration::from_millis(20)).await;
            let log = fs::read_to_string(folder.path().join("log")).unwrap();
            let lines = log.lines().map(|line| serde_json::from_str(line).unwrap());
            let mut serving = lines.filter(|line: &Value| line["message"] == "serving");
            if let Some(line) = serving.next() {
                let address = |name: &str| line[name].as_str().unwrap().parse().unwrap();
                return Self {
                    http: address("http"),
                    grpc: address("grpc"),
                    folder,
                    process,
                };
            }
        }
        panic!("core does not serve");
    }

    fn client(&self, session: &Value) -> Client {
        Client::new(
            self.http,
            session["accessToken"].as_str().map(str::to_owned),
        )
    }

    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = command(self.folder.path());
        command.args(arguments).output().unwrap()
    }

    /// Stops it as Ctrl-C does, so that all logs and traces are written.
    async fn stop(&mut self) {
        let id = self.process.0.id().to_string();
        let told = Command::new("kill").args(["-INT", &id]).status().unwrap();
        assert!(told.success());
        let ended = loop {
            tokio::time::sleep(Duration::from_millis(20)).await;
            if let Some(ended) = self.process.0.try_wait().unwrap() {
                break ended;
            }
        };
        assert!(ended.success());
    }

    /// The memory that the process has now, without the pages of its program file (proc_pid_status(5)).
    #[cfg(target_os = "linux")]
    fn own_mebibytes(&self) -> usize {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.0.id())).unwrap();
        let own = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"));
        let kibibytes = own.unwrap().trim_end_matches("kB").trim();
        kibibytes.parse::<usize>().unwrap() / 1024
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap()
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_core"));
    command
        .current_dir(folder)
        .env("CORE__HTTP__PORT", "0")
        .env("CORE__GRPC__PORT", "0");
    command
}

const EMAIL: &str = "zuleika@personal.example";
const PASSWORD: &str = "correct horse";

async fn register(core: &Core) -> Value {
    let user = json!({"user": {"email": EMAIL, "name": "Zuleika"}, "password": PASSWORD});
    let registered = core.client(&Value::Null).post("/v1/users", user).await;
    assert_eq!(registered.status, 200, "{}", registered.json);
    registered.json
}

async fn log_in(core: &Core, email: &str, password: &str) -> Value {
    let credentials = json!({"email": email, "password": password});
    let client = core.client(&Value::Null);
    client.post("/v1/auth/login", credentials).await.json
}

/// The claims of an access token.
fn claims(session: &Value) -> Value {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    let token = session["accessToken"].as_str().unwrap();
    let payload = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap());
    serde_json::from_slice(&payload.unwrap()).unwrap()
}

#[tokio::test]
async fn a_role_that_a_command_gives_is_in_the_next_token() {
    let core = Core::start().await;
    register(&core).await;
    let session = log_in(&core, EMAIL, PASSWORD).await;
    assert_eq!(claims(&session)["roles"], json!([]));

    let granted = core.run(&["users", "grant", "Zuleika@Personal.example", "admin"]);
    assert!(granted.status.success(), "{granted:?}");
    let token = json!({"refreshToken": session["refreshToken"]});
    let refreshed = core
        .client(&Value::Null)
        .post("/v1/auth/refresh", token)
        .await;
    assert_eq!(claims(&refreshed.json)["roles"], json!(["admin"]));

    let revoked = core.run(&["users", "revoke", EMAIL, "admin"]);
    assert!(revoked.status.success(), "{revoked:?}");
    let session = log_in(&core, EMAIL, PASSWORD).await;
    assert_eq!(claims(&session)["roles"], json!([]));
}

#[tokio::test]
async fn a_command_that_cannot_be_done_says_why() {
    let core = Core::start().await;
    for (arguments, sentence) in [
        (
            ["users", "grant", EMAIL, "admin"],
            "core: no user has the e-mail address zuleika@personal.example\n",
        ),
        (
            ["users", "grant", EMAIL, "amdin"],
            "core: there is no role `amdin`; `service.roles` of the configuration has: admin\n",
        ),
    ] {
        assert_refused(core.run(&arguments), sentence);
    }

    let empty = tempfile::tempdir().unwrap();
    let mut command = command(empty.path());
    let refused = command.args(["users", "grant", EMAIL, "admin"]).output();
    let sentence = "core: the database lacks migrations: run the command `migrate`\n";
    assert_refused(refused.unwrap(), sentence);
}

fn assert_refused(ended: Output, sentence: &str) {
    assert_eq!(ended.status.code(), Some(1));
    assert_eq!(String::from_utf8(ended.stderr).unwrap(), sentence);
}

/// A collector of traces, and the text of everything it received.
async fn collector() -> (RunningDouble, Arc<Mutex<String>>) {
    let traces = Arc::new(Mutex::new(String::new()));
    let sent = traces.clone();
    let export = move |export: ExportTraceServiceRequest| {
        *sent.lock().unwrap() += &format!("{export:?}");
        Ok(ExportTraceServiceResponse::default())
    };
    const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    (Double::new().method(EXPORT, export).start().await, traces)
}

/// Calls every method, with success and with errors, and then searches everything that was written.
#[tokio::test]
async fn nothing_that_is_secret_or_personal_is_written_anywhere() {
    let (collector, traces) = collector().await;
    let mut core = if platform::SENDS_TRACES {
        Core::traced_by(&collector.address()).await
    } else {
        Core::start().await
    };
    let anonymous = core.client(&Value::Null);
    let mut secrets = vec![
        EMAIL.to_owned(),
        "zuleika".to_owned(),
        "personal.example".to_owned(),
        PASSWORD.to_owned(),
        "wrong horse".to_owned(),
        "battery staple".to_owned(),
    ];
    let mut errors = Vec::new();

    let user = register(&core).await;
    let path = format!("/v1/users/{}", user["id"].as_str().unwrap());
    let again = json!({"user": {"email": EMAIL, "name": "Zuleika"}, "password": PASSWORD});
    errors.push(anonymous.post("/v1/users", again).await);
    let bad = json!({"user": {"email": format!("{EMAIL}@"), "name": ""}, "password": "wrong"});
    errors.push(anonymous.post("/v1/users", bad).await);
    let misplaced = json!({"user": {"name": [EMAIL]}, "password": {PASSWORD: EMAIL}});
    errors.push(anonymous.post("/v1/users", misplaced).await);

    let first = log_in(&core, EMAIL, PASSWORD).await;
    let body = json!({"refreshToken": first["refreshToken"]});
    let second = anonymous.post("/v1/auth/refresh", body.clone()).await.json;
    // This logs the warning that the token is stolen.
    errors.push(anonymous.post("/v1/auth/refresh", body).await);
    let granted = core.run(&["users", "grant", EMAIL, "admin"]);
    assert!(granted.status.success(), "{granted:?}");
    let third = log_in(&core, EMAIL, PASSWORD).await;
    let client = core.client(&third);
    for old in ["wrong horse", PASSWORD] {
        let change = json!({"oldPassword": old, "newPassword": "battery staple"});
        errors.push(client.post("/v1/auth/password", change).await);
    }
    let changed = errors.pop().unwrap().json;
    for _ in 0..12 {
        let wrong = json!({"email": EMAIL, "password": "wrong horse"});
        errors.push(anonymous.post("/v1/auth/login", wrong).await);
    }
    let out = json!({"refreshToken": changed["refreshToken"]});
    assert_eq!(anonymous.post("/v1/auth/logout", out).await.status, 200);

    let list = format!("/v1/users?filter=email%3D%22{EMAIL}%22&pageSize=1");
    assert_eq!(client.get(&list).await.status, 200);
    errors.push(client.get(&list.replace("email", "address")).await);
    errors.push(client.patch(&path, json!({"email": PASSWORD})).await);
    let rename = json!({"name": "Zuleika D.", "email": EMAIL});
    assert_eq!(client.patch(&path, rename).await.status, 200);

    let mut auth = AuthServiceClient::connect(format!("http://{}", core.grpc))
        .await
        .unwrap();
    let token = second["refreshToken"].as_str().unwrap().to_owned();
    let used = auth
        .refresh(RefreshRequest {
            refresh_token: token,
        })
        .await
        .unwrap_err();
    let credentials = LogInRequest {
        email: EMAIL.to_owned(),
        password: "wrong horse".to_owned(),
    };
    let wrong = auth.log_in(credentials).await.unwrap_err();
    assert_eq!(client.delete(&path).await.status, 200);
    let metrics = anonymous.get("/metrics").await.text;
    drop(auth);
    core.stop().await;

    for session in [&first, &second, &third, &changed] {
        for token in ["accessToken", "refreshToken"] {
            let token = session[token].as_str().unwrap();
            secrets.extend(token.split('.').map(str::to_owned));
            secrets.push(token.to_owned());
        }
    }
    secrets.extend(keys(&core));
    let (log, traces) = (core.log(), traces.lock().unwrap().clone());
    assert_eq!(
        traces.contains("auth.v1.AuthService/ChangePassword"),
        platform::SENDS_TRACES,
        "{traces}"
    );
    assert!(log.contains("auth.v1.AuthService/ChangePassword"), "{log}");
    assert!(log.contains("a refresh token was used twice"), "{log}");
    assert!(metrics.contains("auth.v1.AuthService/LogIn"), "{metrics}");
    let mut written = vec![("log", log), ("trace", traces), ("metrics", metrics)];
    for error in errors {
        assert!(error.status >= 400, "{}", error.text);
        written.push(("error", error.text));
    }
    written.extend([used, wrong].map(|error| ("error", format!("{error:?}"))));
    for (place, text) in written {
        let text = text.to_lowercase();
        for secret in &secrets {
            assert!(
                !text.contains(&secret.to_lowercase()),
                "{secret} in a {place}: {text}"
            );
        }
    }
}

/// Anyone can send passwords. They must not be able to fill the memory of a container.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn passwords_take_a_block_of_memory_for_each_core_and_no_more() {
    let core = Core::start().await;
    let idle = core.own_mebibytes();
    for number in 0..45 {
        let email = format!("{number}@personal.example");
        let user = json!({"user": {"email": email, "name": "Zuleika"}, "password": PASSWORD});
        let registered = core.client(&Value::Null).post("/v1/users", user).await;
        assert_eq!(registered.status, 200, "{}", registered.json);
    }
    let mut connections = tokio::task::JoinSet::new();
    for connection in 0..40 {
        let client = core.client(&Value::Null);
        connections.spawn(async move {
            for number in (connection..100).step_by(40) {
                let email = format!("{number}@personal.example");
                let wrong = json!({"email": email, "password": "wrong horse"});
                assert_eq!(client.post("/v1/auth/login", wrong).await.status, 401);
            }
        });
    }
    connections.join_all().await;

    let cores = std::thread::available_parallelism().unwrap().get();
    let (used, most) = (core.own_mebibytes(), idle + 19 * cores + 10);
    assert!(used <= most, "{used} MiB, {idle} MiB before");
}

/// The lines of the private keys that sign tokens.
fn keys(core: &Core) -> Vec<String> {
    let mut lines = Vec::new();
    let mut folders = vec![core.folder.path().join("data/keys")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = fs::read_to_string(path).unwrap();
            if text.contains("PRIVATE KEY") {
                let base64 = text.lines().filter(|line| !line.starts_with('-'));
                lines.extend(base64.map(str::to_owned));
            }
        }
    }
    assert!(!lines.is_empty(), "core has no key");
    lines
}
