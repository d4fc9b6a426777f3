use std::fmt;

use prost_reflect::FileDescriptor;

/// Everything that is wrong with a contract, each problem with its place.
#[derive(Debug, Default)]
pub struct Error(Vec<String>);

impl Error {
    /// A problem without a place in a proto.
    pub fn new(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }

    /// Adds a problem at a descriptor, known by its path in the file.
    pub fn add(&mut self, file: &FileDescriptor, path: &[i32], problem: impl fmt::Display) {
        self.0.push(format!("{}: {problem}", place(file, path)));
    }

    /// # Errors
    /// When there is a problem.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// One sentence or two for each.
    pub fn problems(&self) -> &[String] {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join("\n"))
    }
}

impl std::error::Error for Error {}

/// `users/v1/users.proto:12`
fn place(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let line = info
        .and_then(|info| info.location.iter().find(|location| location.path == path))
        .and_then(|location| location.span.first());
    match line {
        Some(line) => format!("{}:{}", file.name(), line + 1),
        None => file.name().to_owned(),
    }
}
