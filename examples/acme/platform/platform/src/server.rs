//! Serves routes on an address: HTTP/1.1 and HTTP/2 without TLS, with limits against slow and greedy clients, and a
//! stop that answers every request it has received.

mod connection;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::Router;
use futures_util::FutureExt;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::connection::Connections;
use crate::{Error, config};

/// The stages of a stop, in their order.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    /// Requests are answered, but clients are told to go elsewhere for the next.
    pub draining: CancellationToken,
    /// Nothing new is accepted; what was received is finished.
    pub closing: CancellationToken,
    /// The connections still open.
    pub connections: TaskTracker,
}

/// Takes the address, so that a port in use is known before anything is served.
pub(crate) async fn bind(
    what: &'static str,
    config: &config::Listener,
) -> Result<TcpListener, Error> {
    let address = SocketAddr::new(config.host, config.port);
    TcpListener::bind(address).await.map_err(|error| {
        let reason = match error.kind() {
            std::io::ErrorKind::AddrInUse => {
                "the port is in use; set another one or stop the process that has it".to_owned()
            }
            std::io::ErrorKind::PermissionDenied => "this user may not use the port".to_owned(),
            _ => error.to_string(),
        };
        Error::Listen {
            what,
            address,
            reason,
        }
    })
}

/// Serves until the stop; then returns, while the connections finish.
pub(crate) async fn serve(
    listener: TcpListener,
    router: Router,
    limits: &config::Limits,
    stop: Stop,
) {
    let places = Arc::new(Semaphore::new(limits.connections));
    let connections = Connections::new(router, limits, stop.clone());
    let begin = |(stream, peer), place| {
        let connections = connections.clone();
        stop.connections.spawn(async move {
            connections.serve(stream, peer).await;
            drop::<Option<OwnedSemaphorePermit>>(place);
        });
    };
    let accepting = async {
        // A semaphore that is never closed always has a place in the end.
        while let Ok(place) = places.clone().acquire_owned().await {
            begin(accept(&listener).await, Some(place));
        }
    };
    stop.closing.run_until_cancelled(accepting).await;
    // Who has connected before the end is answered.
    while let Some(accepted) = accept(&listener).now_or_never() {
        begin(accepted, None);
    }
}

/// The next connection. What goes wrong here is the connection's fault, or passes, such as too many open files.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Small answers must not wait for the acknowledgement of the one before.
                if stream.set_nodelay(true).is_ok() {
                    return (stream, peer);
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
