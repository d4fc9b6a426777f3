//! Contracts and foreign tools: the tools can read a contract, call it, and find no error.

use std::{fs, path::Path, process::Output};

use serde_json::{Value, json};
use tempfile::TempDir;
use tests::acme::{Acme, Backend, CONTRACTS, succeeds, tool};

#[test]
fn buf_finds_nothing_to_say_about_any_contract() {
    let acme = Acme::rendered();
    let rules = fs::read_to_string(acme.path().join("buf.yaml")).unwrap();
    assert!(rules.contains("  use:\n    - STANDARD\n"), "{rules}");

    let mut lint = tool("buf");
    lint.arg("lint").current_dir(acme.path());
    succeeds(lint).unwrap();
    let mut format = tool("buf");
    format
        .args(["format", "--diff", "--exit-code", "api"])
        .current_dir(acme.path());
    succeeds(format).unwrap();
}

#[test]
fn buf_would_have_complained() {
    let folder = TempDir::new().unwrap();
    let acme = Acme::rendered();
    succeeds(acme_copy(acme.path(), folder.path())).unwrap();
    let contract = folder.path().join("api/records/v1/records.proto");
    let text = fs::read_to_string(&contract)
        .unwrap()
        .replace("string etag = 2;", "string eTag = 2;");
    fs::write(contract, text).unwrap();

    let output = tool("buf")
        .arg("lint")
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert!(
        text_of(&output).contains("lower_snake_case"),
        "{}",
        text_of(&output)
    );
}

fn acme_copy(from: &Path, to: &Path) -> std::process::Command {
    let mut copy = std::process::Command::new("cp");
    copy.arg("-r")
        .args(["api", "third_party", "buf.yaml"].map(|name| from.join(name)))
        .arg(to);
    copy
}

#[test]
fn grpcurl_lists_every_service_and_describes_every_message() {
    for (name, contracts) in CONTRACTS {
        let backend = backend(name);
        let port = server(name, &backend).1;
        let listed = text_of(&succeeds(grpcurl(port, &[], &["list"])).unwrap());
        let mut listed: Vec<&str> = listed
            .lines()
            .filter(|name| !name.starts_with("grpc."))
            .collect();
        listed.sort_unstable();
        let mut expected = contracts.to_vec();
        expected.sort_unstable();
        assert_eq!(listed, expected);
        for contract in *contracts {
            let described =
                text_of(&succeeds(grpcurl(port, &[], &["describe", contract])).unwrap());
            assert!(
                described.contains("option (.google.api.http)"),
                "{described}"
            );
        }
        let health = succeeds(grpcurl(port, &[], &["grpc.health.v1.Health/Check"])).unwrap();
        assert_eq!(json_of(&health)["status"], "SERVING");
    }
}

#[test]
fn grpcurl_calls_every_method_of_a_service() {
    let backend = Backend::start(&[]).unwrap();
    let call = |method: &str, request: Value| {
        let service = format!("records.v1.RecordsService/{method}");
        let request = request.to_string();
        let headers = [format!("authorization: Bearer {}", backend.token)];
        json_of(
            &succeeds(grpcurl(
                backend.service.grpc,
                &headers,
                &["-d", &request, &service],
            ))
            .unwrap(),
        )
    };

    let record = backend.record("first");
    let created = call("CreateRecord", json!({"record": record}))["record"].clone();
    let mut stored = created.as_object().unwrap().clone();
    for made_by_the_server in ["id", "etag", "createdAt", "updatedAt"] {
        assert!(
            stored.remove(made_by_the_server).is_some(),
            "{created} has no {made_by_the_server}"
        );
    }
    assert_eq!(Value::from(stored), record);

    let id = created["id"].as_str().unwrap();
    assert_eq!(call("GetRecord", json!({"id": id}))["record"], created);
    assert_eq!(
        call("BatchGetRecords", json!({"ids": [id]}))["records"],
        json!([created])
    );
    let found = json!({"filter": "code = first", "orderBy": "seats desc"});
    assert_eq!(call("ListRecords", found)["records"], json!([created]));
    let changed = call(
        "UpdateRecord",
        json!({"record": {"id": id, "etag": created["etag"], "active": false}, "updateMask": {"paths": ["active"]}}),
    );
    // grpcurl prints every field that is present.
    assert_eq!(changed["record"]["active"], false);
    assert_eq!(changed["record"]["bio"], record["bio"]);
    assert_eq!(call("DeleteRecord", json!({"id": id})), json!({}));
    assert_eq!(call("ListRecords", json!({})).get("records"), None);
}

