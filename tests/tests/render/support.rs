//! A workspace as the hooks see it, and its content.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use tempfile::TempDir;
use walkdir::WalkDir;

/// Every type of field and every modifier.
pub const EVERYTHING: &str = "fields=name:string, email:string:unique:email, site:string?:url, \
    bio:text?:max=2000, active:bool, seats:int32:min=1:max=10, visits:int64:index, score:double?:min=-0.5, \
    hourly_rate:decimal?:min=0:max=1000, born:date?, hired_at:timestamp, avatar:bytes?, extra:json?, \
    status:enum(draft|active|retired), user:ref(users), code:string:min=3:max=8:index";

/// The minimal workspace to which a service can be added. Dropping it deletes it.
pub struct Workspace {
    folder: TempDir,
    root: PathBuf,
}

impl Workspace {
    pub fn new() -> Self {
        Self::in_folder("acme")
    }

    /// A workspace in a folder of this name.
    pub fn in_folder(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join(name);
        let template = tests::render::repository().join("template-workspace");
        for file in [
            "Cargo.toml",
            ".platform/contracts/users.rhai",
            ".platform/contracts/auth.rhai",
        ] {
            let place = root.join(file);
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::copy(template.join(file), place).unwrap();
        }
        let workspace = Self { folder, root };
        workspace.write(
            ".platform/workspace.rhai",
            "export const LAYOUT = 1;\nexport const VERSION = \"0.1.0\";\n",
        );
        workspace.write(
            ".platform/services/core.rhai",
            "export const HTTP_PORT = 8101;\n",
        );
        workspace.write(
            ".platform/ports/8101.rhai",
            "export const SERVICE = \"core\";\n",
        );
        workspace
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder that contains the workspace.
    pub fn outside(&self) -> &Path {
        self.folder.path()
    }

    pub fn service(&self, name: &str, options: &[&str]) -> Result<(), String> {
        tests::render::render_service(&self.root, name, options)
            .map_err(|error| format!("{error:#}"))
    }

    pub fn proto(&self, name: &str, options: &[&str]) -> Result<(), String> {
        tests::render::render_proto(&self.root, name, options).map_err(|error| format!("{error:#}"))
    }

    pub fn read(&self, file: &str) -> String {
        fs::read_to_string(self.root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    pub fn write(&self, file: &str, text: &str) {
        let place = self.root.join(file);
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::write(place, text).unwrap();
    }

    pub fn has(&self, file: &str) -> bool {
        self.root.join(file).exists()
    }

    pub fn delete(&self, file: &str) {
        let place = self.root.join(file);
        if place.is_dir() {
            fs::remove_dir_all(place).unwrap()
        } else {
            fs::remove_file(place).unwrap()
        }
    }

    /// Every file with its content, and every folder.
    pub fn tree(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        tree(self.outside())
    }

    /// Checks that the call fails with a sentence that contains these words, and changes nothing.
    pub fn refuses(&self, words: &str, call: impl FnOnce() -> Result<(), String>) {
        let before = self.tree();
        let message = call().expect_err(&format!("was to be refused: {words}"));
        assert!(message.contains(words), "`{words}` is not in: {message}");
        assert!(!message.contains("a mistake"), "{message}");
        assert_eq!(self.tree(), before, "something was written: {message}");
    }
}

/// Every file under the folder with its content, and every folder.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let entries = WalkDir::new(folder).into_iter().map(Result::unwrap);
    entries
        .map(|entry| {
            let text = if entry.file_type().is_file() {
                fs::read(entry.path()).unwrap()
            } else {
                Vec::new()
            };
            (entry.path().strip_prefix(folder).unwrap().to_owned(), text)
        })
        .collect()
}

/// Calls `check` with each of the cases, on every core.
pub fn for_each<T: Sync>(cases: &[T], check: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    check(case);
                }
            });
        }
    });
}
