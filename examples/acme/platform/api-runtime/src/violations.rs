//! The problems of a request, and their places.

use std::{borrow::Cow, fmt};

use tonic::Status;
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::{mask::Masked, wkt};

/// The place of a value in the request, in JSON names: `consultant.tags[2]`.
#[derive(Clone, Copy)]
pub struct Path<'a> {
    parent: Option<&'a Path<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Root,
    Field {
        name: &'static str,
        json: &'static str,
    },
    Index(usize),
    Key(&'a dyn fmt::Display),
}

impl<'a> Path<'a> {
    pub const ROOT: Path<'static> = Path {
        parent: None,
        step: Step::Root,
    };

    /// A field by its proto and its JSON name.
    pub fn field(&'a self, name: &'static str, json: &'static str) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Field { name, json },
        }
    }

    pub fn index(&'a self, index: usize) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Index(index),
        }
    }

    pub fn key(&'a self, key: &'a dyn fmt::Display) -> Path<'a> {
        Path {
            parent: Some(self),
            step: Step::Key(key),
        }
    }

    /// The proto names from the root, without indices.
    fn fields(&self) -> Vec<&'static str> {
        let mut fields = self.parent.map(Path::fields).unwrap_or_default();
        if let Step::Field { name, .. } = self.step {
            fields.push(name);
        }
        fields
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        let first = self.parent.is_none_or(|parent| parent.parent.is_none());
        match self.step {
            Step::Root => Ok(()),
            Step::Field { json, .. } if first => f.write_str(json),
            Step::Field { json, .. } => write!(f, ".{json}"),
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Key(key) => write!(f, "[\"{key}\"]"),
        }
    }
}

/// The problems found so far.
#[derive(Debug, Default)]
pub struct Violations {
    found: Vec<Violation>,
    /// The contract ignores the rules here: only values that are never allowed count.
    ignoring: bool,
}

#[derive(Debug)]
struct Violation {
    /// The path in JSON names.
    field: String,
    /// The path in proto names, for the update mask.
    path: Vec<&'static str>,
    /// `string.min_len`
    rule: &'static str,
    message: Cow<'static, str>,
}

/// The rule of a REQUIRED field that is missing.
const REQUIRED: &str = "required";
/// The rules of values that are never allowed, because no database can store them.
const NEVER_ALLOWED: [&str; 6] = [
    "string.no_nul",
    "number.finite",
    "duration.valid",
    "timestamp.valid",
    "date.valid",
    "decimal.valid",
];
/// A client that sends thousands of bad elements needs only the first ones.
const LIMIT: usize = 100;

impl Violations {
    pub fn add(
        &mut self,
        at: &Path<'_>,
        rule: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) {
        if self.ignoring && !NEVER_ALLOWED.contains(&rule) {
            return;
        }
        if self.found.len() < LIMIT {
            let (field, path) = (at.to_string(), at.fields());
            self.found.push(Violation {
                field,
                path,
                rule,
                message: message.into(),
            });
        }
    }

    /// Adds a violation outside the message, such as an unknown query parameter.
    pub(crate) fn add_named(
        &mut self,
        field: impl Into<String>,
        rule: &'static str,
        message: impl Into<Cow<'static, str>>,
    ) {
        if self.found.len() < LIMIT {
            let (field, message) = (field.into(), message.into());
            self.found.push(Violation {
                field,
                path: Vec::new(),
                rule,
                message,
            });
        }
    }

    /// Checks a message whose rules the contract ignores.
    pub fn ignoring(&mut self, check: impl FnOnce(&mut Self)) {
        let outer = std::mem::replace(&mut self.ignoring, true);
        check(self);
        self.ignoring = outer;
    }

    pub fn required(&mut self, at: &Path<'_>) {
        self.add(at, REQUIRED, "value is required");
    }

    /// An update would change an IMMUTABLE field.
    pub fn immutable(&mut self, at: &Path<'_>) {
        self.add(at, "immutable", "cannot be changed");
    }

    /// A string must not contain NUL: PostgreSQL cannot store it.
    pub fn text(&mut self, at: &Path<'_>, text: &str) {
        if text.contains('\0') {
            self.add(at, "string.no_nul", "must not contain a NUL character");
        }
    }