#[test]
fn grpcurl_registers_and_logs_in() {
    let backend = Backend::start(&[]).unwrap();
    let call = |headers: &[String], method: &str, request: Value| {
        json_of(
            &succeeds(grpcurl(
                backend.core.grpc,
                headers,
                &["-d", &request.to_string(), method],
            ))
            .unwrap(),
        )
    };
    let user = json!({"email": "bob@example.com", "name": "Bob"});
    let created = call(
        &[],
        "users.v1.UsersService/CreateUser",
        json!({"user": user, "password": "battery staple"}),
    );
    // The caller of a registration is not authenticated yet, so the answer contains no address.
    let mut user = created["user"].clone();
    assert_eq!(user.get("email"), None);
    user["email"] = json!("bob@example.com");
    let id = user["id"].as_str().unwrap();
    backend.make_admin("bob@example.com").unwrap();
    let credentials = json!({"email": "bob@example.com", "password": "battery staple"});
    let session = &call(&[], "auth.v1.AuthService/LogIn", credentials)["session"];
    assert_eq!(session["userId"], id);

    let headers = [format!(
        "authorization: Bearer {}",
        session["accessToken"].as_str().unwrap()
    )];
    let call = |method, request| {
        call(
            &headers,
            &format!("users.v1.UsersService/{method}"),
            request,
        )
    };
    assert_eq!(call("GetUser", json!({"id": id}))["user"], user);
    assert_eq!(call("ListUsers", json!({}))["users"][0], user);
    let changed = call("UpdateUser", json!({"user": {"id": id, "name": "Robert"}}));
    assert_eq!(changed["user"]["name"], "Robert");
    assert_eq!(call("DeleteUser", json!({"id": id})), json!({}));
}

#[test]
fn the_openapi_documents_are_valid() {
    for (name, _) in CONTRACTS {
        let backend = backend(name);
        let document = backend.folder.path().join("openapi.json");
        fs::write(&document, openapi(name, &backend)).unwrap();
        let mut validator = tool("openapi-spec-validator");
        validator.args(["--schema", "3.1.0"]).arg(&document);
        succeeds(validator).unwrap();
    }
}

#[test]
fn schemathesis_finds_no_violation_of_the_openapi_documents() {
    // TESTS_EXAMPLES=500 tests more thoroughly than each change needs.
    let examples = std::env::var("TESTS_EXAMPLES").unwrap_or("25".into());
    for (name, _) in CONTRACTS {
        let mut backend = backend(name);
        // Only an administrator may list users.
        backend.make_admin("ada@example.com").unwrap();
        backend.log_in().unwrap();
        let (http, _) = server(name, &backend);
        let mut schemathesis = tool("schemathesis");
        schemathesis
            .current_dir(backend.folder.path())
            .args([
                "--config-file",
                concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis.toml"),
                "run",
                "--checks=all",
                "--seed=1",
                "--no-color",
                "--phases=examples,coverage,fuzzing,stateful",
            ])
            .args([
                "--continue-on-failure",
                "--request-timeout=30",
                "--generation-database=none",
            ])
            .args(["--max-examples", &examples])
            .args([
                "--header",
                &format!("Authorization: Bearer {}", backend.token),
            ])
            .arg(format!("http://127.0.0.1:{http}/openapi.json"));
        succeeds(schemathesis).unwrap_or_else(|error| panic!("{name}: {error:#}"));
    }
}

fn backend(name: &str) -> Backend {
    Backend::start_with(if name == "core" { "records" } else { name }, &[]).unwrap()
}

/// The ports of the service.
fn server(name: &str, backend: &Backend) -> (u16, u16) {
    let running = if name == "core" {
        &backend.core
    } else {
        &backend.service
    };
    (running.http, running.grpc)
}

fn openapi(name: &str, backend: &Backend) -> Vec<u8> {
    let answer = tests::http::Http::new(server(name, backend).0)
        .get("/openapi.json")
        .unwrap();
    assert_eq!(answer.status, 200);
    answer.body
}

fn grpcurl(port: u16, headers: &[String], arguments: &[&str]) -> std::process::Command {
    let mut command = tool("grpcurl");
    command.args(["-plaintext", "-max-time", "30"]);
    for header in headers {
        command.args(["-H", header]);
    }
    let (verb, options) = match arguments {
        ["-d", data, method] => (vec![*method], vec!["-d", *data]),
        others => (others.to_vec(), vec![]),
    };
    command
        .args(options)
        .arg(format!("127.0.0.1:{port}"))
        .args(verb);
    command
}

fn text_of(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|bytes| String::from_utf8_lossy(bytes))
        .concat()
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap()
}
