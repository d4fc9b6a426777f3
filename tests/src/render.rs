//! Renders the templates with the library of cargo-generate, so nothing has to be installed.

use std::path::{Path, PathBuf};

use anyhow::Result;
use cargo_generate::{GenerateArgs, TemplatePath, Vcs};

/// The repository with the templates.
pub fn repository() -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR"));
    tests.parent().unwrap_or(tests).to_owned()
}

/// Renders a workspace into the new folder `destination/name`.
///
/// Options are `key=value`: those of `template-workspace/cargo-generate.toml`. By default, the workspace's aliases
/// point to this repository.
pub fn render_workspace(destination: &Path, name: &str, options: &[&str]) -> Result<PathBuf> {
    let source = format!("template_source={}", repository().display());
    let options = [&[source.as_str()], options].concat();
    render("template-workspace", destination, name, &options)
}

/// Adds a service to the workspace, and its contract if it has none.
///
/// Options are `key=value`: those of `template-service/cargo-generate.toml`.
pub fn render_service(workspace: &Path, name: &str, options: &[&str]) -> Result<()> {
    render("template-service", workspace, name, options).map(drop)
}

/// Adds a contract to the workspace.
///
/// Options are `key=value`: those of `template-proto/cargo-generate.toml`.
pub fn render_proto(workspace: &Path, name: &str, options: &[&str]) -> Result<()> {
    render("template-proto", workspace, name, options).map(drop)
}

fn render(template: &str, destination: &Path, name: &str, options: &[&str]) -> Result<PathBuf> {
    cargo_generate::generate(GenerateArgs {
        template_path: TemplatePath {
            auto_path: Some(template.to_owned()),
            path: Some(repository().display().to_string()),
            ..TemplatePath::default()
        },
        name: Some(name.to_owned()),
        destination: Some(destination.to_owned()),
        define: options.iter().map(|option| (*option).to_owned()).collect(),
        // Ignores the manifest of an outer workspace.
        no_workspace: true,
        init: template != "template-workspace",
        silent: true,
        vcs: Some(Vcs::None),
        ..GenerateArgs::default()
    })
}
