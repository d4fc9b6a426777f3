//! Single flight: concurrent reads of one key share one read.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

/// The reads in progress, by key.
pub(super) struct Flights<T>(Mutex<HashMap<String, InWork<T>>>);

struct InWork<T> {
    cell: Arc<OnceCell<T>>,
    /// The number of callers that wait for it, including the one that reads.
    waiting: usize,
}

/// One caller's handle on a read.
pub(super) struct Flight<'a, T> {
    flights: &'a Flights<T>,
    key: String,
    cell: Arc<OnceCell<T>>,
}

impl<T> Default for Flights<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T> Flights<T> {
    /// Joins the read of this key. It begins a new one if none is in progress.
    pub fn join(&self, key: String) -> Flight<'_, T> {
        let mut flights = self.lock();
        let in_work = flights.entry(key.clone()).or_insert_with(|| InWork {
            cell: Arc::default(),
            waiting: 0,
        });
        in_work.waiting += 1;
        Flight {
            flights: self,
            key,
            cell: in_work.cell.clone(),
        }
    }

    /// Makes the next caller begin a new read. Runs `also` before any other caller can join.
    pub fn forget(&self, key: &str, also: impl FnOnce()) {
        let mut flights = self.lock();
        flights.remove(key);
        also();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, InWork<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Flight<'_, T> {
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The result of the read. Runs `read` if no other caller's read is running, or if that one is cancelled.
    pub async fn landed(&self, read: impl Future<Output = T>) -> T {
        self.cell.get_or_init(|| read).await.clone()
    }

    /// Runs `then` with the key, unless the read has been forgotten. The read cannot be forgotten while `then` runs.
    pub fn if_current(&self, then: impl FnOnce(&str)) {
        let flights = self.flights.lock();
        let current = flights.get(&self.key);
        if current.is_some_and(|in_work| Arc::ptr_eq(&in_work.cell, &self.cell)) {
            then(&self.key);
        }
    }
}

impl<T> Drop for Flight<'_, T> {
    /// Removes the read when it has finished, or when no caller is left to finish it.
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let Some(in_work) = flights.get_mut(&self.key) else {
            return;
        };
        if !Arc::ptr_eq(&in_work.cell, &self.cell) {
            return;
        }
        in_work.waiting -= 1;
        if in_work.waiting == 0 || self.cell.initialized() {
            flights.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nothing_is_left_of_reads_that_landed_or_were_cut_off() {
        let flights = Flights::default();
        let flight = flights.join("landed".to_owned());
        assert_eq!(flight.landed(async { 1 }).await, 1);
        drop(flight);
        let (one, other) = (
            flights.join("cut".to_owned()),
            flights.join("cut".to_owned()),
        );
        drop(one);
        assert_eq!(flights.lock().len(), 1);
        drop(other);
        assert_eq!(flights.lock().len(), 0);
    }

    #[tokio::test]
    async fn a_read_that_was_forgotten_is_not_joined_and_does_not_end_the_next() {
        let flights = Flights::default();
        let forgotten = flights.join("key".to_owned());
        flights.forget("key", || {});
        let next = flights.join("key".to_owned());
        assert_eq!(forgotten.landed(async { 1 }).await, 1);
        forgotten.if_current(|_| panic!("it was forgotten"));
        drop(forgotten);
        assert_eq!(next.landed(async { 2 }).await, 2);
        let mut is_current = false;
        next.if_current(|_| is_current = true);
        assert!(is_current);
    }
}
