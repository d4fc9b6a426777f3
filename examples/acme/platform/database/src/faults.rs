//! The faults of a database while it serves: counted, and remembered as long as it cannot write.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use deadpool::managed::Object;
use diesel_async::SimpleAsyncConnection;
use metrics::{Counter, counter};
use platform_base::Fault;

use crate::{
    error::Error,
    pool::{Backend, Database},
};

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
    pub fn new(service: &'static str) -> Self {
        Self {
            service,
            counters: [const { OnceLock::new() }; COUNTED.len()],
            unwritable: Mutex::default(),
        }
    }

    fn record(&self, fault: Fault) {
        if let Some(slot) = COUNTED.iter().position(|counted| *counted == fault) {
            let new = || counter!("db_faults_total", "service" => self.service, "fault" => fault.reason());
            self.counters[slot].get_or_init(new).increment(1);
        }
        if matches!(fault, Fault::StorageFull | Fault::StorageReadOnly) {
            *self.unwritable() = Some(fault);
        }
    }

    fn unwritable(&self) -> MutexGuard<'_, Option<Fault>> {
        self.unwritable
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// A write that leaves nothing behind. It needs some pages, as a full disk may still have room for a few bytes.
const WRITE_SQLITE: &str = "BEGIN IMMEDIATE; CREATE TABLE __write_probe (bytes BLOB NOT NULL); \
                            INSERT INTO __write_probe VALUES (zeroblob(65536)); DROP TABLE __write_probe; COMMIT";
/// A temporary table, because a service may have no right to make any other.
const WRITE_POSTGRES: &str = "BEGIN; CREATE TEMPORARY TABLE __write_probe (number INT8 NOT NULL) ON COMMIT DROP; \
                              INSERT INTO __write_probe SELECT generate_series(1, 5000); COMMIT";

impl Database {
    /// The error of a request, after it was counted.
    #[doc(hidden)]
    pub fn failed(&self, error: Error) -> platform_base::Error {
        let error = platform_base::Error::from(error);
        self.faults.record(error.fault());
        error
    }

    /// Whether the database can do its work: it answers and, if it could not write before, it can again.
    pub async fn check(&self) -> Result<(), platform_base::Error> {
        let unwritable = *self.faults.unwritable();
        if unwritable.is_none() {
            return self.ping().await;
        }
        match self.write().await {
            Err(error @ (Error::Full(_) | Error::ReadOnly(_))) => Err(error.into()),
            // No right to make a table, say: then only a request can find out.
            Ok(()) | Err(_) => {
                *self.faults.unwritable() = None;
                self.ping().await
            }
        }
    }

    async fn write(&self) -> Result<(), Error> {
        // A connection for this alone: one that stopped in between, or that can only read, is of no use to others.
        match self.backend() {
            Backend::Postgres(pool) => {
                let mut connection = Object::take(pool.get().await?);
                connection.batch_execute(WRITE_POSTGRES).await?;
            }
            Backend::Sqlite(pool) => {
                let mut connection = Object::take(pool.get().await?);
                connection.batch_execute(WRITE_SQLITE).await?;
            }
        }
        Ok(())
    }
}
