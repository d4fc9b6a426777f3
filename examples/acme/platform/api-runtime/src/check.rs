//! Finds all problems of a request and reports them in one answer.
//!
//! The generated adapter calls these functions before the service sees a request. They check the contract's
//! `buf.validate` and `google.api.field_behavior`, and values that are never allowed: a NUL in a string, a number that
//! is not finite, a date that does not exist.

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
/// With a mask, only the named fields are checked. Without one, only the fields that are present, so none is missing.
///
/// # Errors
/// INVALID_ARGUMENT that names every bad field, and every unknown path of the mask.
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

/// Checks that an update does not change the IMMUTABLE fields of a resource. If the stored resource is unknown, the
/// update may not set them at all.
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
