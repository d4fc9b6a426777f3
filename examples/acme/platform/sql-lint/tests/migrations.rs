//! Migrations that would break the version that still runs are refused. Those of this workspace are checked too.

use std::{fs, path::Path};

use sql_lint::{Rule, check_service, check_services};
use tempfile::TempDir;

const SCHEMA: &str =
    "diesel::table! {\n    orders (id) {\n        id -> BigInt,\n        note -> Text,\n    }\n}\n";

#[test]
fn the_migrations_of_every_service_keep_the_rules() {
    // Cargo runs a test in the folder of its package, wherever the workspace has been moved to since it was built.
    let findings = check_services(Path::new("../../services")).unwrap();
    let text: String = findings
        .iter()
        .map(|finding| format!("{finding}\n\n"))
        .collect();
    assert!(findings.is_empty(), "\n\n{text}");
}

/// A service whose files break no rule, except for the one that a test writes.
struct Service(TempDir);

impl Service {
    fn with(file: &str, sql: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir_all(folder.path().join("src/data")).unwrap();
        fs::write(folder.path().join("src/data/schema.rs"), SCHEMA).unwrap();
        let service = Self(folder);
        for database in ["postgres", "sqlite"] {
            service.write(
                &format!("{database}/0001_a/up.sql"),
                "CREATE TABLE IF NOT EXISTS a (id INT8);",
            );
            service.write(
                &format!("{database}/0001_a/down.sql"),
                "DROP TABLE IF EXISTS a;",
            );
        }
        service.write(file, sql);
        service
    }

    fn write(&self, file: &str, sql: &str) {
        let file = self.0.path().join("migrations").join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, sql).unwrap();
    }

    /// The findings, without the path of the folder.
    fn findings(&self) -> Vec<(Option<Rule>, String)> {
        let findings = check_service(self.0.path()).unwrap();
        let folder = format!("{}/migrations/", self.0.path().display());
        findings
            .into_iter()
            .map(|finding| (finding.rule, finding.to_string().replace(&folder, "")))
            .collect()
    }
}

fn rules(file: &str, sql: &str) -> Vec<Option<Rule>> {
    let findings = Service::with(file, sql).findings();
    findings.into_iter().map(|(rule, _)| rule).collect()
}

#[test]
fn a_change_that_the_running_version_survives_is_allowed() {
    for sql in [
        "ALTER TABLE orders ADD COLUMN IF NOT EXISTS phone TEXT;",
        "ALTER TABLE orders ADD COLUMN IF NOT EXISTS phone TEXT NOT NULL DEFAULT '';",
        "ALTER TABLE orders ALTER COLUMN note DROP NOT NULL;",
        "ALTER TABLE orders ADD CONSTRAINT short CHECK (char_length(note) < 9) NOT VALID;",
        "ALTER TABLE orders VALIDATE CONSTRAINT short;",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS orders_note_idx ON orders (note);",
        "INSERT INTO orders (id) VALUES (1) ON CONFLICT DO NOTHING;",
        "UPDATE orders SET note = '' WHERE note IS NULL;",
        // No longer in the schema.
        "ALTER TABLE orders DROP COLUMN IF EXISTS phone;",
        "DROP TABLE IF EXISTS invoices;",
    ] {
        assert_eq!(rules("postgres/0001_a/up.sql", sql), [], "{sql}");
    }
    for sql in [
        "ALTER TABLE orders ADD COLUMN phone TEXT;",
        "ALTER TABLE orders DROP COLUMN phone;",
        "CREATE INDEX IF NOT EXISTS orders_note_idx ON orders (note);",
        "CREATE TABLE IF NOT EXISTS b (id BLOB NOT NULL PRIMARY KEY) STRICT;",
    ] {
        assert_eq!(rules("sqlite/0001_a/up.sql", sql), [], "{sql}");
    }
}

