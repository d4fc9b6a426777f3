//! The limit of the body size.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use api_runtime::{LargestMessage, Request, Transport, header};
use axum::body::Body;
use http::{HeaderName, header::CONTENT_LENGTH};
use http_body::{Body as _, Frame, SizeHint};
use http_body_util::{LengthLimitError, Limited};
use platform_base::status;
use tonic::{Code, Status};

const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const REASON: &str = "BODY_TOO_LARGE";

/// Refuses a body whose declared length is too large, and counts the bytes of any other. A compressed message may not
/// become larger than the body may be.
pub(super) fn limit(
    request: &mut Request,
    limit: usize,
    transport: Transport,
) -> Result<(), Status> {
    if request.headers().contains_key(GRPC_ENCODING) {
        request.extensions_mut().insert(LargestMessage(limit));
    }
    let length = header(request.headers(), CONTENT_LENGTH);
    match length.and_then(|length| length.parse::<u64>().ok()) {
        Some(length) if length > limit as u64 => return Err(too_large(limit)),
        Some(_) => {}
        None if request.body().is_end_stream() => {}
        None => {
            let body = std::mem::take(request.body_mut());
            let inner = Limited::new(body, limit);
            *request.body_mut() = match transport {
                Transport::Http => Body::new(inner),
                Transport::Grpc => Body::new(GrpcBody { inner, limit }),
            };
        }
    }
    Ok(())
}

fn too_large(limit: usize) -> Status {
    status(
        Code::ResourceExhausted,
        REASON,
        format!("the body of a request may have at most {limit} bytes"),
    )
}

/// HTTP has its own status for this error.
pub(super) fn is_too_large(status: &Status) -> bool {
    use tonic_types::StatusExt;
    status.code() == Code::ResourceExhausted
        && status
            .get_details_error_info()
            .is_some_and(|info| info.reason == REASON)
}

pin_project_lite::pin_project! {
    /// Fails with a status, which tonic returns to the client.
    struct GrpcBody {
        #[pin]
        inner: Limited<Body>,
        limit: usize,
    }
}

impl http_body::Body for GrpcBody {
    type Data = axum::body::Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let limit = *this.limit;
        this.inner.poll_frame(context).map_err(|error| {
            if error.is::<LengthLimitError>() {
                too_large(limit).into()
            } else {
                error
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
