use tonic::Status;
use uuid::Uuid;

use crate::violations::Violations;

/// The id of a resource.
///
/// # Errors
/// INVALID_ARGUMENT when the text is no UUID.
pub fn parse_uuid(id: &str) -> Result<Uuid, Status> {
    Uuid::try_parse(id).map_err(|_| {
        let mut violations = Violations::default();
        violations.add_named("id", "string.uuid", "must be a valid UUID");
        violations.into()
    })
}
