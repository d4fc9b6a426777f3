//! The faults of a database while it serves: counted, and remembered as long as it cannot write.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use metrics::{Counter, counter};
use platform_base::Fault;

/// What is counted: every fault but `INTERNAL`, which a duplicate is here as well.
const COUNTED: [Fault; 8] = [
    Fault::DatabaseUnavailable,
    Fault::DatabaseBusy,
    Fault::StorageFull,
    Fault::StorageReadOnly,
    Fault::StorageCorrupt,
    Fault::StatementTimeout,
    Fault::Contention,
    Fault::OutcomeUnknown,
];

/// The metric `db_faults_total`, whose handles are looked up once, and whether the database can write.
pub(super) struct Faults {
    service: &'static str,
    counters: [OnceLock<Counter>; COUNTED.len()],
    /// Why the last write that was refused for lack of storage was refused.
    unwritable: Mutex<Option<Fault>>,
}

impl Faults {
    /// Nothing has failed yet.
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            counters: [const { OnceLock::new() }; COUNTED.len()],
            unwritable: Mutex::default(),
        }
    }

    /// Counts a fault.
    pub fn record(&self, fault: Fault) {
        if let Some(slot) = COUNTED.iter().position(|counted| *counted == fault) {
            let new = || counter!("db_faults_total", "service" => self.service, "fault" => fault.reason());
            self.counters[slot].get_or_init(new).increment(1);
        }
        if matches!(fault, Fault::StorageFull | Fault::StorageReadOnly) {
            *self.unwritable() = Some(fault);
        }
    }

    /// Why the database cannot write, if it could not at the last write.
    pub fn unwritable(&self) -> MutexGuard<'_, Option<Fault>> {
        self.unwritable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}
