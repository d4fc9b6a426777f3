//! Checking the migration files of a service.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fmt, fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, anyhow, ensure};
use sqlparser::dialect::{Dialect, PostgreSqlDialect, SQLiteDialect};

use crate::{
    cockroachdb,
    rolling::{self, Database, Rule},
    schema::Schema,
    statements::{Parsed, parse},
};

const DATABASES: [(&str, Database); 2] = [
    ("postgres", Database::Postgres),
    ("sqlite", Database::Sqlite),
];
const ALLOW: &str = "-- lint: allow(";

/// A problem of a file, and what to do instead.
#[derive(Debug)]
pub struct Finding {
    pub file: PathBuf,
    /// The rule that the file breaks, if the file may allow that.
    pub rule: Option<Rule>,
    /// The problem and its remedy, without the final full stop.
    pub sentence: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            file,
            rule,
            sentence,
        } = self;
        write!(out, "{}: {sentence}.", file.display())?;
        match rule {
            Some(rule) => write!(out, "\n  (or, in the file: {ALLOW}{rule}) WHY IT IS SAFE)"),
            None => Ok(()),
        }
    }
}

/// Checks the migrations of every service in a folder.
///
/// # Errors
/// When a folder cannot be read.
pub fn check_services(services: &Path) -> Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for service in names(services)? {
        let service = services.join(service);
        if service.join("migrations").exists() {
            findings.extend(check_service(&service)?);
        }
    }
    Ok(findings)
}

/// Checks `migrations/{postgres,sqlite}/*/{up,down}.sql` of a service.
///
/// # Errors
/// When a folder or `src/data/schema.rs` cannot be read.
pub fn check_service(service: &Path) -> Result<Vec<Finding>> {
    let migrations = service.join("migrations");
    let schema = service.join("src/data/schema.rs");
    let source = fs::read_to_string(&schema)
        .with_context(|| format!("{} cannot be read", schema.display()))?;
    let tables = Schema::read(&source).map_err(|error| {
        let line = error.span().start().line;
        anyhow!("{}:{line} cannot be read: {error}", schema.display())
    })?;
    ensure!(
        !tables.is_empty(),
        "{} has no `diesel::table!`",
        schema.display()
    );

    let mut all = BTreeSet::new();
    for (folder, _) in DATABASES {
        all.extend(names(&migrations.join(folder))?);
    }
    let mut findings = Vec::new();
    for name in &all {
        for (folder, database) in DATABASES {
            for (file, direction) in [("up.sql", Direction::Up), ("down.sql", Direction::Down)] {
                let file = migrations.join(folder).join(name).join(file);
                let Ok(sql) = fs::read_to_string(&file) else {
                    findings.push(Finding {
                        file,
                        rule: None,
                        sentence: "the file is missing: every migration needs up.sql and down.sql, for both databases"
                            .to_owned(),
                    });
                    continue;
                };
                let found = check_file(&sql, database, direction, &tables);
                findings.extend(found.into_iter().map(|(rule, sentence)| Finding {
                    file: file.clone(),
                    rule,
                    sentence,
                }));
            }
        }
    }
    Ok(findings)
}

/// Migrations are undone by hand, by somebody who has decided what may break. So `down.sql` has fewer rules.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

fn check_file(
    sql: &str,
    database: Database,
    direction: Direction,
    schema: &Schema,
) -> Vec<(Option<Rule>, String)> {
    let dialect: &dyn Dialect = match database {
        Database::Postgres => &PostgreSqlDialect {},
        Database::Sqlite => &SQLiteDialect {},
    };
    let found = match parse(dialect, sql) {
        Ok(statements) => check_statements(&statements, database, direction, schema),
        Err(error) => vec![(
            Rule::Readable,
            format!("this SQL cannot be parsed: {error}"),
        )],
    };
    let (allowed, mut findings) = allowed(sql);
    let refused = found
        .into_iter()
        .filter(|(rule, _)| !allowed.contains(rule));
    findings.extend(refused.map(|(rule, sentence)| (Some(rule), sentence)));
    findings
}

fn check_statements(
    statements: &[Parsed],
    database: Database,
    direction: Direction,
    schema: &Schema,
) -> Vec<(Rule, String)> {
    let mut found = Vec::new();
    if statements.len() != 1 {
        let sentence = format!(
            "there are {} statements: write one, because a process that dies between two leaves the migration half done",
            statements.len()
        );
        found.push((Rule::OneStatement, sentence));
    }
    for parsed in statements {
        if database == Database::Postgres
            && let Err(sentence) = cockroachdb::check_one(parsed)
        {
            found.push((Rule::Cockroachdb, sentence));
        }
        if let Some(sentence) = rolling::check_repeatable(&parsed.statement, database) {
            found.push((Rule::Repeatable, sentence));
        }
        if direction == Direction::Up {
            found.extend(rolling::check(&parsed.statement, database, schema));
        }
    }
    found
}

/// The rules that a file may break, with a reason, and the problems of the lines that allow it.
fn allowed(sql: &str) -> (Vec<Rule>, Vec<(Option<Rule>, String)>) {
    let mut allowed = Vec::new();
    let mut findings = Vec::new();
    for line in sql
        .lines()
        .filter_map(|line| line.trim().strip_prefix(ALLOW))
    {
        let (name, reason) = line.split_once(')').unwrap_or((line, ""));
        match Rule::ALL.iter().find(|rule| rule.to_string() == name) {
            Some(rule) if !reason.trim().is_empty() => allowed.push(*rule),
            Some(rule) => findings.push((
                None,
                format!("`{ALLOW}{rule})` gives no reason: write after it why this is safe"),
            )),
            None => {
                let rules = Rule::ALL.map(|rule| rule.to_string()).join(", ");
                let sentence = format!("there is no rule `{name}`: write one of {rules}");
                findings.push((None, sentence));
            }
        }
    }
    (allowed, findings)
}

/// The names of the folders in a folder.
fn names(folder: &Path) -> Result<BTreeSet<OsString>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut names = BTreeSet::new();
    for entry in entries {
        let entry = entry?;
        if entry.path().is_dir() {
            names.insert(entry.file_name());
        }
    }
    Ok(names)
}