    pub fn finite(&mut self, at: &Path<'_>, number: f64) {
        if !number.is_finite() {
            self.add(at, "number.finite", "must be a finite number");
        }
    }

    /// Checks the value of a well-known type.
    pub(crate) fn valid(
        &mut self,
        at: &Path<'_>,
        rule: &'static str,
        result: Result<(), wkt::Invalid>,
    ) {
        if let Err(invalid) = result {
            self.add(at, rule, invalid.to_string());
        }
    }

    /// Keeps the violations that matter with this update mask: see [`check_update`](crate::check_update).
    pub(crate) fn masked(&mut self, resource: &str, mask: Option<&wkt::FieldMask>) {
        self.found
            .retain(|violation| match violation.path.split_first() {
                Some((first, path)) if *first == resource && !path.is_empty() => match mask {
                    Some(mask) => mask.covers(path),
                    None => violation.rule != REQUIRED || path.len() > 1,
                },
                _ => true,
            });
    }

    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// # Errors
    /// INVALID_ARGUMENT with a `BadRequest` that names every field, if there is a violation.
    pub fn into_result(self) -> Result<(), Status> {
        if self.found.is_empty() {
            Ok(())
        } else {
            Err(self.into())
        }
    }
}

impl From<Violations> for Status {
    fn from(violations: Violations) -> Self {
        let mut message = String::new();
        for violation in violations.found.iter().take(3) {
            if !message.is_empty() {
                message.push_str("; ");
            }
            if !violation.field.is_empty() {
                message.push_str(&violation.field);
                message.push_str(": ");
            }
            message.push_str(&violation.message);
        }
        if violations.found.len() > 3 {
            message.push_str(&format!("; and {} more", violations.found.len() - 3));
        }
        let details = violations
            .found
            .into_iter()
            .map(|violation| FieldViolation {
                field: violation.field,
                description: violation.message.into_owned(),
                reason: violation.rule.replace('.', "_").to_uppercase(),
                localized_message: None,
            });
        let details = ErrorDetails::with_bad_request(details.collect::<Vec<_>>());
        Status::with_error_details(tonic::Code::InvalidArgument, message, details)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_reads_as_in_json() {
        let path = Path::ROOT;
        let path = path.field("big_things", "bigThings");
        let path = path.index(2);
        let path = path.field("counts", "counts");
        let path = path.key(&"k");

        assert_eq!(path.to_string(), r#"bigThings[2].counts["k"]"#);
        assert_eq!(path.fields(), ["big_things", "counts"]);
    }

    #[test]
    fn one_answer_names_every_field() {
        let mut violations = Violations::default();
        let root = Path::ROOT;
        violations.required(&root.field("name", "name"));
        violations.text(&root.field("bio", "bio"), "a\0");

        let status = Status::from(violations);

        assert_eq!(
            status.message(),
            "name: value is required; bio: must not contain a NUL character"
        );
        let details = status.get_details_bad_request().unwrap().field_violations;
        let reasons: Vec<_> = details.iter().map(|found| found.reason.as_str()).collect();
        assert_eq!(reasons, ["REQUIRED", "STRING_NO_NUL"]);
    }

    #[test]
    fn a_mask_says_which_violations_count() {
        let found = |mask: Option<&[&str]>| {
            let mut violations = Violations::default();
            let root = Path::ROOT;
            let resource = root.field("thing", "thing");
            violations.required(&resource.field("name", "name"));
            violations.text(&resource.field("bio", "bio"), "\0");
            violations.required(&root.field("reason", "reason"));
            let mask = mask.map(|paths| wkt::FieldMask {
                paths: paths.iter().map(|&path| path.to_owned()).collect(),
            });
            violations.masked("thing", mask.as_ref());
            violations
                .found
                .into_iter()
                .map(|violation| violation.field)
                .collect::<Vec<_>>()
        };

        assert_eq!(
            found(None),
            ["thing.bio", "reason"],
            "nothing is missing in a patch"
        );
        assert_eq!(found(Some(&["name"])), ["thing.name", "reason"]);
        assert_eq!(found(Some(&["*"])), ["thing.name", "thing.bio", "reason"]);
    }
}
