use prost_reflect::FileDescriptor;

/// The comment above a declaration.
#[derive(Clone, Debug, Default)]
pub struct Comment(Vec<String>);

impl Comment {
    /// The comment of the descriptor with this path in its file.
    pub fn of(file: &FileDescriptor, path: &[i32]) -> Self {
        let info = file.file_descriptor_proto().source_code_info.as_ref();
        let location =
            info.and_then(|info| info.location.iter().find(|location| location.path == path));
        let text = location
            .map(|location| location.leading_comments())
            .unwrap_or_default();
        let text = printable(text);
        Self(text.lines().map(|line| line.trim().to_owned()).collect())
    }

    /// The lines of the contract, unchanged.
    pub fn lines(&self) -> &[String] {
        &self.0
    }

    /// The lines joined into paragraphs, with an empty line between them.
    pub fn paragraphs(&self) -> String {
        self.0
            .split(|line| line.is_empty())
            .map(|lines| lines.join(" "))
            .collect::<Vec<_>>()
            .join("\n\n")
            .trim()
            .to_owned()
    }
}

/// A comment without the characters that turn the direction of text. rustc refuses them in source code, where they can
/// make code look like another.
pub fn printable(comment: &str) -> String {
    let turns = |char| matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    comment.replace(turns, "")
}
