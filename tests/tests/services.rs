//! Rendered code passes its checks: formatting, lints, and its own tests on every database and cache.

use tests::{
    acme::{Acme, succeeds},
    servers::{Pooler, Postgres, Redis},
};

#[test]
fn the_rendered_code_is_formatted() {
    succeeds(Acme::rendered().cargo(&["fmt", "--all", "--check"])).unwrap();
}

#[test]
fn clippy_has_nothing_to_say() {
    let clippy = [
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "-D",
        "warnings",
    ];
    succeeds(Acme::rendered().cargo(&clippy)).unwrap();
}

#[test]
fn the_tests_pass_without_any_server_and_on_all_of_them() {
    let acme = Acme::rendered();
    let output = succeeds(acme.cargo(&["test"])).unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    for reason in [
        "ignored, needs DATABASE_URL",
        "ignored, needs PGBOUNCER_URL",
        "ignored, needs REDIS_URL",
        "ignored, needs COCKROACH_URL",
    ] {
        assert!(
            output.contains(reason),
            "no test says `{reason}`:\n{output}"
        );
    }

    let tools = [
        "test",
        "--package=api-build",
        "--package=api-mapping",
        "--package=api-model",
        "--package=sql-lint",
        "--package=testkit",
        "--package=xtask",
    ];
    succeeds(acme.cargo(&tools)).unwrap();

    let (redis, _server) = redis();
    for (url, server) in urls() {
        let pooler = pooler(server.as_ref());
        for of in [&["test"][..], &["test", "--package=testkit"]] {
            let mut test = acme.cargo(of);
            test.args(["--", "--include-ignored", "--skip=on_cockroachdb"])
                .env("DATABASE_URL", &url)
                .env("REDIS_URL", &redis)
                .env("PGBOUNCER_URL", &pooler.0);
            let output = succeeds(test).unwrap();
            let output = String::from_utf8_lossy(&output.stdout).into_owned();
            assert!(!output.contains("... ignored"), "{output}");
        }
    }
}

#[test]
#[ignore = "needs COCKROACH_URL, as tests/run knows"]
fn the_data_tests_pass_on_cockroachdb() {
    let url = std::env::var("COCKROACH_URL").expect("COCKROACH_URL names a CockroachDB");
    let mut test = Acme::rendered().cargo(&["test", "on_cockroachdb", "--", "--ignored"]);
    test.env("COCKROACH_URL", url);
    let output = succeeds(test).unwrap();
    let output = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.contains("on_cockroachdb::what_is_inserted_is_found ... ok"),
        "{output}"
    );
}

/// The Redis for the tests: the one in REDIS_URL, or one that is started here.
fn redis() -> (String, Option<Redis>) {
    if let Ok(url) = std::env::var("REDIS_URL") {
        return (url, None);
    }
    let server = Redis::start().unwrap();
    (server.url(), Some(server))
}

/// The pooler for the tests: the one in PGBOUNCER_URL, or one that is started here before the server.
fn pooler(server: Option<&Postgres>) -> (String, Option<Pooler>) {
    if let Ok(url) = std::env::var("PGBOUNCER_URL") {
        return (url, None);
    }
    let server = server.expect("PGBOUNCER_URL goes with DATABASE_URL: a pooler before that server");
    let pooler = Pooler::start(server).unwrap();
    (pooler.url(), Some(pooler))
}

/// The databases for the tests: those in DATABASE_URL, or two that are started here.
fn urls() -> Vec<(String, Option<Postgres>)> {
    if let Ok(url) = std::env::var("DATABASE_URL") {
        return vec![(url, None)];
    }
    [Postgres::of_the_distribution(), Postgres::newest()]
        .map(|server| {
            let server = server.unwrap();
            (server.url(), Some(server))
        })
        .into()
}
