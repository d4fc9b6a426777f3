//! The client, with its circuit breaker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use bytes::Bytes;
use fred::{
    clients::Client,
    error::{Error, ErrorKind},
    interfaces::{ClientLike, KeysInterface, LuaInterface},
    types::{
        Builder, Expiration, SetOptions,
        config::{ReconnectPolicy, TlsConnector, UnresponsiveConfig},
    },
};
use platform_base::{LogOnce, StartError, tls};
use secrecy::ExposeSecret;

use crate::{Failure, Options, REST, url};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// A connection that does not answer commands for this time is replaced.
const UNRESPONSIVE: Duration = Duration::from_secs(10);

/// A connection to a Redis.
pub struct Redis {
    client: Client,
    breaker: Breaker,
    /// Whether the log already says that Redis fails.
    is_told: AtomicBool,
    complaints: LogOnce,
}

impl Redis {
    /// Starts to connect in the background. Must be called within a runtime.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn connect(options: &Options) -> Result<Arc<Self>, StartError> {
        let (mut config, with_tls) =
            url::parse(options.url.0.expose_secret()).map_err(StartError::new)?;
        config.fail_fast = false;
        if with_tls {
            let root_certificate = options.root_certificate.as_deref();
            let tls = tls::client(root_certificate).map_err(StartError::new)?;
            config.tls = Some(TlsConnector::from(tls).into());
        }
        let client = Builder::from_config(config)
            .with_performance_config(|performance| {
                performance.default_command_timeout = options.timeout;
            })
            .with_connection_config(|connection| {
                connection.connection_timeout = CONNECT_TIMEOUT;
                connection.internal_command_timeout = CONNECT_TIMEOUT;
                connection.max_command_attempts = 1;
                connection.reconnect_on_auth_error = true;
                connection.tcp.nodelay = Some(true);
                connection.unresponsive = UnresponsiveConfig {
                    max_timeout: Some(UNRESPONSIVE),
                    ..UnresponsiveConfig::default()
                };
            })
            .set_policy(ReconnectPolicy::new_exponential(0, 100, 2_000, 2))
            .build()
            .map_err(StartError::new)?;
        // fred runs the connection in a task of its own until the process ends.
        drop(client.connect());
        Ok(Arc::new(Self {
            client,
            breaker: Breaker::new(),
            is_told: AtomicBool::new(false),
            complaints: LogOnce::a_minute(),
        }))
    }

    /// Whether the client is connected.
    pub fn is_connected(&self) -> bool {
        self.client.is_connected()
    }

    /// Whether the circuit breaker is open, so that callers skip Redis: the last command failed less than a second ago.
    /// After that second, one caller may try again.
    pub fn is_open(&self) -> bool {
        self.breaker.is_open()
    }

    /// Whether the last command failed.
    pub fn is_away(&self) -> bool {
        self.breaker.failed.load(Ordering::Relaxed)
    }

    /// The value of a key.
    ///
    /// # Errors
    /// When the value is not a text, or Redis does not answer.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, Failure> {
        self.note(self.client.get(key).await)
    }

    /// Sets a key if it does not exist, with an expiry. Returns whether it was set.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn set_if_absent(
        &self,
        key: &str,
        value: &[u8],
        life: Duration,
    ) -> Result<bool, Failure> {
        let life = Some(Expiration::PX(life.as_millis() as i64));
        let absent = Some(SetOptions::NX);
        let set = self.client.set(key, value, life, absent, false).await;
        let set: Option<Bytes> = self.note(set)?;
        Ok(set.is_some())
    }

    /// Removes a key.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub async fn delete(&self, key: &str) -> Result<(), Failure> {
        self.note(self.client.del::<i64, _>(key).await).map(drop)
    }

    /// Runs a script on a key and returns its number.
    ///
    /// # Errors
    /// When Redis does not answer, or the result is not a number.
    pub async fn eval(
        &self,
        script: &'static str,
        key: &str,
        arguments: Vec<Bytes>,
    ) -> Result<i64, Failure> {
        self.note(self.client.eval(script, key, arguments).await)
    }

    /// Records whether Redis answered. A change is logged; if Redis fails again and again, at most once a minute.
    fn note<T>(&self, answer: Result<T, Error>) -> Result<T, Failure> {
        match answer {
            Err(error) if *error.kind() != ErrorKind::InvalidArgument => {
                self.breaker.open();
                if !self.is_told.load(Ordering::Relaxed) && self.complaints.due().is_some() {
                    self.is_told.store(true, Ordering::Relaxed);
                    tracing::warn!(cause = %error, "Redis fails: going on without it");
                }
                Err(Failure::NoAnswer)
            }
            // A value of the wrong type is an answer, too: Redis works.
            answer => {
                self.breaker.close();
                if self.is_told.load(Ordering::Relaxed)
                    && self.is_told.swap(false, Ordering::Relaxed)
                {
                    tracing::info!("Redis works again");
                }
                answer.map_err(|_| Failure::WrongType)
            }
        }
    }
}

/// The circuit breaker: open after a failure, until one caller may try again.
struct Breaker {
    failed: AtomicBool,
    made: Instant,
    /// When the next caller may try, in milliseconds after `made`.
    retry_at: AtomicU64,
}

impl Breaker {
    fn new() -> Self {
        Self {
            failed: AtomicBool::new(false),
            made: Instant::now(),
            retry_at: AtomicU64::new(0),
        }
    }

    fn is_open(&self) -> bool {
        if !self.failed.load(Ordering::Relaxed) {
            return false;
        }
        let now = self.now();
        let retry_at = self.retry_at.load(Ordering::Relaxed);
        let tries = now >= retry_at
            && self
                .retry_at
                .compare_exchange(
                    retry_at,
                    now + REST.as_millis() as u64,
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                )
                .is_ok();
        !tries
    }

    fn open(&self) {
        let retry_at = self.now() + REST.as_millis() as u64;
        self.retry_at.store(retry_at, Ordering::Relaxed);
        self.failed.store(true, Ordering::Relaxed);
    }

    fn close(&self) {
        self.failed.store(false, Ordering::Relaxed);
    }

    fn now(&self) -> u64 {
        self.made.elapsed().as_millis() as u64
    }
}
