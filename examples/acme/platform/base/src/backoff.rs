//! How long to wait before the next attempt: exponential back-off with full jitter, as in *Exponential Backoff And
//! Jitter* (AWS Architecture Blog, 2015). Each wait is random between zero and a bound that doubles. So clients that
//! failed together do not retry together.

use std::time::Duration;

/// The waits between attempts.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// The bound of the first wait.
    pub first: Duration,
    /// The largest bound.
    pub longest: Duration,
}

impl Backoff {
    /// The bound of the wait after this many failures (at least 1).
    pub fn bound(&self, failures: u32) -> Duration {
        let doublings = failures.saturating_sub(1).min(31);
        self.first.saturating_mul(1 << doublings).min(self.longest)
    }

    /// A random wait after this many failures.
    pub fn wait(&self, failures: u32) -> Duration {
        self.bound(failures).mul_f64(rand::random())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bound_doubles_up_to_the_longest() {
        let backoff = Backoff {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(1),
        };
        let bounds = [1, 2, 3, 4, 5, u32::MAX].map(|failures| backoff.bound(failures).as_millis());
        assert_eq!(bounds, [100, 200, 400, 800, 1000, 1000]);
        for failures in 1..100 {
            assert!(backoff.wait(failures) <= backoff.bound(failures));
        }
    }
}
