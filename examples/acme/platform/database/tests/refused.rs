//! A start ends at once, with the place and the cause, where waiting would not mend it.

use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use diesel_migrations::embed_migrations;
use platform::{
    Part,
    database::{self, Database, Migrations, ServiceDatabase},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

static MIGRATIONS: Migrations = Migrations::new(
    embed_migrations!("tests/migrations/postgres"),
    embed_migrations!("tests/migrations/sqlite"),
);

/// The start of a service whose database is at this URL must end with these words, whether it migrates or not.
async fn is_refused(url: &str, words: &[&str]) {
    for migrate_at_start in [true, false] {
        let database = Database::open("test", &database::Config::at(url).unwrap()).unwrap();
        let part = ServiceDatabase::new("test", database, &MIGRATIONS, migrate_at_start);
        // A start has a patience of 30 seconds with what may pass.
        let ended = tokio::time::timeout(Duration::from_secs(20), part.start()).await;
        let text = ended.expect("it does not wait").unwrap_err().to_string();
        for word in words {
            assert!(text.contains(word), "{word} is not in: {text}");
        }
        assert!(!text.contains("secret"), "{text}");
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("notes.db");
    fs::write(&file, "These are the notes of a meeting.".repeat(40)).unwrap();
    let words = [file.to_str().unwrap(), "file is not a database"];
    is_refused(&format!("sqlite://{}", file.display()), &words).await;
}

#[tokio::test]
async fn a_folder_in_the_place_of_the_file_ends_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    is_refused(&format!("sqlite://{path}"), &[path, "is a directory"]).await;
}

#[tokio::test]
async fn a_folder_that_cannot_be_made_ends_the_start() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let path = file.path().join("test.db");
    let words = [path.to_str().unwrap(), "(os error"];
    is_refused(&format!("sqlite://{}", path.display()), &words).await;
}

/// A server that answers whatever it is sent with these bytes, and its address.
async fn answering(answer: Vec<u8>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(async move {
        while let Ok((mut client, _)) = listener.accept().await {
            let _ = client.read(&mut [0; 1024]).await;
            let _ = client.write_all(&answer).await;
        }
    });
    address
}

/// As a server of PostgreSQL refuses a client.
fn error(state: &str, message: &str) -> Vec<u8> {
    let fields = format!("SFATAL\0VFATAL\0C{state}\0M{message}\0\0");
    let length = u32::try_from(fields.len() + 4).unwrap();
    [&b"E"[..], &length.to_be_bytes(), fields.as_bytes()].concat()
}

#[tokio::test]
async fn a_server_that_does_not_want_us_ends_the_start() {
    for (state, message) in [
        ("28P01", "password authentication failed for user \"shop\""),
        ("28000", "no pg_hba.conf entry for host \"10.0.0.7\""),
        ("3D000", "database \"shop\" does not exist"),
        ("08P01", "no such database: shop"),
    ] {
        let address = answering(error(state, message)).await;
        let place = format!("shop@{address}/shop: ");
        let url = format!("postgres://shop:secret@{address}/shop");
        is_refused(&url, &[&place, message]).await;
    }
}

#[tokio::test]
async fn a_server_without_the_tls_that_is_asked_for_ends_the_start() {
    // The answer to the question whether it has TLS.
    let address = answering(b"N".to_vec()).await;
    let url = format!("postgres://shop:secret@{address}/shop?sslmode=require");
    is_refused(&url, &["server does not support TLS"]).await;
}

#[tokio::test]
async fn a_server_that_is_still_starting_does_not_end_the_start() {
    let address = answering(error("57P03", "the database system is starting up")).await;
    let url = format!("postgres://shop:secret@{address}/shop");
    let database = Database::open("test", &database::Config::at(&url).unwrap()).unwrap();
    let part = ServiceDatabase::new("test", database, &MIGRATIONS, false);
    part.start().await.unwrap();
    part.ready().await.unwrap_err();
}

#[tokio::test]
async fn each_request_to_a_database_that_is_away_is_told_why() {
    let url = "postgres://shop:secret@127.0.0.1:1/shop";
    let database = Database::open("test", &database::Config::at(url).unwrap()).unwrap();
    for _ in 0..3 {
        let error = database.ping().await.unwrap_err().to_string();
        assert!(error.contains("shop@127.0.0.1:1/shop: "), "{error}");
        assert!(error.contains("Connection refused"), "{error}");
    }
}

#[tokio::test]
async fn the_files_of_a_database_are_for_their_user_alone() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data/test.db");
    let url = format!("sqlite://{}", file.display());
    let database = Database::open("test", &database::Config::at(&url).unwrap()).unwrap();
    database.migrate(&MIGRATIONS).await.unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(file.parent().unwrap()), 0o700);
    let mut files = 0;
    for entry in fs::read_dir(file.parent().unwrap()).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        files += 1;
    }
    assert_eq!(files, 3, "the database, its log and the index of the log");
}
