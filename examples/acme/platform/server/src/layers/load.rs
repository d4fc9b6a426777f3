//! Load shedding: above a limit of concurrent requests, more are refused at once, so that those in work can finish.

use std::sync::atomic::{AtomicUsize, Ordering};

use platform_base::status;
use tonic::{Code, Status};

pub(super) struct Load {
    in_work: AtomicUsize,
    limit: usize,
}

/// The place of a request in work. Dropping it frees the place.
pub(super) struct Place<'a>(&'a Load);

impl Load {
    pub fn new(limit: usize) -> Self {
        Self {
            in_work: AtomicUsize::new(0),
            limit,
        }
    }

    /// A place, or None if all are taken.
    pub fn enter(&self) -> Option<Place<'_>> {
        let place = Place(self);
        (self.in_work.fetch_add(1, Ordering::Relaxed) < self.limit).then_some(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.in_work.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(super) fn refusal() -> Status {
    status(
        Code::Unavailable,
        "OVERLOADED",
        "the service has too many requests in work: try again later",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_too_many_is_refused_until_another_is_done() {
        let load = Load::new(1);
        let first = load.enter();
        assert!(first.is_some());
        assert!(load.enter().is_none());
        drop(first);
        assert!(load.enter().is_some());
    }
}
