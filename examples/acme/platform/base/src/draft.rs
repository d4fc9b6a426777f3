//! Files that are written atomically.

use std::{
    fs::{self, Permissions},
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

use tempfile::{Builder, NamedTempFile};

/// A temporary file with this content. Once it is persisted at `path`, others see all of the content or no file.
pub fn draft(path: &Path, text: &str, mode: u32) -> io::Result<NamedTempFile> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let mut draft = Builder::new()
        .permissions(Permissions::from_mode(mode))
        .tempfile_in(folder)?;
    draft.write_all(text.as_bytes())?;
    draft.as_file().sync_all()?;
    Ok(draft)
}
