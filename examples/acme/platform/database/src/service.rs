//! The database of a service as a part of its process.

use std::time::Duration;

use platform_base::{Fault, LogOnce, Part, Phase, StartError, async_trait, backoff::Backoff};
use tokio::time::Instant;

use crate::{
    error::Error,
    migrations::{MigrationState, Migrations},
    pool::Database,
};

/// How long a start waits for a database that does not answer: everything in a cluster may still be starting.
const PATIENCE: Duration = Duration::from_secs(30);
const PAUSES: Backoff = Backoff {
    first: Duration::from_millis(200),
    longest: Duration::from_secs(5),
};

/// A service's database with its migrations. While it does not answer, the process is not ready.
pub struct ServiceDatabase {
    service: &'static str,
    database: Database,
    migrations: &'static Migrations,
    migrate_at_start: bool,
    complaints: LogOnce,
}

impl ServiceDatabase {
    /// The database of this service.
    pub fn new(
        service: &'static str,
        database: Database,
        migrations: &'static Migrations,
        migrate_at_start: bool,
    ) -> Self {
        Self {
            service,
            database,
            migrations,
            migrate_at_start,
            complaints: LogOnce::a_minute(),
        }
    }

    /// The service whose database it is.
    pub fn service(&self) -> &'static str {
        self.service
    }

    /// Applies the migrations; waits for a database that does not answer yet.
    ///
    /// # Errors
    /// When a migration fails, when the database refuses us for good, or when it did not answer for 30 seconds.
    pub async fn migrate(&self) -> Result<(), StartError> {
        let ends = Instant::now() + PATIENCE;
        let mut failures = 0;
        loop {
            failures += 1;
            let pause = PAUSES.wait(failures);
            match self.database.migrate(self.migrations).await {
                Err(Error::Unavailable(cause) | Error::Busy(cause))
                    if Instant::now() + pause < ends =>
                {
                    tracing::warn!(service = self.service, cause, "waiting for the database");
                    tokio::time::sleep(pause).await;
                }
                migrated => return migrated.map_err(StartError::new),
            }
        }
    }

    /// Every migration, and whether the database has it.
    ///
    /// # Errors
    /// When the database does not answer.
    pub async fn migration_states(&self) -> Result<Vec<MigrationState>, StartError> {
        let states = self.database.migration_states(self.migrations).await;
        states.map_err(StartError::new)
    }

    /// Undoes the migration that was applied last, and says which it was; `None` when there is none.
    ///
    /// # Errors
    /// When the database does not answer, or refuses.
    pub async fn revert_migration(&self) -> Result<Option<String>, StartError> {
        let reverted = self.database.revert_migration(self.migrations).await;
        reverted.map_err(StartError::new)
    }
}

#[async_trait]
impl Part for ServiceDatabase {
    fn name(&self) -> String {
        format!("the database of {}", self.service)
    }

    fn phase(&self) -> Phase {
        Phase::Storage
    }

    /// Migrates where that is wanted at each start; elsewhere says what is missing.
    async fn start(&self) -> Result<(), StartError> {
        if self.migrate_at_start {
            return self.migrate().await;
        }
        match self.database.pending(self.migrations).await {
            Ok(0) => {}
            Ok(pending) => tracing::warn!(
                service = self.service,
                pending,
                "the database lacks migrations: run the command `migrate`"
            ),
            Err(error) if error.is_final() => return Err(StartError::new(error)),
            // It may still be starting; until it answers, the process is not ready.
            Err(_) => {}
        }
        Ok(())
    }

    async fn ready(&self) -> Result<(), String> {
        self.database.check().await.map_err(|error| {
            let fault = error.fault();
            let reason = fault.reason();
            if let Some(more) = self.complaints.due() {
                tracing::warn!(service = self.service, reason, cause = %error, more, "not ready: the database cannot do its work");
            }
            let why = match fault {
                Fault::StorageFull => "has no room left",
                Fault::StorageReadOnly => "only reads",
                _ => "does not answer",
            };
            format!("the database of {} {why}", self.service)
        })
    }

    fn measure(&self) {
        self.database.measure();
    }
}
