//! `cargo xtask migration check`: checks the migrations of every service. It is started at the root of the workspace.

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let findings = sql_lint::check_services(Path::new("services"))?;
    for finding in &findings {
        println!("{finding}\n");
    }
    anyhow::ensure!(
        findings.is_empty(),
        "{} problems in the migrations",
        findings.len()
    );
    Ok(())
}
