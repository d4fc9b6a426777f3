//! The keys that are trusted now: read from their source again and again, and kept while it is away.

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

/// For so long after the start, keys that are not there yet are no cause for a warning.
const PATIENCE: Duration = Duration::from_secs(30);

/// Without any keys, the source is asked more often.
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The keys that verify tokens, from one source.
pub struct TrustedKeys {
    source: Source,
    made: Instant,
    current: RwLock<Arc<KeySet>>,
    /// The last answer of the source was none.
    failing: AtomicBool,
    /// When the source was asked last. Held while it is being asked: whoever needs the answer waits for the same one.
    asked: tokio::sync::Mutex<Option<Instant>>,
}

/// The keys of one moment.
#[derive(Default)]
pub(super) struct KeySet {
    /// Another number is another set: what was verified with the one proves nothing under the other.
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
    /// The keys of the configuration or, in the process of the issuer, its own.
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

    /// Whether a key may exist that is not among the current ones.
    pub(super) fn may_lack_keys(&self) -> bool {
        self.failing.load(Ordering::Relaxed) || self.current().keys.is_empty()
    }

    /// As [`TrustedKeys::current`]. When no key has this `kid`, the source is asked before, unless it was a short while
    /// ago.
    pub(super) async fn with(self: &Arc<Self>, kid: Option<&str>) -> Arc<KeySet> {
        let current = self.current();
        if current.of(kid).next().is_some() {
            return current;
        }
        let pause = match current.keys.is_empty() {
            true => self.source.pause().min(FIRST_PAUSE),
            false => self.source.pause(),
        };
        // On a task of its own: a request that ends must not end the question, or the next would ask it again.
        let keys = self.clone();
        let asking = tokio::spawn(async move { keys.refresh(pause).await });
        if let Err(error) = asking.await {
            tracing::error!(%error, "the keys that verify tokens could not be read");
        }
        self.current()
    }

    /// Asks the source, unless that was done less than `pause` ago.
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
            // Whoever makes them may start after this process.
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

    /// Whether the first keys are not there yet, and the process is young.
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

/// Keeps the keys fresh.
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
