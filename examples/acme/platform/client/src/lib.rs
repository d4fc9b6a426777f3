//! Calls to other services over gRPC.
//!
//! - A generated client takes a [`Connection`] to an [`Address`]; begin there.
//! - [`forward`] makes a call on behalf of the current request: with its token, its trace and its remaining time.
//! - [`found`] reads the response. It separates what the caller may learn from what only the log may show.
//!
//! The crate promises that every call proves which service is calling, and that a caller sees an error of another
//! service only if it concerns the caller.

use std::{
    str::FromStr,
    task::{Context, Poll},
    time::{Duration, Instant},
};

use opentelemetry::propagation::Injector;
use platform_auth::{SERVICE_AUTHORIZATION, ServiceKey};
use platform_base::{
    config::{HttpUrl, Setting, text},
    context, status,
};
use serde_json::Value;
use tonic::{
    Code, Request, Response, Status,
    metadata::{Ascii, MetadataKey, MetadataMap, MetadataValue},
    transport::{self, Channel, Endpoint},
};
use tonic_types::StatusExt;
use tower::Service;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// The gRPC address of another service, as the configuration has it: `http://host:port`.
#[derive(Clone, Debug)]
pub struct Address(http::Uri);

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let HttpUrl(url) = HttpUrl::read(&text.into())?;
        match url.scheme_str() {
            Some("http") => Ok(Self(url)),
            _ => Err(format!(
                "`{text}` is not an address like http://localhost:9101"
            )),
        }
    }
}

impl Setting for Address {
    const KIND: &'static str = "URL";

    fn read(value: &Value) -> Result<Self, String> {
        text(value)?.parse()
    }
}

/// A channel to a service, without a proof of the calling service. It connects at first use and reconnects when needed.
pub fn connect(address: &Address) -> Channel {
    Endpoint::from(address.0.clone())
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .tcp_nodelay(true)
        .connect_lazy()
}

/// A connection to another service; `Platform::connect` makes it. Every call over it proves which service is calling,
/// with or without a user.
#[derive(Clone)]
pub struct Connection {
    channel: Channel,
    key: ServiceKey,
}

impl Connection {
    /// A connection that proves with this key which service is calling.
    pub fn new(address: &Address, key: ServiceKey) -> Self {
        Self {
            channel: connect(address),
            key,
        }
    }
}

impl Service<http::Request<tonic::body::Body>> for Connection {
    type Response = http::Response<tonic::body::Body>;
    type Error = transport::Error;
    type Future = transport::channel::ResponseFuture;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.channel.poll_ready(context)
    }

    fn call(&mut self, mut request: http::Request<tonic::body::Body>) -> Self::Future {
        // The path of a method is `/users.v1.UsersService/GetUser`.
        let contract = request.uri().path().split('/').nth(1).unwrap_or_default();
        match self.key.prove(contract) {
            Ok(proof) => drop(request.headers_mut().insert(SERVICE_AUTHORIZATION, proof)),
            // Only internal methods need the proof; they refuse a call without it.
            Err(error) => tracing::error!(cause = %error, "a call goes without a proof"),
        }
        self.channel.call(request)
    }
}

/// A call on behalf of the current request: with its token, its ids and its remaining time.
pub fn forward<T, U>(request: &Request<T>, message: U) -> Request<U> {
    let mut call = Request::new(message);
    if let Some(token) = request.metadata().get("authorization") {
        call.metadata_mut().insert("authorization", token.clone());
    }
    if let Some(context) = context::current() {
        let mut headers = Headers(call.metadata_mut());
        headers.set("x-request-id", context.request_id().to_owned());
        context.inject(&mut headers);
        call.set_timeout(context.deadline().saturating_duration_since(Instant::now()));
    }
    call
}

/// The message of the response; `None` for NOT_FOUND.
///
/// Two errors are passed on: the caller is not authorized, or has exceeded a rate limit. Any other error is not caused
/// by the caller: it is logged, and returned without its cause.
pub fn found<T>(answer: Result<Response<T>, Status>) -> Result<Option<T>, Status> {
    let error = match answer {
        Ok(answer) => return Ok(Some(answer.into_inner())),
        Err(error) => error,
    };
    match error.code() {
        Code::NotFound => Ok(None),
        Code::Unauthenticated | Code::PermissionDenied if !lacks_proof(&error) => {
            Err(passed_on(&error))
        }
        Code::ResourceExhausted if error.get_details_retry_info().is_some() => {
            Err(passed_on(&error))
        }
        code @ (Code::Unavailable | Code::DeadlineExceeded) => {
            tracing::warn!(cause = %error, "another service does not answer");
            let message = "another service, which this request needs, does not answer: try again";
            Err(status(code, "DEPENDENCY_UNAVAILABLE", message))
        }
        _ => {
            tracing::error!(cause = %error, "another service failed");
            Err(status(Code::Internal, "INTERNAL", "internal error"))
        }
    }
}

/// Whether the other service refused this service, not its user.
fn lacks_proof(error: &Status) -> bool {
    let info = error.get_details_error_info();
    info.is_some_and(|info| info.domain == "platform" && info.reason.starts_with("SERVICE_PROOF_"))
}

/// The error without the response headers of the other service.
fn passed_on(error: &Status) -> Status {
    Status::with_details(
        error.code(),
        error.message(),
        error.details().to_vec().into(),
    )
}

/// The metadata of a call, as an injector.
struct Headers<'a>(&'a mut MetadataMap);

impl Injector for Headers<'_> {
    fn set(&mut self, name: &str, value: String) {
        let name = MetadataKey::<Ascii>::from_bytes(name.as_bytes());
        if let (Ok(name), Ok(value)) = (name, MetadataValue::try_from(value)) {
            self.0.insert(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use platform_auth::ServiceRejection;
    use tonic_types::ErrorDetails;

    use super::*;

    fn answered(error: Status) -> Status {
        found(Err::<Response<()>, _>(error)).unwrap_err()
    }

    #[test]
    fn what_is_the_caller_s_fault_is_passed_on_and_nothing_else() {
        let mut denied = status(Code::PermissionDenied, "ROLE_MISSING", "no");
        let header = "the other's".parse().unwrap();
        denied.metadata_mut().insert("x-request-id", header);
        let answer = answered(denied);
        assert_eq!(answer.code(), Code::PermissionDenied);
        assert_eq!(
            answer.get_details_error_info().unwrap().reason,
            "ROLE_MISSING"
        );
        assert!(answer.metadata().is_empty());

        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(1)));
        let limited = Status::with_error_details(Code::ResourceExhausted, "wait", details);
        assert_eq!(answered(limited).code(), Code::ResourceExhausted);
        let large = status(Code::ResourceExhausted, "BODY_TOO_LARGE", "too large");
        assert_eq!(answered(large).code(), Code::Internal);
        for rejection in [
            ServiceRejection::Missing,
            ServiceRejection::User,
            ServiceRejection::Invalid,
        ] {
            assert_eq!(answered(rejection.into()).code(), Code::Internal);
        }
    }
}