#[test]
fn a_change_that_would_break_the_running_version_is_refused() {
    use Rule::*;
    for (sql, broken) in [
        (
            "ALTER TABLE orders DROP COLUMN IF EXISTS note;",
            &[DropInUse][..],
        ),
        (
            "ALTER TABLE \"orders\" DROP COLUMN IF EXISTS Note;",
            &[DropInUse],
        ),
        ("DROP TABLE IF EXISTS shop.orders;", &[DropInUse]),
        (
            "ALTER TABLE orders RENAME COLUMN note TO remark;",
            &[Rename],
        ),
        ("ALTER TABLE orders RENAME TO purchases;", &[Rename]),
        (
            "ALTER TABLE orders ALTER COLUMN note TYPE BYTEA;",
            &[Cockroachdb, ChangeType],
        ),
        (
            "ALTER TABLE orders ADD COLUMN IF NOT EXISTS phone TEXT NOT NULL;",
            &[RequiredColumn],
        ),
        (
            "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;",
            &[SetNotNull],
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT orders_note_key UNIQUE (note);",
            &[Cockroachdb, Unique],
        ),
        (
            "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS orders_note_key ON orders (note);",
            &[Unique],
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT short CHECK (char_length(note) < 9);",
            &[NotValid],
        ),
        (
            "ALTER TABLE orders ADD CONSTRAINT f FOREIGN KEY (id) REFERENCES a (id);",
            &[NotValid],
        ),
        (
            "CREATE INDEX IF NOT EXISTS orders_note_idx ON orders (note);",
            &[Concurrently],
        ),
        ("CREATE TABLE b (id UUID);", &[Repeatable]),
        (
            "CREATE INDEX CONCURRENTLY orders_note_idx ON orders (note);",
            &[Repeatable],
        ),
        ("DROP INDEX orders_note_idx;", &[Repeatable]),
        ("ALTER TABLE orders ADD COLUMN phone TEXT;", &[Repeatable]),
        ("ALTER TABLE orders DROP CONSTRAINT short;", &[Repeatable]),
        ("INSERT INTO orders (id) VALUES (1);", &[Repeatable]),
        ("", &[OneStatement]),
        ("-- Nothing yet.\n", &[OneStatement]),
        (
            "CREATE TABLE IF NOT EXISTS b (id UUID); CREATE TABLE IF NOT EXISTS c (id UUID);",
            &[OneStatement],
        ),
        ("LISTEN orders;", &[Cockroachdb]),
        ("LOCK TABLE orders;", &[Cockroachdb]),
        ("DO $$ BEGIN END $$;", &[Readable]),
    ] {
        let broken: Vec<_> = broken.iter().copied().map(Some).collect();
        assert_eq!(rules("postgres/0001_a/up.sql", sql), broken, "{sql}");
    }
    for (sql, broken) in [
        ("ALTER TABLE orders DROP COLUMN note;", DropInUse),
        ("ALTER TABLE orders RENAME COLUMN note TO remark;", Rename),
        (
            "CREATE UNIQUE INDEX IF NOT EXISTS orders_note_key ON orders (note);",
            Unique,
        ),
        ("CREATE TABLE b (id BLOB) STRICT;", Repeatable),
    ] {
        assert_eq!(rules("sqlite/0001_a/up.sql", sql), [Some(broken)], "{sql}");
    }
}

#[test]
fn undoing_a_migration_may_drop_a_table_in_use() {
    let file = "postgres/0001_a/down.sql";
    assert_eq!(rules(file, "DROP TABLE IF EXISTS orders;"), []);
    assert_eq!(rules(file, "DROP TABLE orders;"), [Some(Rule::Repeatable)]);
}

#[test]
fn a_missing_file_is_named() {
    let service = Service::with("postgres/0002_b/up.sql", "DROP TABLE IF EXISTS b;");
    let files: Vec<_> = service
        .findings()
        .into_iter()
        .map(|(_, text)| text.split(':').next().unwrap().to_owned())
        .collect();
    assert_eq!(
        files,
        [
            "postgres/0002_b/down.sql",
            "sqlite/0002_b/up.sql",
            "sqlite/0002_b/down.sql"
        ]
    );
}

#[test]
fn a_schema_that_cannot_be_read_is_refused_with_its_line() {
    let service = Service::with("postgres/0001_a/up.sql", "DROP TABLE IF EXISTS a;");
    let schema = service.0.path().join("src/data/schema.rs");
    fs::write(
        &schema,
        "diesel::table! {\n    orders (id) {\n        id: BigInt,\n    }\n}\n",
    )
    .unwrap();
    let refused = check_service(service.0.path()).unwrap_err().to_string();
    assert_eq!(
        refused,
        format!("{}:3 cannot be read: expected `->`", schema.display())
    );
}

#[test]
fn a_file_may_break_a_rule_if_it_gives_a_reason() {
    let sql = "ALTER TABLE orders ALTER COLUMN note SET NOT NULL;";
    let file = "postgres/0001_a/up.sql";
    let with = |comment: &str| Service::with(file, &format!("{comment}\n{sql}")).findings();

    let allowed = with("-- lint: allow(set-not-null) every version since 1.4 writes it");
    assert_eq!(allowed, []);
    let unread = "-- lint: allow(readable) it does nothing\nDO $$ BEGIN END $$;";
    assert_eq!(rules(file, unread), []);
    let other = with("-- lint: allow(rename) every version since 1.4 writes it");
    assert_eq!(other.len(), 1);

    let without_reason = with("-- lint: allow(set-not-null)");
    assert!(
        without_reason[0].1.contains("gives no reason"),
        "{without_reason:?}"
    );
    assert_eq!(without_reason.len(), 2);
    let unknown = with("-- lint: allow(everything) we are sure");
    assert!(
        unknown[0].1.contains("there is no rule `everything`"),
        "{unknown:?}"
    );
}

#[test]
fn a_finding_names_the_file_and_what_to_do_instead() {
    let sql = "ALTER TABLE orders DROP COLUMN IF EXISTS note;";
    let findings = Service::with("postgres/0001_a/up.sql", sql).findings();
    assert_eq!(
        findings[0].1,
        "postgres/0001_a/up.sql: src/data/schema.rs still has the column `note` of `orders`: remove it from the code \
         first, and drop it with a later release, when no running version uses it.\n  \
         (or, in the file: -- lint: allow(drop-in-use) WHY IT IS SAFE)"
    );
}
