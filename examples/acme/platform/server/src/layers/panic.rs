//! Catches panics: a panic fails its request, not the connection. The panic hook of `telemetry` has logged its place.

use std::panic::AssertUnwindSafe;

use api_runtime::Response;
use futures_util::FutureExt;
use platform_base::status;
use tonic::{Code, Status};

pub(super) async fn caught(
    answer: impl Future<Output = Result<Response, Status>>,
) -> Result<Response, Status> {
    // Unwind safe: state that requests share is behind locks, which a panic poisons.
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => Err(status(Code::Internal, "INTERNAL", "internal error")),
    }
}
