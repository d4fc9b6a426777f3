//! How many logins a processor core can handle in a second, compared with a password check alone, and the memory that
//! they need.

use std::{fs, thread};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::{
    CORE, credentials, post, prepare,
    process::{Address, Call, Process},
    register,
};

const PASSWORD: Address = Address {
    http: "http://127.0.0.1:18084",
    grpc: "",
};

pub fn measure() -> Result<()> {
    const LOG_INS: u32 = 200;
    let workspace = prepare()?;
    let core = Process::start(&workspace, "core", &[])?;
    core.ready(CORE.http)?;
    let idle = core.resident()?;
    register()?;
    let bare = Process::start(&workspace, "bare", &["password", "127.0.0.1:18084"])?;
    bare.listening("127.0.0.1:18084")?;
    let body = workspace.join("target/credentials");
    fs::write(&body, credentials().to_string())?;
    let call = Call {
        name: "log in",
        grpc: false,
        path: "/v1/auth/login".to_owned(),
        body: Some(body),
        requests: LOG_INS,
    };
    let servers = [(&bare, &PASSWORD), (&core, &CORE)];
    let mut taken = servers.map(|_| Vec::new());
    for _ in 0..5 {
        for (times, (process, address)) in taken.iter_mut().zip(servers) {
            times.push(call.cpu_micros(process, address, "none", call.requests)?);
        }
    }
    let [by_hand, by_core] = taken.map(|mut times| {
        times.sort_by(f64::total_cmp);
        1e6 / times[times.len() / 2]
    });
    println!("| a second and core | |\n|---|---|");
    println!("| passwords checked by bare argon2id | {by_hand:.1} |");
    println!("| log ins by `core`, SQLite | {by_core:.1} |");

    let after = core.resident()?;
    // As many wrong passwords end all log ins from this address, so they come last.
    let flooded = flood(&core)?;
    println!("\n| resident memory of `core` | |\n|---|---|");
    println!("| idle | {idle:.1} MB |");
    println!("| after the log ins above | {after:.1} MB |");
    println!(
        "| after 45 registrations and 100 wrong passwords over 40 connections | {flooded:.1} MB |"
    );
    let cores = thread::available_parallelism()?.get() as f64;
    let most = idle + 19.0 * cores + 10.0;
    ensure!(
        flooded.max(after) <= most,
        "hashing takes more than 19 MB a core and 10 MB: {most:.1} MB is the limit"
    );
    Ok(())
}

/// Registers users, sends wrong passwords over many connections at once, and returns the resident memory afterwards.
fn flood(core: &Process) -> Result<f64> {
    let email = |number: usize| format!("{number}@example.com");
    for number in 0..45 {
        let user =
            json!({"user": {"email": email(number), "name": "Ada"}, "password": "correct horse"});
        post(&format!("{}/v1/users", CORE.http), "", &user)?;
    }
    thread::scope(|scope| {
        for connection in 0..40 {
            scope.spawn(move || {
                let agent = ureq::Agent::new_with_defaults();
                for number in (connection..100).step_by(40) {
                    let wrong = json!({"email": email(number), "password": "wrong horse"});
                    // The server answers with an error, as expected.
                    let _ = agent
                        .post(format!("{}/v1/auth/login", CORE.http))
                        .send(wrong.to_string());
                }
            });
        }
    });
    core.resident()
}
