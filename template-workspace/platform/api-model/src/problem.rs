use std::fmt;

use prost_reflect::FileDescriptor;

/// All problems of a contract, each with its place.
#[derive(Clone, Debug, Default)]
pub struct Error(Vec<String>);

impl Error {
    /// A problem that has no place in a proto.
    pub fn new(problem: impl Into<String>) -> Self {
        Self(vec![problem.into()])
    }

    /// Adds a problem at a descriptor, given its path in the file.
    pub fn add(&mut self, file: &FileDescriptor, path: &[i32], problem: impl fmt::Display) {
        self.0.push(format!("{}: {problem}", place(file, path)));
    }

    /// Adds the problems of another one.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// # Errors
    /// When there is at least one problem.
    pub fn into_result(self) -> Result<(), Self> {
        if self.0.is_empty() { Ok(()) } else { Err(self) }
    }

    /// One or two sentences for each problem.
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
pub fn place(file: &FileDescriptor, path: &[i32]) -> String {
    let info = file.file_descriptor_proto().source_code_info.as_ref();
    let line = info
        .and_then(|info| info.location.iter().find(|location| location.path == path))
        .and_then(|location| location.span.first());
    match line {
        Some(line) => format!("{}:{}", file.name(), line + 1),
        None => file.name().to_owned(),
    }
}
