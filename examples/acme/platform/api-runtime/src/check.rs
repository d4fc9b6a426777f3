//! Finds everything that is wrong with a request and says it in one answer.
//!
//! The generated adapter calls these before the service sees a request. The checks are those of `buf.validate` and
//! `google.api.field_behavior` in the contract, and what no value may be: a NUL in a string, a number that is not
//! finite, a day outside the calendar.

use tonic::Status;

use crate::{
    mask::UpdateMask,
    message::Message,
    violations::{Path, Violations},
    wkt,
};

/// Checks a request.
///
/// # Errors
/// INVALID_ARGUMENT that names every bad field.
pub fn check<M: Message>(request: &M) -> Result<(), Status> {
    let mut violations = Violations::default();
    request.check(&Path::ROOT, &mut violations);
    violations.into_result()
}

/// Checks a request that updates the resource `R` in its field `resource` (proto name, JSON name).
///
/// With a mask only what it names counts; without one, what is there counts, so nothing is missing.
///
/// # Errors
/// INVALID_ARGUMENT that names every bad field, and every path of the mask that is no field.
pub fn check_update<R: Message>(
    request: &impl Message,
    resource: &'static str,
    mask: Option<&wkt::FieldMask>,
) -> Result<(), Status> {
    let mut violations = Violations::default();
    request.check(&Path::ROOT, &mut violations);
    let mask = mask.filter(|mask| !mask.paths.is_empty());
    violations.masked(resource, mask);
    for path in mask.into_iter().flat_map(|mask| &mask.paths) {
        if path != UpdateMask::ALL && !R::has(path) {
            let at = Path::ROOT;
            let at = at.field("update_mask", "updateMask");
            violations.add(
                &at,
                "field_mask.known",
                format!("there is no field {path:?}"),
            );
        }
    }
    violations.into_result()
}

/// Checks that an update leaves the IMMUTABLE fields of a resource as they are, or as far as it can be told, when it is
/// not known what is stored: then it may not set them at all.
///
/// # Errors
/// INVALID_ARGUMENT that names every such field.
pub fn check_immutable<R: Message>(
    sent: Option<&R>,
    stored: Option<&R>,
    at: (&'static str, &'static str),
    mask: Option<&wkt::FieldMask>,
) -> Result<(), Status> {
    let mut violations = Violations::default();
    if let Some(sent) = sent {
        let root = Path::ROOT;
        let at = root.field(at.0, at.1);
        sent.check_immutable(stored, mask, &at, &mut violations);
    }
    violations.into_result()
}
