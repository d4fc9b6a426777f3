//! Mounting a service into `core`, and undoing it exactly: one line in each of two files.

use std::{fs, path::Path};

use anyhow::{Context, Result, bail, ensure};

const MANIFEST: &str = "services/core/Cargo.toml";
const WIRING: &str = "services/core/src/server.rs";
const LIST_START: &str = "pub const MOUNTED: &[&Service] = &[";
const LIST_END: &str = "];";

/// Adds the service to core's dependencies and to its list of mounted services.
pub fn mount(service: &str) -> Result<()> {
    ensure!(service != "core", "core cannot be mounted into itself");
    ensure!(
        Path::new("services")
            .join(service)
            .join("Cargo.toml")
            .exists(),
        "there is no service `{service}` in services/"
    );
    let (manifest, wiring) = read()?;
    ensure!(
        !manifest.contains(&dependency(service)),
        "`{service}` is mounted already"
    );

    let manifest = insert_sorted(&manifest, "[dependencies]", "", &dependency(service))?;
    let wiring = insert_sorted(&wiring, LIST_START, LIST_END, &entry(service))?;
    write(&manifest, &wiring)?;
    println!("core now runs `{service}` too; `cargo xtask unmount {service}` undoes it");
    Ok(())
}

/// Removes the two lines again.
pub fn unmount(service: &str) -> Result<()> {
    let (manifest, wiring) = read()?;
    let manifest = remove_line(&manifest, &dependency(service));
    let wiring = remove_line(&wiring, &entry(service));
    let (Some(manifest), Some(wiring)) = (manifest, wiring) else {
        bail!("`{service}` is not mounted");
    };
    write(&manifest, &wiring)?;
    println!("core no longer runs `{service}`");
    Ok(())
}

fn dependency(service: &str) -> String {
    format!("{service} = {{ path = \"../{service}\" }}\n")
}

fn entry(service: &str) -> String {
    format!("    &{}::server::SERVICE,\n", service.replace('-', "_"))
}

fn read() -> Result<(String, String)> {
    let read = |path| fs::read_to_string(path).with_context(|| format!("cannot read {path}"));
    Ok((read(MANIFEST)?, read(WIRING)?))
}

fn write(manifest: &str, wiring: &str) -> Result<()> {
    fs::write(MANIFEST, manifest)?;
    fs::write(WIRING, wiring)?;
    Ok(())
}

/// Inserts `line` in alphabetical place among the lines between `start` and `end`.
fn insert_sorted(text: &str, start: &str, end: &str, line: &str) -> Result<String> {
    let (before, after) = text
        .split_once(&format!("{start}\n"))
        .with_context(|| format!("`{start}` is gone"))?;
    let mut place = before.len() + start.len() + 1;
    for existing in after.split_inclusive('\n') {
        let comment = existing.trim_start().starts_with("//");
        if existing.trim_end() == end || (existing > line && !comment) {
            break;
        }
        place += existing.len();
    }
    Ok(format!("{}{line}{}", &text[..place], &text[place..]))
}

fn remove_line(text: &str, line: &str) -> Option<String> {
    text.contains(line).then(|| text.replacen(line, "", 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_inserted_in_order_and_removed_without_a_trace() {
        let list = "a\npub const X = [\n    // why\n    b,\n    d,\n];\nz\n";
        let longer = insert_sorted(list, "pub const X = [", "];", "    c,\n").unwrap();
        assert_eq!(
            longer,
            "a\npub const X = [\n    // why\n    b,\n    c,\n    d,\n];\nz\n"
        );
        assert_eq!(remove_line(&longer, "    c,\n").unwrap(), list);
    }

    #[test]
    fn the_last_place_is_before_the_end_of_the_list() {
        let list = "[dependencies]\na = 1\n\n[dev-dependencies]\n";
        let longer = insert_sorted(list, "[dependencies]", "", "b = 1\n").unwrap();
        assert_eq!(
            longer,
            "[dependencies]\na = 1\nb = 1\n\n[dev-dependencies]\n"
        );
    }
}
