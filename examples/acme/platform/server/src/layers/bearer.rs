//! The rules of RFC 6750 for bearer tokens over HTTP, except for the token itself.

use api_runtime::Policy;
use http::{Uri, header::WWW_AUTHENTICATE};
use percent_encoding::percent_decode_str;
use platform_auth::Rejection;
use platform_base::status;
use tonic::{Code, Status, metadata::MetadataValue};

/// URLs end up in logs and histories, so they must not hold a token (section 2.3, and RFC 9700 section 4.3.2).
pub(super) fn refuse_in_query(uri: &Uri) -> Result<(), Status> {
    let Some(query) = uri.query() else {
        return Ok(());
    };
    let mut pairs = query.split('&');
    let is_token = |pair: &str| {
        let name = pair.split('=').next().unwrap_or_default();
        percent_decode_str(name).eq("access_token".bytes())
    };
    if !pairs.any(is_token) {
        return Ok(());
    }
    let message = "a token must not be in the address: send `authorization: Bearer <token>`";
    let mut status = status(Code::InvalidArgument, "TOKEN_IN_QUERY", message);
    challenge(&mut status, "Bearer error=\"invalid_request\"");
    Err(status)
}

/// The error for a refused caller, with a challenge that the client can act on (section 3.1).
pub(super) fn refuse(rejection: Rejection, policy: &Policy) -> Status {
    let mut status = Status::from(rejection);
    match rejection {
        Rejection::Expired | Rejection::Invalid => {
            challenge(&mut status, "Bearer error=\"invalid_token\"");
        }
        Rejection::NoScope => {
            let scope = policy.all_scopes.join(" ");
            let text = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
            challenge(&mut status, &text);
        }
        // Without a token, section 3.1 wants no error in the challenge. A client cannot request a role.
        Rejection::Missing | Rejection::NoKey | Rejection::NoRole => {}
    }
    status
}

fn challenge(status: &mut Status, text: &str) {
    if let Ok(text) = MetadataValue::try_from(text) {
        status
            .metadata_mut()
            .insert(WWW_AUTHENTICATE.as_str(), text);
    }
}
