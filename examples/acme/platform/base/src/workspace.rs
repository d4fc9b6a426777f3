//! Finds the folder of the workspace at run time. A program may be built in one copy of the workspace and run in
//! another, and a command may be started in any of its folders.

use std::{
    env, io,
    path::{Path, PathBuf},
};

/// A file that every workspace of this template has, and no other folder.
const MARKER: &str = ".platform/workspace.rhai";

/// Makes the root of the workspace the working directory, because relative paths (`data/`, `.env`) start there. Returns
/// whether the working directory is in a workspace; if not, nothing changes.
///
/// Call it once, before any thread or task uses a relative path.
///
/// # Errors
/// When the working directory no longer exists or cannot be entered.
pub fn enter_root() -> io::Result<bool> {
    let root = root_of(&env::current_dir()?);
    if let Some(root) = &root {
        env::set_current_dir(root)?;
    }
    Ok(root.is_some())
}

/// The root of the workspace: the nearest of the folder and the folders above it that has the marker.
fn root_of(folder: &Path) -> Option<PathBuf> {
    let mut folders = folder.ancestors();
    let root = folders.find(|folder| folder.join(MARKER).is_file());
    root.map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A workspace with the folder of one service.
    fn workspace(root: &Path) -> PathBuf {
        let service = root.join("services/core/src");
        fs::create_dir_all(root.join(".platform")).unwrap();
        fs::create_dir_all(&service).unwrap();
        fs::write(root.join(MARKER), "").unwrap();
        service
    }

    #[test]
    fn every_folder_of_a_workspace_leads_to_its_root() {
        let folder = tempfile::tempdir().unwrap();
        let service = workspace(folder.path());
        for inner in service.ancestors().take(4) {
            assert_eq!(root_of(inner).as_deref(), Some(folder.path()));
        }
    }

    #[test]
    fn a_workspace_inside_another_is_its_own() {
        let folder = tempfile::tempdir().unwrap();
        let outer = workspace(folder.path());
        let inner = workspace(&outer);
        assert_eq!(root_of(&inner), Some(outer));
    }

    #[test]
    fn a_folder_outside_has_no_root() {
        let folder = tempfile::tempdir().unwrap();
        // A deployed program: its folder may have any name and is not a workspace.
        fs::create_dir_all(folder.path().join(".platform/workspace.rhai")).unwrap();
        assert_eq!(root_of(folder.path()), None);
    }
}
