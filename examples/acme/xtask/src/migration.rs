//! Making a migration, with a folder for each database, and checking all migrations.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::cargo;

const DATABASES: [&str; 2] = ["postgres", "sqlite"];

/// Makes `migrations/<database>/<number>_<name>/{up,down}.sql` in a service, for both databases.
pub fn new(name: &str, service: &str) -> Result<()> {
    ensure!(
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
        "`{name}` is not a valid name for a migration: use lower-case letters, digits and `_`, such as `add_phone_to_users`"
    );
    let migrations = Path::new("services").join(service).join("migrations");
    ensure!(
        migrations.exists(),
        "there is no service `{service}` with migrations in services/"
    );
    let number = next_number(&migrations)?;
    for database in DATABASES {
        let folder = migrations
            .join(database)
            .join(format!("{number:04}_{name}"));
        fs::create_dir_all(&folder)?;
        let hint =
            "-- One statement that can be run again without an error: IF NOT EXISTS, IF EXISTS.\n";
        fs::write(folder.join("up.sql"), hint)?;
        fs::write(folder.join("down.sql"), hint)?;
        println!("{}", folder.display());
    }
    Ok(())
}

/// Checks the migrations of every service.
///
/// A separate program does it, so that no other task has to build the SQL parser.
pub fn check() -> Result<()> {
    cargo::run("sql-lint")
}

/// The number after the highest one of both databases, so that the two folders of a migration have the same number.
fn next_number(migrations: &Path) -> Result<u32> {
    let mut highest = 0;
    for database in DATABASES {
        let folder = migrations.join(database);
        let entries =
            fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
        for entry in entries {
            let name = entry?.file_name().to_string_lossy().into_owned();
            let number = name.split('_').next().unwrap_or_default();
            highest = highest.max(number.parse().unwrap_or(0));
        }
    }
    Ok(highest + 1)
}
