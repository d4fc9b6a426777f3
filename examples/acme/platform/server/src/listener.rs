//! Serves routes on an address: HTTP/1.1 and HTTP/2 without TLS, with limits against slow and greedy clients. When it
//! stops, it answers every request that it has received.

mod connection;

use std::{
    net::SocketAddr,
    sync::{Arc, OnceLock},
    time::Duration,
};

use api_runtime::Endpoint;
use futures_util::FutureExt;
use platform_base::{LogOnce, Part, Phase, StartError, Stop, async_trait};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore},
};
use tokio_util::task::TaskTracker;

use self::connection::Connections;
use crate::config::Limits;

/// A bound address with its routes.
pub struct Listener {
    name: &'static str,
    listener: TcpListener,
    routes: Endpoint,
    limits: Limits,
}

/// A bound address. Connections wait until routes are served.
pub struct Bound {
    name: &'static str,
    listener: TcpListener,
    address: SocketAddr,
}

impl Bound {
    /// Binds the address, so that a port in use is reported before the process serves anything.
    ///
    /// # Errors
    /// Why the address cannot be bound, and what to do.
    pub async fn to(name: &'static str, address: SocketAddr) -> Result<Self, StartError> {
        let failed = |error: std::io::Error| {
            let reason = match error.kind() {
                std::io::ErrorKind::AddrInUse => {
                    "the port is in use; set another one or stop the process that has it".to_owned()
                }
                std::io::ErrorKind::PermissionDenied => "this user may not use the port".to_owned(),
                _ => error.to_string(),
            };
            StartError::new(format!("cannot serve {name} on {address}: {reason}"))
        };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            name,
            listener,
            address,
        })
    }

    /// The address, with the actual port if 0 was given.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves these routes as soon as the part runs.
    pub fn serve(self, routes: Endpoint, limits: Limits) -> Listener {
        Listener {
            name: self.name,
            listener: self.listener,
            routes,
            limits,
        }
    }
}

#[async_trait]
impl Part for Listener {
    fn name(&self) -> String {
        format!("the {} listener", self.name)
    }

    fn phase(&self) -> Phase {
        Phase::Listener
    }

    /// Ends when every received request is answered.
    async fn run(&self, stop: Stop) {
        let tasks = TaskTracker::new();
        let places = Arc::new(Semaphore::new(self.limits.connections));
        let connections = Connections::new(self.routes.clone(), &self.limits, stop.clone());
        let begin = |(stream, peer), place| {
            let connections = connections.clone();
            tasks.spawn(async move {
                connections.serve(stream, peer).await;
                drop::<Option<OwnedSemaphorePermit>>(place);
            });
        };
        let accepting = async {
            // The semaphore is never closed, so this loop does not end by itself.
            while let Ok(place) = places.clone().acquire_owned().await {
                begin(accept(&self.listener).await, Some(place));
            }
        };
        stop.closing.run_until_cancelled(accepting).await;
        // Connections that were made before the stop are served too.
        while let Some(accepted) = accept(&self.listener).now_or_never() {
            begin(accepted, None);
        }
        tasks.close();
        tasks.wait().await;
    }
}

/// The next connection. Errors here concern one connection, or pass, such as too many open files.
async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // Without this, a small answer would wait for the acknowledgement of the previous one.
                if stream.set_nodelay(true).is_ok() {
                    return (stream, peer);
                }
            }
            Err(error) => {
                static LOG: OnceLock<LogOnce> = OnceLock::new();
                if let Some(more) = LOG.get_or_init(LogOnce::a_minute).due() {
                    tracing::warn!(%error, more, "a connection could not be accepted");
                }
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}
