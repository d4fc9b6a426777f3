//! Limits log lines that would repeat many times a second.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

/// Allows one log line in each interval, and counts the suppressed ones.
pub struct LogOnce {
    interval: Duration,
    made: Instant,
    /// Milliseconds after `made`.
    due: AtomicU64,
    held_back: AtomicU64,
}

impl LogOnce {
    /// One line a minute.
    pub fn a_minute() -> Self {
        Self::new(Duration::from_secs(60))
    }

    /// One line in each interval.
    pub fn new(interval: Duration) -> Self {
        Self {
            interval,
            made: Instant::now(),
            due: AtomicU64::new(0),
            held_back: AtomicU64::new(0),
        }
    }

    /// `Some` when a line should be logged now, with the number of lines suppressed since the last one.
    pub fn due(&self) -> Option<u64> {
        let now = self.made.elapsed().as_millis() as u64;
        let due = self.due.load(Ordering::Relaxed);
        let next = now + self.interval.as_millis() as u64;
        let first = now >= due
            && self
                .due
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if first {
            return Some(self.held_back.swap(0, Ordering::Relaxed));
        }
        self.held_back.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_line_goes_through_and_the_others_are_counted() {
        let log = LogOnce::new(Duration::from_millis(50));
        assert_eq!(log.due(), Some(0));
        assert_eq!(log.due(), None);
        assert_eq!(log.due(), None);
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(log.due(), Some(2));
    }
}
