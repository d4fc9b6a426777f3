//! Tokens: those that `core` issues, those of other issuers for a service, and forged ones.

use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::Path,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde_json::{Map, Value, json};
use tempfile::TempDir;
use tests::{
    acme::{Acme, Running, succeeds, tool},
    grpc::Grpc,
    http::Raw,
    process::free_port,
};

const LIST: &str = "records.v1.RecordsService/ListRecords";

/// The output of [`foreign.py`](auth/foreign.py).
struct Foreign {
    folder: TempDir,
    valid: Map<String, Value>,
    forged: Map<String, Value>,
    expired: Map<String, Value>,
    huge: String,
}

impl Foreign {
    fn new() -> Self {
        // Built first, because the tokens are valid from now.
        Acme::built();
        let folder = TempDir::new().unwrap();
        let mut python = tool("python3");
        python.args(["-c", include_str!("auth/foreign.py")]);
        python.arg(folder.path());
        let output = succeeds(python).unwrap().stdout;
        let mut tokens: Value = serde_json::from_slice(&output).unwrap();
        let mut take = |name: &str| match tokens[name].take() {
            Value::Object(tokens) => tokens,
            other => panic!("{name} is {other}"),
        };
        let (valid, forged, expired) = (take("valid"), take("forged"), take("expired"));
        Self {
            valid,
            forged,
            expired,
            huge: tokens["huge"].as_str().unwrap().to_owned(),
            folder,
        }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// A service that trusts this issuer instead of `core`.
    fn trusted_by_records(&self, keys: (&str, &str)) -> Running {
        let settings = [
            ("AUTH__ISSUER", "https://id.example.com/realms/acme"),
            ("AUTH__AUDIENCE", "acme"),
            ("AUTH__LEEWAY", "1m"),
            keys,
        ];
        Running::start("records", self.folder.path(), &settings).unwrap()
    }
}

/// A service's answer to a token over HTTP (status and reason) and over gRPC (code).
fn verdict(service: &Running, token: &str) -> (u16, String, u32) {
    let answer = service
        .client()
        .with_token(token)
        .get("/v1/records")
        .unwrap();
    let reason = match answer.status {
        200 => String::new(),
        _ => answer.reason().unwrap(),
    };
    let code = runtime().block_on(async {
        let grpc = Grpc::connect(service.grpc, Some(token)).await.unwrap();
        grpc.call(LIST, b"").await.unwrap().code
    });
    (answer.status, reason, code)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

fn text(token: &Value) -> &str {
    token.as_str().unwrap()
}

fn accepted() -> (u16, String, u32) {
    (200, String::new(), 0)
}

/// Registers a user at `core` and logs in; later calls only log in.
fn log_in(core: &Running) -> String {
    let password = "correct horse";
    let user = json!({"user": {"email": "ada@example.com", "name": "Ada"}, "password": password});
    core.client().post("/v1/users", &user).unwrap();
    let credentials = json!({"email": "ada@example.com", "password": password});
    let session = core.client().post("/v1/auth/login", &credentials).unwrap();
    assert_eq!(session.status, 200, "{session:?}");
    text(&session.json().unwrap()["accessToken"]).to_owned()
}

fn rotate(folder: &Path, arguments: &[&str]) -> std::process::Output {
    let mut command = Acme::built().service("core", folder, 0, 0);
    command.args(["keys", "rotate"]).args(arguments);
    command.output().unwrap()
}

#[test]
fn a_token_of_core_satisfies_another_library() {
    let foreign = Foreign::new();
    for algorithm in ["EdDSA", "ES256", "RS256"] {
        let folder = TempDir::new().unwrap();
        let ports = [free_port().unwrap(), free_port().unwrap()];
        let issuer = format!("http://127.0.0.1:{}", ports[0]);
        let pem = fs::read_to_string(foreign.file(&format!("{algorithm}.pem"))).unwrap();
        let mut settings = vec![("AUTH__ISSUER", issuer.as_str())];
        if algorithm != "EdDSA" {
            settings.push(("AUTH__SIGNING__PEM", &pem));
        }
        let core = Running::start_on("core", folder.path(), ports, &settings).unwrap();
        let script = "
import json, jwt, sys, urllib.request
issuer, token = sys.argv[1:]
with urllib.request.urlopen(issuer + '/.well-known/openid-configuration') as answer:
    discovered = json.load(answer)
assert discovered['issuer'] == issuer, discovered
key = jwt.PyJWKClient(discovered['jwks_uri']).get_signing_key_from_jwt(token)
algorithms = discovered['id_token_signing_alg_values_supported']
claims = jwt.decode(token, key, algorithms=algorithms, audience='platform', issuer=issuer,
                    options={'require': ['iss', 'sub', 'aud', 'exp', 'nbf', 'iat', 'jti']})
print(json.dumps([algorithms, claims]))
";
        let token = log_in(&core);
        let mut python = tool("python3");
        python.args(["-c", script, &issuer, &token]);
        let found: Value = serde_json::from_slice(&succeeds(python).unwrap().stdout).unwrap();
        assert_eq!(found[0], json!([algorithm]));
        // The token is also valid for core itself.
        let user = format!("/v1/users/{}", text(&found[1]["sub"]));
        let own = core.client().with_token(&token).get(&user).unwrap();
        assert_eq!(own.status, 200, "{algorithm}: {own:?}");
    }
}

#[test]
fn another_provider_can_replace_core() {
    let foreign = Foreign::new();
    for file in ["jwks.json", "public.pem"] {
        let service = foreign.trusted_by_records(("AUTH__KEYS_FILE", &foreign.file(file)));
        for (name, token) in &foreign.valid {
            assert_eq!(verdict(&service, text(token)), accepted(), "{name}, {file}");
        }
    }
}

#[test]
fn forged_tokens_are_refused_over_both_transports() {
    let foreign = Foreign::new();
    let service = foreign.trusted_by_records(("AUTH__KEYS_FILE", &foreign.file("jwks.json")));
    let good = text(&foreign.valid["EdDSA"]);
    assert_eq!(verdict(&service, good), accepted());
    let refused = |reason: &str| (401, reason.to_owned(), 16);
    for (name, token) in &foreign.forged {
        assert_eq!(
            verdict(&service, text(token)),
            refused("TOKEN_INVALID"),
            "{name}"
        );
    }
    for (name, token) in &foreign.expired {
        assert_eq!(
            verdict(&service, text(token)),
            refused("TOKEN_EXPIRED"),
            "{name}"
        );
    }

    // Two credentials are refused, even if they are equal.
    let mut raw = Raw::connect(service.http).unwrap();
    let header = format!("authorization: Bearer {good}\r\n");
    let request = format!("GET /v1/records HTTP/1.1\r\nhost: x\r\n{header}{header}\r\n");
    raw.send(request).unwrap();
    assert_eq!(raw.read_answer().unwrap().0, 401);

    // More than the limit of all headers: no transport reads it to its end.
    let huge = service
        .client()
        .with_token(&foreign.huge)
        .get("/v1/records");
    assert!(huge.is_err() || huge.is_ok_and(|answer| answer.status == 431));
    let huge = runtime().block_on(async {
        let grpc = Grpc::connect(service.grpc, Some(&foreign.huge)).await?;
        grpc.call(LIST, b"").await
    });
    assert!(huge.is_err(), "{huge:?}");
    assert_eq!(verdict(&service, good), accepted());
}

/// Serves a file at every path, and counts the requests.
fn serve(file: &str) -> (String, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/keys", listener.local_addr().unwrap());
    let asked = Arc::new(AtomicU64::new(0));
    let (body, count) = (fs::read_to_string(file).unwrap(), asked.clone());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for _ in lines
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
            {}
            count.fetch_add(1, Ordering::SeqCst);
            let length = body.len();
            let answer = format!(
                "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
            );
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    (url, asked)
}

#[test]
fn ten_thousand_unknown_keys_are_few_questions_to_the_provider() {
    let foreign = Foreign::new();
    let (url, asked) = serve(&foreign.file("jwks.json"));
    let service = foreign.trusted_by_records(("AUTH__JWKS_URL", &url));
    let good = text(&foreign.valid["RS256"]);
    assert_eq!(verdict(&service, good), accepted());

    let (_, rest) = good.split_once('.').unwrap();
    let started = Instant::now();
    thread::scope(|scope| {
        for part in 0..4 {
            let client = service.client();
            scope.spawn(move || {
                for number in 0..2_500 {
                    let header = json!({"alg": "RS256", "kid": format!("{part} {number}")});
                    let token = format!(
                        "{}.{rest}",
                        BASE64_URL_SAFE_NO_PAD.encode(header.to_string())
                    );
                    let answer = client.with_token(&token).get("/v1/records").unwrap();
                    assert_eq!(answer.status, 401);
                }
            });
        }
    });
    let asked = asked.load(Ordering::SeqCst);
    // Once at the start, and then once in ten seconds.
    let most = 2 + started.elapsed().as_secs() / 10;
    assert!(
        asked <= most,
        "asked {asked} times in {:?}",
        started.elapsed()
    );
    assert_eq!(verdict(&service, good), accepted());
}

#[test]
fn while_keys_are_rotated_no_valid_token_is_refused() {
    const CLIENTS: usize = 4;
    let foreign = Foreign::new();
    let folder = TempDir::new().unwrap();
    let core = Running::start("core", folder.path(), &[("SERVICE__TOKEN_LIFETIME", "4s")]).unwrap();
    let url = format!("http://127.0.0.1:{}/.well-known/jwks.json", core.http);
    // In its own folder it has only the URL, and no key file.
    let elsewhere = TempDir::new().unwrap();
    let settings = [("AUTH__JWKS_URL", url.as_str())];
    let service = Running::start("records", elsewhere.path(), &settings).unwrap();

    let token = Mutex::new(log_in(&core));
    let (stop, sent) = (AtomicBool::new(false), AtomicU64::new(0));
    let kids = Mutex::new(BTreeSet::new());
    thread::scope(|scope| {
        // Renews the token at least twice in its lifetime, as a client would.
        scope.spawn(|| {
            while !stop.load(Ordering::SeqCst) {
                let fresh = log_in(&core);
                kids.lock()
                    .unwrap()
                    .insert(fresh.split_once('.').unwrap().0.to_owned());
                *token.lock().unwrap() = fresh;
                thread::sleep(Duration::from_secs(1));
            }
        });
        let clients: Vec<_> = (0..CLIENTS)
            .map(|_| {
                scope.spawn(|| {
                    while !stop.load(Ordering::SeqCst) {
                        let token = token.lock().unwrap().clone();
                        let client = service.client().with_token(&token);
                        let answer = client.get("/v1/records").unwrap();
                        if answer.status != 200 {
                            stop.store(true, Ordering::SeqCst);
                            panic!("refused: {answer:?}");
                        }
                        sent.fetch_add(1, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let given = foreign.file("ES256.pem");
        for arguments in [&["--after=12s"][..], &["--after=12s", "--key", &given]] {
            let rotated = rotate(folder.path(), arguments);
            assert!(rotated.status.success(), "{rotated:?}");
            let until = Instant::now() + Duration::from_secs(16);
            while Instant::now() < until && !stop.load(Ordering::SeqCst) {
                thread::sleep(Duration::from_millis(50));
            }
        }
        stop.store(true, Ordering::SeqCst);
        for client in clients {
            client.join().unwrap();
        }
    });
    assert_eq!(kids.lock().unwrap().len(), 3, "a key never signed");
    assert!(sent.load(Ordering::SeqCst) > 1_000);
    let published = core.client().get("/.well-known/jwks.json").unwrap();
    assert_eq!(
        published.json().unwrap()["keys"].as_array().unwrap().len(),
        3
    );
}

#[test]
fn a_rotation_that_cannot_be_done_says_why() {
    let foreign = Foreign::new();
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("notes.txt"), "hello").unwrap();
    let public = foreign.file("public.pem");
    for (arguments, why) in [
        (&["--after", "soon"][..], "invalid value 'soon'"),
        (
            &["--key", "notes.txt"],
            "notes.txt cannot be used: it holds no private key",
        ),
        (
            &["--key", &public],
            "public.pem cannot be used: it holds no private key",
        ),
        (
            &["--key", "nowhere.pem"],
            "nowhere.pem cannot be used: No such file",
        ),
        (&["--after", "10years"], "within a year"),
    ] {
        let refused = rotate(folder.path(), arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert!(
            !refused.status.success() && said.contains(why),
            "{arguments:?}: {said}"
        );
    }
}
