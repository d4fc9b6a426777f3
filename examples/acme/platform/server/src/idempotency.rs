//! Idempotent creation: `request_id` of AIP-155 (<https://google.aip.dev/155>).
//!
//! The id of the created resource is derived from the request's id and its caller. A repeated request therefore finds
//! the row that the first one made, in any process, even after a crash between commit and answer. If the row has been
//! deleted, the request creates it again, because no record of past requests is kept.

use platform_auth::Caller;
use tonic::{Code, Request, Status};
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

/// Any UUID would do, but it must never change.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f0b_41c8_6d3e_4a57_9a1c_2f6e_8b07_d394);

/// The id of the resource that the request creates: random without a request id, and the same for a repeated request.
///
/// # Errors
/// INVALID_ARGUMENT if the request id is not a UUID.
pub fn resource_id<T>(request: &Request<T>, request_id: Option<&str>) -> Result<Uuid, Status> {
    let Some(request_id) = request_id.filter(|id| !id.is_empty()) else {
        return Ok(Uuid::new_v4());
    };
    let request_id = Uuid::parse_str(request_id).map_err(|_| {
        let details = ErrorDetails::with_bad_request_violation("request_id", "must be a UUID");
        Status::with_error_details(Code::InvalidArgument, "request_id must be a UUID", details)
    })?;
    // The caller is part of the id: two callers may choose the same request id.
    let caller = request.extensions().get::<Caller>();
    let caller = caller.map_or("", |caller| &caller.subject);
    let name = [request_id.as_bytes(), caller.as_bytes()].concat();
    Ok(Uuid::new_v5(&NAMESPACE, &name))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6e2b1b5e-5a5c-4f0e-8a0a-0d7a1c9a3b11";

    fn id(caller: &str, request_id: Option<&str>) -> Result<Uuid, Code> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Caller::new(caller));
        resource_id(&request, request_id).map_err(|status| status.code())
    }

    #[test]
    fn a_repeated_request_means_the_same_resource() {
        assert_eq!(id("ada", Some(ID)), id("ada", Some(&ID.to_uppercase())));
        assert_ne!(id("ada", Some(ID)), id("eve", Some(ID)));
        assert_ne!(id("ada", None), id("ada", None));
        assert_ne!(id("ada", Some("")), id("ada", Some("")));
        assert_eq!(id("ada", Some("7")), Err(Code::InvalidArgument));
    }
}
