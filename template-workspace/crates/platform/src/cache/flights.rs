//! Reads that others wait for instead of reading themselves.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::OnceCell;

/// The reads in work, by key.
pub(super) struct Flights<T>(Mutex<HashMap<String, Arc<OnceCell<T>>>>);

/// One read, as one of those who wait for it sees it.
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
    /// The read of this key, which begins now unless it is in work.
    pub fn join(&self, key: String) -> Flight<'_, T> {
        let cell = self.lock().entry(key.clone()).or_default().clone();
        Flight {
            flights: self,
            key,
            cell,
        }
    }

    /// Lets the next who joins begin a new read, and does something else before anybody can.
    pub fn forget(&self, key: &str, also: impl FnOnce()) {
        let mut flights = self.lock();
        flights.remove(key);
        also();
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Arc<OnceCell<T>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Clone> Flight<'_, T> {
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What the read found. `read` is run unless somebody else's is; if that one is cut off, it is run then.
    pub async fn landed(&self, read: impl Future<Output = T>) -> T {
        self.cell.get_or_init(|| read).await.clone()
    }

    /// Does something with the key, unless the read has been forgotten; nobody can forget it meanwhile.
    pub fn if_current(&self, then: impl FnOnce(&str)) {
        let flights = self.flights.lock();
        if is_current(&flights, &self.key, &self.cell) {
            then(&self.key);
        }
    }
}

impl<T> Drop for Flight<'_, T> {
    /// Ends the read when it has landed, or when nobody is left who would make it.
    fn drop(&mut self) {
        let mut flights = self.flights.lock();
        let is_last = Arc::strong_count(&self.cell) == 2;
        if (self.cell.initialized() || is_last) && is_current(&flights, &self.key, &self.cell) {
            flights.remove(&self.key);
        }
    }
}

fn is_current<T>(
    flights: &HashMap<String, Arc<OnceCell<T>>>,
    key: &str,
    cell: &Arc<OnceCell<T>>,
) -> bool {
    flights
        .get(key)
        .is_some_and(|current| Arc::ptr_eq(current, cell))
}
