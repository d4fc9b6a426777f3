//! The keys that are trusted now: read from their source regularly, and kept while the source is unavailable.

use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use platform_base::{Part, StartError, Stop, async_trait, every};

use crate::{
    config,
    keys::{self, PublicKey},
    signing::SigningKeys,
    source::Source,
};

/// For this long after the start, missing keys cause no warning.
const PATIENCE: Duration = Duration::from_secs(30);

/// While there are no keys, the source is read more often.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The keys that verify tokens, from one source.
pub struct TrustedKeys {
    source: Source,
    made: Instant,
    current: RwLock<Arc<KeySet>>,
    /// The last read failed.
    failing: AtomicBool,
    /// When the source was last read. The lock is held during a read, so that all waiting requests share one answer.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

/// The keys at one moment.
#[derive(Default)]
pub(super) struct KeySet {
    /// Changes with the keys. A token verified under one generation is verified again under another.
    pub generation: u64,
    text: String,
    keys: Vec<PublicKey>,
}

impl KeySet {
    /// The keys that may have signed a token with this `kid`.
    pub fn of(&self, kid: Option<&str>) -> impl Iterator<Item = &PublicKey> {
        self.keys.iter().filter(move |key| key.is(kid))
    }
}

impl TrustedKeys {
    /// The configured keys or, in the issuer's process, its own keys.
    ///
    /// # Errors
    /// When TLS cannot be set up.
    pub fn new(
        config: &config::Config,
        issuer: Option<SigningKeys>,
    ) -> Result<Arc<Self>, StartError> {
        Ok(Arc::new(Self {
            source: Source::new(config, issuer)?,
            made: Instant::now(),
            current: RwLock::default(),
            failing: AtomicBool::new(false),
            asked: tokio::sync::Mutex::default(),
        }))
    }

    pub(super) fn current(&self) -> Arc<KeySet> {
        let current = self.current.read();
        current.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Whether a valid key may be missing from the current ones.
    pub(super) fn may_lack_keys(&self) -> bool {
        self.failing.load(Ordering::Relaxed) || self.current().keys.is_empty()
    }

    /// Like [`TrustedKeys::current`]. If no key has this `kid`, reads the source first, unless that was done a short
    /// while ago.
    pub(super) async fn with(self: &Arc<Self>, kid: Option<&str>) -> Arc<KeySet> {
        let current = self.current();
        if current.of(kid).next().is_some() {
            return current;
        }
        let pause = match current.keys.is_empty() {
            true => self.source.pause().min(FIRST_PAUSE),
            false => self.source.pause(),
        };
        // A task of its own: if the request is cancelled, the read goes on, and the next request need not start it
        // again.
        let keys = self.clone();
        let asking = tokio::spawn(async move { keys.refresh(pause).await });
        if let Err(error) = asking.await {
            tracing::error!(%error, "the keys that verify tokens could not be read");
        }
        self.current()
    }

    /// Reads the source, unless that was done less than `pause` ago.
    async fn refresh(&self, pause: Duration) {
        let mut asked = self.asked.lock().await;
        if asked.is_some_and(|asked| asked.elapsed() < pause) {
            return;
        }
        let answer = self.source.read().await;
        let replaced = answer.and_then(|text| self.replace(text));
        *asked = Some(Instant::now());
        let was_failing = self.failing.swap(replaced.is_err(), Ordering::Relaxed);
        match replaced {
            // The issuer of the keys may start after this process.
            Err(reason) if self.may_still_come() => {
                tracing::debug!(source = %self.source, reason, "waiting for the keys that verify tokens");
                self.failing.store(false, Ordering::Relaxed);
            }
            Err(reason) if !was_failing => {
                tracing::warn!(source = %self.source, reason, "the keys that verify tokens cannot be read; those known stay in use");
            }
            Ok(()) if was_failing => {
                tracing::info!(source = %self.source, "the keys that verify tokens can be read again");
            }
            _ => {}
        }
    }

    /// Whether there are no keys yet and the process started recently.
    fn may_still_come(&self) -> bool {
        self.made.elapsed() < PATIENCE && self.current().generation == 0
    }

    fn replace(&self, text: String) -> Result<(), String> {
        let current = self.current();
        if text == current.text {
            return Ok(());
        }
        let next = KeySet {
            generation: current.generation + 1,
            keys: keys::read(&text)?,
            text,
        };
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(())
    }
}

/// Refreshes the keys.
#[async_trait]
impl Part for TrustedKeys {
    fn name(&self) -> String {
        "the keys that verify tokens".to_owned()
    }

    async fn run(&self, stop: Stop) {
        let fresh = every(self.source.refresh_every(), || self.refresh(Duration::ZERO));
        stop.closing.run_until_cancelled(fresh).await;
    }
}

#[cfg(test)]
mod tests;
