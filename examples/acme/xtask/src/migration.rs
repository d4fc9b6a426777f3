//! Migrations: new ones, a folder for each database with what to fill in, and a look at all of them.

use std::{fs, path::Path};

use anyhow::{Context, Result, ensure};

use crate::cargo;

const DATABASES: [&str; 2] = ["postgres", "sqlite"];

/// Makes `migrations/<database>/<number>_<name>/{up,down}.sql` of the service, for both databases.
pub fn new(name: &str, service: &str) -> Result<()> {
    ensure!(
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'),
        "`{name}` cannot name a migration: write small letters, digits and `_`, such as `add_phone_to_users`"
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
        let hint = "-- One statement that may be repeated: IF NOT EXISTS, IF EXISTS.\n";
        fs::write(folder.join("up.sql"), hint)?;
        fs::write(folder.join("down.sql"), hint)?;
        println!("{}", folder.display());
    }
    Ok(())
}

/// Looks at the migrations of every service.
///
/// A program of its own does: what it reads SQL with need not be built for every other task.
pub fn check() -> Result<()> {
    cargo::run("sql-lint")
}

/// One more than the highest of either database, so that a pair has one number.
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
