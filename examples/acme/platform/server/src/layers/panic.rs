//! A panic costs its own request, not the connection; the hook that `telemetry` installs has logged where it was.

use std::panic::AssertUnwindSafe;

use api_runtime::Response;
use futures_util::FutureExt;
use platform_base::status;
use tonic::{Code, Status};

pub(super) async fn caught(
    answer: impl Future<Output = Result<Response, Status>>,
) -> Result<Response, Status> {
    // What the handler shares with others is behind locks, which poison themselves.
    match AssertUnwindSafe(answer).catch_unwind().await {
        Ok(answer) => answer,
        Err(_) => Err(status(Code::Internal, "INTERNAL", "internal error")),
    }
}
