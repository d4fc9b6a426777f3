//! The grammar of path templates:
//!
//! ```text
//! Template = "/" Segments [ ":" Verb ] ;     Segment  = "*" | "**" | LITERAL | Variable ;
//! Segments = Segment { "/" Segment } ;       Variable = "{" FieldPath [ "=" Segments ] "}" ;
//! ```

/// A parsed path template.
#[derive(Debug, PartialEq, Eq)]
pub struct Template {
    /// The text in the contract.
    pub text: String,
    /// The segments, without the word after `:`.
    pub segments: Vec<Segment>,
    /// The word after `:`.
    pub verb: Option<String>,
    /// The fields that it sets.
    pub variables: Vec<Variable>,
}

/// The text between two `/`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Segment {
    /// This word.
    Literal(String),
    /// `*`: exactly one segment
    One,
    /// `**`: all remaining segments
    Rest,
}

/// A field of the request that the path sets, to `segments[first..end]`.
#[derive(Debug, PartialEq, Eq)]
pub struct Variable {
    /// The field's path in proto names.
    pub field: String,
    /// The field's path in JSON names, filled in later: the template has only proto names.
    pub json: String,
    /// Its first segment.
    pub first: usize,
    /// The index after its last segment.
    pub end: usize,
}

/// Parses a template.
///
/// # Errors
/// A message for the author of the contract.
pub fn parse(text: &str) -> Result<Template, String> {
    let path = text.strip_prefix('/').ok_or("a path begins with `/`")?;
    let (path, verb) = match path.rfind(':') {
        Some(colon) if !path[colon..].contains(['/', '}']) => {
            (&path[..colon], Some(path[colon + 1..].to_owned()))
        }
        _ => (path, None),
    };
    if verb.as_ref().is_some_and(|verb| !is_literal(verb)) {
        return Err("write a word after `:`".to_owned());
    }
    let mut template = Template {
        text: text.to_owned(),
        segments: Vec::new(),
        verb,
        variables: Vec::new(),
    };
    let mut rest = path;
    loop {
        rest = if let Some(tail) = rest.strip_prefix('{') {
            let (variable, tail) = tail.split_once('}').ok_or("a `{` has no `}`")?;
            template.variable(variable)?;
            tail
        } else {
            let end = rest.find('/').unwrap_or(rest.len());
            template.segment(&rest[..end])?;
            &rest[end..]
        };
        match rest.strip_prefix('/') {
            Some(tail) => rest = tail,
            None if rest.is_empty() => break,
            None => return Err(format!("a `/` is missing before {rest:?}")),
        }
    }
    let open = template
        .segments
        .iter()
        .position(|segment| *segment == Segment::Rest);
    if open.is_some_and(|open| open + 1 < template.segments.len()) {
        return Err("`**` takes all that follows, so it can only be the last".to_owned());
    }
    Ok(template)
}

impl Template {
    fn variable(&mut self, variable: &str) -> Result<(), String> {
        let (field, pattern) = variable.split_once('=').unwrap_or((variable, "*"));
        if field.is_empty() || field.split('.').any(str::is_empty) {
            return Err(format!(
                "{{{variable}}} does not begin with the name of a field"
            ));
        }
        if self.variables.iter().any(|other| other.field == field) {
            return Err(format!("the field {field:?} is there twice"));
        }
        let first = self.segments.len();
        for segment in pattern.split('/') {
            self.segment(segment)?;
        }
        let end = self.segments.len();
        self.variables.push(Variable {
            field: field.to_owned(),
            json: String::new(),
            first,
            end,
        });
        Ok(())
    }

    fn segment(&mut self, segment: &str) -> Result<(), String> {
        self.segments.push(match segment {
            "*" => Segment::One,
            "**" => Segment::Rest,
            literal if is_literal(literal) => Segment::Literal(literal.to_owned()),
            "" => return Err("there is nothing between two `/`, or after the last".to_owned()),
            other => {
                return Err(format!(
                    "{other:?} is no segment: write letters, digits and `-._~`, or `*`, `**`, `{{field}}`"
                ));
            }
        });
        Ok(())
    }
}

fn is_literal(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-._~%!$&'()+,;=@".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::{
        Segment::{Literal, One, Rest},
        *,
    };

    fn literal(text: &str) -> Segment {
        Literal(text.to_owned())
    }

    #[test]
    fn a_variable_spans_the_segments_of_its_pattern() {
        let template = parse("/v1/{name=shelves/*/books/*}:read").unwrap();

        assert_eq!(
            template.segments,
            [
                literal("v1"),
                literal("shelves"),
                One,
                literal("books"),
                One
            ]
        );
        assert_eq!(template.verb.as_deref(), Some("read"));
        assert_eq!(
            template.variables,
            [Variable {
                field: "name".into(),
                json: String::new(),
                first: 1,
                end: 5
            }]
        );
    }

    #[test]
    fn nested_fields_and_the_rest_of_a_path_are_variables() {
        let template = parse("/v1/{file.id}/content/{path=**}").unwrap();

        assert_eq!(
            template.segments,
            [literal("v1"), One, literal("content"), Rest]
        );
        assert_eq!(template.variables[0].field, "file.id");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, word) in [
            ("v1/x", "begins with"),
            ("/v1/{id", "no `}`"),
            ("/v1//x", "nothing between"),
            ("/v1/", "nothing between"),
            ("/v1/{a}{b}", "is missing"),
            ("/v1/**/x", "the last"),
            ("/v1/{id}/{id}", "twice"),
            ("/v1/{=x}", "name of a field"),
            ("/v1/a b", "no segment"),
            ("/v1/x:", "after `:`"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(word), "{text}: {error}");
        }
    }
}
