//! Connections to an etcd. A connection is used until something fails, and never repaired: the next one may be to another
//! host, with other certificates, and has a new token.

use std::{
    error::Error as _,
    fs,
    net::{IpAddr, SocketAddr},
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use etcd_client::{Certificate, Client, ConnectOptions, Error, Identity, TlsOptions};
use platform_base::backoff::Backoff;
use secrecy::ExposeSecret;
use tokio::{
    net::{UdpSocket, lookup_host},
    time,
};

use crate::EtcdUrl;

/// The waits after failures. With the timeout of an attempt, they bound how long after a fault everything works again.
pub(super) const BACKOFF: Backoff = Backoff {
    first: Duration::from_millis(100),
    longest: Duration::from_secs(2),
};

/// A connection on which nothing is heard for this time is asked whether it is alive. etcd disconnects clients that ask
/// more often than every 5 s.
const PING: Duration = Duration::from_secs(6);

/// The hosts of an etcd.
pub(super) struct Hosts {
    url: EtcdUrl,
    timeout: Duration,
    /// Counts connections, so that each one goes to the next host.
    next: AtomicUsize,
}

impl Hosts {
    pub fn new(url: EtcdUrl, timeout: Duration) -> Self {
        Self {
            url,
            timeout,
            next: AtomicUsize::new(0),
        }
    }

    /// A client of the next host.
    pub async fn connect(&self) -> Result<Client, Lost> {
        let host = self.turn(self.next.fetch_add(1, Ordering::Relaxed));
        let mut options = ConnectOptions::new()
            .with_connect_timeout(self.timeout)
            .with_keep_alive(PING, self.timeout)
            .with_keep_alive_while_idle(true)
            // A host that lost the others must say so, not wait.
            .with_require_leader(true);
        if let Some((name, password)) = &self.url.user {
            options = options.with_user(name, password.expose_secret());
        }
        let scheme = match &self.url.tls {
            Some(_) => "https",
            None => "http",
        };
        if let Some(tls) = &self.url.tls {
            let mut trusted = TlsOptions::new();
            trusted = match &tls.ca {
                Some(file) => trusted.ca_certificate(Certificate::from_pem(read(file)?)),
                None => trusted.with_native_roots(),
            };
            if let Some((certificate, key)) = &tls.identity {
                trusted = trusted.identity(Identity::from_pem(read(certificate)?, read(key)?));
            }
            options = options.with_tls(trusted);
        }
        let host = format!("{scheme}://{host}");
        self.answer(Client::connect([host], Some(options))).await
    }

    /// The answer of etcd, within the timeout.
    pub async fn answer<T>(
        &self,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Lost> {
        match time::timeout(self.timeout, answer).await {
            Ok(answer) => answer.map_err(Lost::from),
            Err(_) => Err(Lost("etcd does not answer in time".to_owned())),
        }
    }

    /// The address of this machine from which packets to the hosts leave. No packet is sent.
    pub async fn source(&self) -> Result<IpAddr, Lost> {
        let host = self.turn(self.next.load(Ordering::Relaxed));
        let found = time::timeout(self.timeout, lookup_host(host)).await;
        let wrong = |cause: &dyn std::fmt::Display| {
            Lost(format!("the address to advertise was not found: {cause}"))
        };
        let hosts = found
            .map_err(|error| wrong(&error))?
            .map_err(|error| wrong(&error))?;
        let host = hosts.into_iter().next();
        let host = host.ok_or_else(|| wrong(&"etcd has no address"))?;
        let source = async {
            let any: SocketAddr = if host.is_ipv4() {
                ([0; 4], 0).into()
            } else {
                ([0u16; 8], 0).into()
            };
            let socket = UdpSocket::bind(any).await?;
            socket.connect(host).await?;
            socket.local_addr()
        };
        let source = source.await.map_err(|error| wrong(&error))?;
        Ok(source.ip())
    }

    fn turn(&self, turn: usize) -> &str {
        &self.url.hosts[turn % self.url.hosts.len()]
    }
}

fn read(file: &Path) -> Result<Vec<u8>, Lost> {
    fs::read(file).map_err(|error| Lost(format!("{} cannot be read: {error}", file.display())))
}

/// Why a connection, or what was held by it, is of no use any more.
#[derive(Debug)]
pub(super) struct Lost(pub String);

impl From<Error> for Lost {
    /// The whole chain of causes: only the last one says that a certificate is wrong.
    fn from(error: Error) -> Self {
        let (mut text, mut source) = match &error {
            Error::GRpcStatus(status) => (status.message().to_owned(), status.source()),
            Error::TransportError(error) => (error.to_string(), error.source()),
            other => (other.to_string(), None),
        };
        while let Some(cause) = source {
            let cause_text = cause.to_string();
            if !text.contains(&cause_text) {
                text = format!("{text}: {cause_text}");
            }
            source = cause.source();
        }
        Self(text)
    }
}
