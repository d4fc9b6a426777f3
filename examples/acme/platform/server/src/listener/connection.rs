//! One connection, from its first byte to its last.

use std::{
    convert::Infallible,
    io,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use api_runtime::{Endpoint, Unmatched};
use axum::{body::Body, extract::ConnectInfo};
use http::{
    HeaderMap, HeaderValue, Request, Response,
    header::{CONNECTION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS},
};
use hyper::{
    body::Incoming,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use platform_base::Stop;
use tokio::net::TcpStream;
use tokio_util::io::InspectReader;

use crate::{config::Limits, layers::ids};

/// The preface of HTTP/2; HTTP/1 begins with a method.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// The interval of keep-alive pings on a connection without traffic.
const KEEP_ALIVE: Duration = Duration::from_secs(30);
/// During the stop, a connection waits this long for a request that is on its way.
const LAST_REQUEST: Duration = Duration::from_millis(100);
/// During the stop, a peer that sends nothing for this long counts as disconnected.
const LAST_WORD: Duration = Duration::from_millis(800);
const MAX_STREAMS: u32 = 256;

/// The settings of a listener's connections. Clones share them.
#[derive(Clone)]
pub(super) struct Connections(Arc<Shared>);

struct Shared {
    routes: Endpoint,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    first_bytes_within: Duration,
    stop: Stop,
}

impl Connections {
    pub fn new(routes: Endpoint, limits: &Limits, stop: Stop) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .timer(TokioTimer::new())
            .header_read_timeout(limits.header_read_timeout)
            .max_header_size(limits.header)
            .max_buf_size(limits.header.max(64 * 1024));
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(u32::try_from(limits.header).unwrap_or(u32::MAX))
            .max_concurrent_streams(MAX_STREAMS)
            .keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(limits.header_read_timeout);
        Self(Arc::new(Shared {
            routes,
            http1,
            http2,
            first_bytes_within: limits.header_read_timeout,
            stop,
        }))
    }

    /// Serves one connection to its end. There is no result, because the peer is gone by then.
    pub async fn serve(&self, stream: TcpStream, peer: SocketAddr) {
        let shared = &self.0;
        let patience = async {
            let closing = shared.stop.closing.cancelled();
            if tokio::time::timeout(shared.first_bytes_within, closing)
                .await
                .is_ok()
            {
                tokio::time::sleep(LAST_REQUEST).await;
            }
        };
        let ended = tokio::select! {
            http2 = is_http2(&stream) => match http2 {
                Ok(true) => shared.serve_http2(stream, peer).await,
                Ok(false) => shared.serve_http1(stream, peer).await,
                Err(_) => return,
            },
            () = patience => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended early");
        }
    }
}

impl Shared {
    async fn serve_http1(&self, stream: TcpStream, peer: SocketAddr) -> hyper::Result<()> {
        let service = service_fn(async |request| {
            let mut response = self.answer(request, peer).await?;
            // The last answer of this connection. Without the header, a client might send another request and lose it.
            if self.stop.draining.is_cancelled() {
                response
                    .headers_mut()
                    .insert(CONNECTION, HeaderValue::from_static("close"));
            }
            Ok::<_, Infallible>(response)
        });
        let mut connection =
            std::pin::pin!(self.http1.serve_connection(TokioIo::new(stream), service));
        match self
            .stop
            .closing
            .run_until_cancelled(connection.as_mut())
            .await
        {
            Some(ended) => ended,
            None => {
                // A request may be on its way. Its answer carries `connection: close` and ends the connection.
                match tokio::time::timeout(LAST_REQUEST, connection.as_mut()).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            }
        }
    }

    async fn serve_http2(
        self: &Arc<Self>,
        stream: TcpStream,
        peer: SocketAddr,
    ) -> hyper::Result<()> {
        let shared = self.clone();
        let service = service_fn(move |request| {
            let shared = shared.clone();
            async move { shared.answer(request, peer).await }
        });
        let heard = Arc::new(AtomicUsize::new(0));
        let note = heard.clone();
        let stream = InspectReader::new(stream, move |bytes: &[u8]| {
            note.fetch_add(bytes.len(), Ordering::Relaxed);
        });
        let mut connection =
            std::pin::pin!(self.http2.serve_connection(TokioIo::new(stream), service));
        match self
            .stop
            .closing
            .run_until_cancelled(connection.as_mut())
            .await
        {
            Some(ended) => ended,
            // hyper sends GOAWAY and PING, then finishes the open streams. A live peer answers the PING; for a dead
            // one, hyper would wait.
            None => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    ended = connection => ended,
                    () = silence(&heard) => Ok(()),
                }
            }
        }
    }

    async fn answer(
        &self,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<Body>, Infallible> {
        request.extensions_mut().insert(ConnectInfo(peer));
        let request_id = request.headers().get(ids::REQUEST_ID).cloned();
        let mut response = self.routes.call(request.map(Body::new)).await?;
        if let Some(unmatched) = response.extensions().get() {
            count(*unmatched);
        }
        ids::complete(request_id, response.headers_mut());
        keep_type(response.headers_mut());
        Ok(response)
    }
}

/// Counts a request that no method answered. The path is no label: clients could create any number of them.
fn count(unmatched: Unmatched) {
    let reason = match unmatched {
        Unmatched::Path => "path",
        Unmatched::Verb => "verb",
    };
    metrics::counter!("unmatched_requests_total", "reason" => reason).increment(1);
}

/// `nosniff` stops browsers from guessing the type of an answer. Browsers do not display gRPC answers.
fn keep_type(headers: &mut HeaderMap) {
    let content_type = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    if !content_type.is_some_and(|value| value.starts_with(b"application/grpc")) {
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    }
}

/// Ends if the peer sends nothing for [`LAST_WORD`]; otherwise it never ends.
async fn silence(heard: &AtomicUsize) {
    let before = heard.load(Ordering::Relaxed);
    tokio::time::sleep(LAST_WORD).await;
    if heard.load(Ordering::Relaxed) != before {
        std::future::pending().await
    }
}

/// Peeks at the first bytes. hyper-util's own detection would wait for them without a limit.
async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; PREFACE.len()];
    loop {
        let length = stream.peek(&mut start).await?;
        match PREFACE.strip_prefix(&start[..length]) {
            None => return Ok(false),
            Some([]) => return Ok(true),
            Some(_) if length == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            // A peek returns the same bytes at once, so wait a little for more.
            Some(_) => tokio::time::sleep(Duration::from_millis(2)).await,
        }
    }
}
