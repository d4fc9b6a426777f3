//! Regular expressions of `buf.validate`, which are in the syntax of RE2.
//!
//! The crate `regex` reads almost the same syntax. Where it means something else, the pattern is translated; where it
//! reads something that RE2 does not know, the pattern is refused.

use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassPerl, ClassPerlKind, ClassSetBinaryOp, ClassSetItem, Flag,
    FlagsItemKind, HexLiteralKind, LiteralKind, Span,
};

/// The pattern in the syntax of the crate `regex`.
///
/// # Errors
/// A sentence, if it is not valid.
pub fn translated(pattern: &str) -> Result<String, String> {
    let tree = ast::parse::Parser::new()
        .parse(pattern)
        .map_err(|error| error.to_string())?;
    let mut changes = ast::visit(&tree, Changes::default())?;
    changes.sort_unstable_by_key(|(span, _)| span.start.offset);
    let mut translated = String::with_capacity(pattern.len());
    let mut from = 0;
    for (span, text) in changes {
        translated += &pattern[from..span.start.offset];
        translated += text;
        from = span.end.offset;
    }
    translated += &pattern[from..];
    regex::Regex::new(&translated).map_err(|error| error.to_string())?;
    Ok(translated)
}

/// The parts of a pattern to be replaced.
#[derive(Default)]
struct Changes(Vec<(Span, &'static str)>);

impl Changes {
    /// `\d`, `\w` and `\s` are ASCII in RE2, and Unicode here. `\s` has no vertical tab there.
    fn perl(&mut self, class: &ClassPerl) {
        let text = match (&class.kind, class.negated) {
            (ClassPerlKind::Digit, false) => "[0-9]",
            (ClassPerlKind::Digit, true) => "[^0-9]",
            (ClassPerlKind::Space, false) => r"[\t\n\f\r ]",
            (ClassPerlKind::Space, true) => r"[^\t\n\f\r ]",
            (ClassPerlKind::Word, false) => "[0-9A-Za-z_]",
            (ClassPerlKind::Word, true) => "[^0-9A-Za-z_]",
        };
        self.0.push((class.span, text));
    }
}

impl ast::Visitor for Changes {
    type Output = Vec<(Span, &'static str)>;
    type Err = String;

    fn finish(self) -> Result<Self::Output, String> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), String> {
        match ast {
            Ast::ClassPerl(class) => self.perl(class),
            Ast::Assertion(assertion) => match assertion.kind {
                AssertionKind::WordBoundary => self.0.push((assertion.span, r"(?-u:\b)")),
                AssertionKind::NotWordBoundary => self.0.push((assertion.span, r"(?-u:\B)")),
                AssertionKind::StartLine
                | AssertionKind::EndLine
                | AssertionKind::StartText
                | AssertionKind::EndText => (),
                _ => return Err("RE2 knows no other boundary of words than \\b and \\B".to_owned()),
            },
            Ast::Literal(literal) => known(&literal.kind)?,
            Ast::Flags(flags) => set(&flags.flags)?,
            Ast::Group(group) => {
                if let ast::GroupKind::NonCapturing(flags) = &group.kind {
                    set(flags)?;
                }
            }
            _ => (),
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), String> {
        match item {
            ClassSetItem::Perl(class) => self.perl(class),
            ClassSetItem::Literal(literal) => known(&literal.kind)?,
            ClassSetItem::Range(range) => {
                known(&range.start.kind)?;
                known(&range.end.kind)?;
            }
            ClassSetItem::Bracketed(_) => {
                return Err("RE2 knows no class within a class: write \\[ for a bracket".to_owned());
            }
            _ => (),
        }
        Ok(())
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Result<(), String> {
        Err(
            "RE2 knows no &&, -- or ~~ between classes: escape one of the two characters"
                .to_owned(),
        )
    }
}

fn known(kind: &LiteralKind) -> Result<(), String> {
    match kind {
        LiteralKind::HexFixed(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong)
        | LiteralKind::HexBrace(HexLiteralKind::UnicodeShort | HexLiteralKind::UnicodeLong) => {
            Err("RE2 knows neither \\u nor \\U: write \\x{…}".to_owned())
        }
        _ => Ok(()),
    }
}

fn set(flags: &ast::Flags) -> Result<(), String> {
    for item in &flags.items {
        if let FlagsItemKind::Flag(Flag::Unicode | Flag::CRLF | Flag::IgnoreWhitespace) = item.kind
        {
            return Err("RE2 knows no other flags than i, m, s and U".to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::translated;

    #[test]
    fn classes_and_boundaries_mean_ascii() {
        let matches = |pattern: &str, text: &str| {
            let pattern = translated(pattern).unwrap();
            regex::Regex::new(&pattern).unwrap().is_match(text)
        };
        for (pattern, right, wrong) in [
            (r"^\d$", "7", "٧"),
            (r"^\D$", "٧", "7"),
            (r"^\w$", "_", "ä"),
            (r"^[\w-]$", "-", "ä"),
            (r"^[^\W]$", "a", "ä"),
            (r"^\s$", "\u{c}", "\u{b}"),
            (r"^[\s]$", " ", "\u{a0}"),
            (r"\bb", "äb", "ab"),
            (r"a\B", "ab", "aä"),
            (r"^\pL$", "ä", "1"),
        ] {
            assert!(matches(pattern, right), "{pattern} {right:?}");
            assert!(!matches(pattern, wrong), "{pattern} {wrong:?}");
        }
    }

    #[test]
    fn what_re2_does_not_know_is_refused() {
        for pattern in [
            "(",
            r"(?=a)",
            r"(a)\1",
            "[a[b]]",
            "[a&&b]",
            "(?x)a b",
            "(?R:$)",
            r"(?-u:a)",
            r"\u0061",
            r"\<a",
            r"\b{start}a",
        ] {
            assert!(translated(pattern).is_err(), "{pattern}");
        }
    }
}
