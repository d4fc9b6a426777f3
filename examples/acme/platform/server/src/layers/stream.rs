//! The end of a stream of answers, after which its status is known.

use std::{
    pin::Pin,
    task::{Context as TaskContext, Poll},
};

use api_runtime::Response;
use axum::body::{Body, Bytes};
use http_body::{Frame, SizeHint};
use platform_base::context::Context;
use tonic::Code;
use tracing::Span;

/// Calls `ended` when the body of the answer ends or its reader disconnects. The body runs in the context of the
/// request.
pub(super) fn watch(
    response: Response,
    context: Context,
    span: Span,
    ended: impl FnOnce(Code) + Send + 'static,
) -> Response {
    let ended: Ended = Box::new(ended);
    response.map(|inner| {
        Body::new(Watched {
            inner,
            context,
            span,
            ended: Some(ended),
        })
    })
}

type Ended = Box<dyn FnOnce(Code) + Send>;

struct Watched {
    inner: Body,
    context: Context,
    span: Span,
    ended: Option<Ended>,
}

impl Watched {
    fn end(&mut self, code: Code) {
        if let Some(ended) = self.ended.take() {
            let _span = self.span.enter();
            self.context.clone().run(|| ended(code));
        }
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

impl http_body::Body for Watched {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        task: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = &mut *self;
        let polled = {
            let _span = this.span.enter();
            let inner = Pin::new(&mut this.inner);
            this.context.clone().run(|| inner.poll_frame(task))
        };
        match &polled {
            Poll::Ready(None) => this.end(Code::Ok),
            Poll::Ready(Some(Err(_))) => this.end(Code::Internal),
            Poll::Ready(Some(Ok(frame))) => {
                let status = frame.trailers_ref().and_then(|end| end.get("grpc-status"));
                if let Some(status) = status {
                    this.end(Code::from_bytes(status.as_bytes()));
                }
            }
            Poll::Pending => {}
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
