//! The trait that generated code implements for each message, beyond prost and JSON.

use crate::{
    json::{I32, Str},
    params::{self, Arity, ParamError},
    viewer::Viewer,
    violations::{Path, Violations},
    wkt,
};

/// Generated for every message of a contract.
pub trait Message: Default {
    /// Sets the field at `path` (proto or JSON names, `filter.created_after`) from the text of a path variable or a
    /// query parameter.
    ///
    /// # Errors
    /// When there is no such field, or the text is not a value of it.
    fn set(&mut self, path: &str, text: &str) -> Result<Arity, ParamError>;

    /// Whether a path of a field mask (proto names) exists.
    fn has(path: &str) -> bool;

    /// Adds the violations of the message.
    fn check(&self, at: &Path<'_>, violations: &mut Violations);

    /// Clears the OUTPUT_ONLY fields, here and in nested messages. A request may contain them, and they are ignored
    /// without an error (AIP-203).
    fn clear_output_only(&mut self) {}

    /// Adds a violation for each IMMUTABLE field that an update with this mask would change; if the stored message is
    /// unknown, for each that it would set. Does not look into nested messages.
    fn check_immutable(
        &self,
        _stored: Option<&Self>,
        _mask: Option<&wkt::FieldMask>,
        _at: &Path<'_>,
        _violations: &mut Violations,
    ) {
    }

    /// Clears the fields that the viewer may not see, here and in nested messages: option `(platform.v1.visible_to)`.
    fn hide(&mut self, _viewer: Option<&Viewer>) {}
}

/// A recursive message is boxed if it is a field of itself.
impl<M: Message> Message for Box<M> {
    fn set(&mut self, path: &str, text: &str) -> Result<Arity, ParamError> {
        M::set(self, path, text)
    }

    fn has(path: &str) -> bool {
        M::has(path)
    }

    fn check(&self, at: &Path<'_>, violations: &mut Violations) {
        M::check(self, at, violations);
    }

    fn clear_output_only(&mut self) {
        M::clear_output_only(self);
    }

    fn check_immutable(
        &self,
        stored: Option<&Self>,
        mask: Option<&wkt::FieldMask>,
        at: &Path<'_>,
        violations: &mut Violations,
    ) {
        M::check_immutable(self, stored.map(|stored| &**stored), mask, at, violations);
    }

    fn hide(&mut self, viewer: Option<&Viewer>) {
        M::hide(self, viewer);
    }
}

/// The first name of a path, and the rest.
pub fn split(path: &str) -> (&str, Option<&str>) {
    match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    }
}

/// Sets a field below this message.
pub fn nested<M: Message>(
    message: &mut M,
    rest: Option<&str>,
    text: &str,
) -> Result<Arity, ParamError> {
    match rest {
        Some(rest) => message.set(rest, text),
        None => Err(ParamError::Invalid(
            "is an object: name its fields, as in `filter.name=value`".to_owned(),
        )),
    }
}

/// Well-known types with a single value and no fields that a path could name.
macro_rules! leaves {
    ($($leaf:ident $check:expr;)*) => {$(
        impl Message for wkt::$leaf {
            fn set(&mut self, _: &str, _: &str) -> Result<Arity, ParamError> {
                Err(ParamError::Unknown)
            }

            fn has(_: &str) -> bool {
                false
            }

            fn check(&self, at: &Path<'_>, violations: &mut Violations) {
                let check: fn(&Self, &Path<'_>, &mut Violations) = $check;
                check(self, at, violations);
            }
        }
    )*};
}

leaves! {
    Any |_, _, _| ();
    BoolValue |_, _, _| ();
    BytesValue |_, _, _| ();
    DoubleValue |wrapper, at, violations| violations.finite(at, wrapper.value);
    Duration |duration, at, violations| violations.valid(at, "duration.valid", duration.valid());
    Empty |_, _, _| ();
    FieldMask |_, _, _| ();
    FloatValue |wrapper, at, violations| violations.finite(at, wrapper.value.into());
    HttpBody |_, _, _| ();
    Int32Value |_, _, _| ();
    Int64Value |_, _, _| ();
    ListValue |list, at, violations| {
        for (index, value) in list.values.iter().enumerate() {
            value.check(&at.index(index), violations);
        }
    };
    StringValue |wrapper, at, violations| violations.text(at, &wrapper.value);
    Struct |object, at, violations| {
        for (name, value) in &object.fields {
            violations.text(at, name);
            value.check(&at.key(name), violations);
        }
    };
    Timestamp |time, at, violations| violations.valid(at, "timestamp.valid", time.valid());
    UInt32Value |_, _, _| ();
    UInt64Value |_, _, _| ();
    Value |value, at, violations| match &value.kind {
        Some(wkt::value::Kind::NumberValue(number)) => violations.finite(at, *number),
        Some(wkt::value::Kind::StringValue(text)) => violations.text(at, text),
        Some(wkt::value::Kind::StructValue(object)) => object.check(at, violations),
        Some(wkt::value::Kind::ListValue(list)) => list.check(at, violations),
        _ => (),
    };
}

impl Message for wkt::Date {
    fn set(&mut self, path: &str, text: &str) -> Result<Arity, ParamError> {
        let (name, rest) = split(path);
        let field = match name {
            "year" => &mut self.year,
            "month" => &mut self.month,
            "day" => &mut self.day,
            _ => return Err(ParamError::Unknown),
        };
        params::value::<I32>(field, rest, text)
    }

    fn has(_: &str) -> bool {
        // Half a date is not valid, so a mask cannot name a part of it.
        false
    }

    fn check(&self, at: &Path<'_>, violations: &mut Violations) {
        violations.valid(at, "date.valid", self.valid());
    }
}

impl Message for wkt::Status {
    fn set(&mut self, path: &str, text: &str) -> Result<Arity, ParamError> {
        match split(path) {
            ("code", rest) => params::value::<I32>(&mut self.code, rest, text),
            ("message", rest) => params::value::<Str>(&mut self.message, rest, text),
            _ => Err(ParamError::Unknown),
        }
    }

    fn has(path: &str) -> bool {
        matches!(path, "code" | "message" | "details")
    }

    fn check(&self, at: &Path<'_>, violations: &mut Violations) {
        violations.text(&at.field("message", "message"), &self.message);
    }
}

impl Message for wkt::Decimal {
    fn set(&mut self, path: &str, text: &str) -> Result<Arity, ParamError> {
        match split(path) {
            ("value", rest) => params::value::<Str>(&mut self.value, rest, text),
            _ => Err(ParamError::Unknown),
        }
    }

    fn has(path: &str) -> bool {
        path == "value"
    }

    fn check(&self, at: &Path<'_>, violations: &mut Violations) {
        violations.valid(at, "decimal.valid", self.number().map(drop));
    }
}
