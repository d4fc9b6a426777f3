//! Errors with a machine-readable reason, and their format on each transport.

use std::{collections::HashMap, fmt, time::Duration};

use axum::body::Body;
use http::{HeaderValue, StatusCode, header};
use prost::Message;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use crate::{
    endpoint::{Response, Transport},
    wkt,
};

/// A call that failed for one of the contract's reasons, made by the generated constructors in `errors`.
///
/// It converts to a [`Status`] with `google.rpc.ErrorInfo`, and with `google.rpc.RetryInfo` if a retry delay is set.
#[derive(Clone, Debug)]
pub struct Error {
    code: Code,
    reason: &'static str,
    domain: &'static str,
    message: String,
    metadata: HashMap<String, String>,
    retry_after: Option<Duration>,
}

impl Error {
    /// Called by generated code: `reason` is unique in `domain`, the package of the contract.
    pub fn new(
        code: Code,
        reason: &'static str,
        domain: &'static str,
        message: impl Into<String>,
    ) -> Self {
        Self {
            code,
            reason,
            domain,
            message: message.into(),
            metadata: HashMap::new(),
            retry_after: None,
        }
    }

    /// Adds a machine-readable fact, such as the id that was not found.
    #[must_use]
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.insert(key.into(), value.into());
        self
    }

    /// Sets the time after which a retry may succeed: `google.rpc.RetryInfo`.
    #[must_use]
    pub fn retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::with_error_info(error.reason, error.domain, error.metadata);
        if let Some(delay) = error.retry_after {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(error.code, error.message, details)
    }
}

/// The answer to a failed call, in the format of its transport.
///
/// On [`Transport::Http`] it carries the [`Code`] as an extension, because several codes share an HTTP status.
pub fn status_response(status: Status, transport: Transport) -> Response {
    match transport {
        Transport::Grpc => status.into_http(),
        Transport::Http => json(status),
    }
}

/// `google.rpc.Status` as JSON, with the HTTP status of its code and the metadata as headers. `google.rpc.RetryInfo` in
/// its details also becomes `Retry-After`.
fn json(status: Status) -> Response {
    let mut response = Response::new(Body::from(status_json(&status)));
    *response.status_mut() = http_status(status.code());
    response.extensions_mut().insert(status.code());
    let headers = response.headers_mut();
    headers.extend(status.metadata().clone().into_headers());
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    if let Some(delay) = status
        .get_details_retry_info()
        .and_then(|retry| retry.retry_delay)
    {
        let seconds = delay.as_secs() + u64::from(delay.subsec_nanos() > 0);
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    if status.code() == Code::Unauthenticated {
        headers
            .entry(header::WWW_AUTHENTICATE)
            .or_insert(HeaderValue::from_static("Bearer"));
    }
    response
}

/// The body of a REST error: `{"code": 5, "message": "…", "details": […]}`.
pub(crate) fn status_json(status: &Status) -> Vec<u8> {
    let mut details = wkt::Status::decode(status.details())
        .unwrap_or_default()
        .details;
    // One detail of an unknown type would make the whole answer unreadable.
    details.retain(|detail| serde_json::to_value(detail).is_ok());
    let body = wkt::Status {
        code: i32::from(status.code()),
        message: status.message().to_owned(),
        details,
    };
    serde_json::to_vec(&body).unwrap_or_default()
}

/// The HTTP status of a gRPC code, as `google.rpc.Code` documents it.
pub fn http_status(code: Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        // 499 is nginx's "client closed request": the client will not read it.
        Code::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::BAD_REQUEST),
        Code::InvalidArgument | Code::FailedPrecondition | Code::OutOfRange => {
            StatusCode::BAD_REQUEST
        }
        Code::Unauthenticated => StatusCode::UNAUTHORIZED,
        Code::PermissionDenied => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::AlreadyExists | Code::Aborted => StatusCode::CONFLICT,
        Code::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
        Code::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Code::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
        Code::Unknown | Code::Internal | Code::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn when_to_come_back_is_told_as_a_header_in_whole_seconds() {
        let told = |delay| {
            let details = ErrorDetails::with_retry_info(Some(delay));
            let status = Status::with_error_details(Code::Unavailable, "later", details);
            let response = status_response(status, Transport::Http);
            response.headers()[header::RETRY_AFTER].clone()
        };
        assert_eq!(told(Duration::from_secs(7)), "7");
        assert_eq!(told(Duration::from_millis(1)), "1");
        let silent = status_response(Status::unavailable("later"), Transport::Http);
        assert!(!silent.headers().contains_key(header::RETRY_AFTER));
    }
}
