//! `cargo xtask migration check`: looks at the migrations of every service of the workspace it is started in.

use std::path::Path;

fn main() -> anyhow::Result<()> {
    let findings = sql_lint::check_services(Path::new("services"))?;
    for finding in &findings {
        println!("{finding}\n");
    }
    anyhow::ensure!(
        findings.is_empty(),
        "the migrations cannot go out like this: {} to mend",
        findings.len()
    );
    Ok(())
}
