//! Migrations, embedded in the binary and applied without any tool of a database.
//!
//! A migration is one statement that may be repeated (`IF NOT EXISTS`), and runs outside of a transaction, as
//! CockroachDB wants it: a process that dies between a statement and the record of it is followed by one that repeats
//! the statement. Behind a pooler, all but the statements themselves runs in transactions, as everywhere there; a statement
//! then has the timeout of the server. Of many processes that start at once, one migrates and the others wait for it: see [`lease`].

mod lease;

use std::time::Duration;

use diesel::{
    QueryableByName,
    backend::Backend as DieselBackend,
    connection::{BoxableConnection, SimpleConnection},
    migration::{Migration, MigrationMetadata, MigrationName, MigrationSource},
    sql_types::Text,
};
use diesel_async::{
    AsyncConnection, RunQueryDsl, async_connection_wrapper::AsyncConnectionWrapper,
};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use crate::{
    error::{self, Error},
    pool::{Backend, Database, Postgres},
    transaction::Transactional,
};

/// The migrations of a service, for both backends. See [`crate::migrations!`].
pub struct Migrations {
    postgres: EmbeddedMigrations,
    sqlite: EmbeddedMigrations,
}

/// A migration, and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationState {
    /// The name of its folder.
    pub name: String,
    pub applied: bool,
}

impl Migrations {
    #[doc(hidden)]
    pub const fn new(postgres: EmbeddedMigrations, sqlite: EmbeddedMigrations) -> Self {
        Self { postgres, sqlite }
    }
}

/// Embeds the folders `migrations/postgres` and `migrations/sqlite` of the package.
///
/// Cargo notices a new folder in them only when the package's `build.rs` says `cargo::rerun-if-changed=migrations`.
#[macro_export]
macro_rules! migrations {
    () => {{
        use $crate::__private::diesel_migrations;
        $crate::Migrations::new(
            diesel_migrations::embed_migrations!("migrations/postgres"),
            diesel_migrations::embed_migrations!("migrations/sqlite"),
        )
    }};
}

impl Database {
    /// Applies the migrations that have not been applied yet, in their order. Another process that is about to do the
    /// same is waited for.
    pub async fn migrate(&self, migrations: &'static Migrations) -> Result<(), Error> {
        // Where even this fails, another process may be about to make the table that it reads.
        if matches!(self.pending(migrations).await, Ok(0)) {
            return Ok(());
        }
        let lease = lease::acquire(self).await?;
        let applied = match self.backend() {
            Backend::Postgres(pool) => {
                let mut connection = pool.get().await?;
                match check_indexes(&mut connection, self.pooled()).await {
                    Ok(()) => apply(self.plain(&migrations.postgres), connection).await,
                    Err(error) => Err(error),
                }
            }
            Backend::Sqlite(pool) => apply(self.plain(&migrations.sqlite), pool.get().await?).await,
        };
        lease.release().await;
        let applied = applied?;
        if !applied.is_empty() {
            tracing::info!(versions = applied.join(", "), "migrated the database");
        }
        Ok(())
    }

    /// How many migrations have not been applied yet.
    pub async fn pending(&self, migrations: &'static Migrations) -> Result<usize, Error> {
        let states = self.migration_states(migrations).await?;
        Ok(states.iter().filter(|state| !state.applied).count())
    }

    /// Every migration in its order.
    pub async fn migration_states(
        &self,
        migrations: &'static Migrations,
    ) -> Result<Vec<MigrationState>, Error> {
        match self.backend() {
            Backend::Postgres(pool) => {
                states(self.plain(&migrations.postgres), pool.get().await?).await
            }
            Backend::Sqlite(pool) => {
                states(self.plain(&migrations.sqlite), pool.get().await?).await
            }
        }
    }

    /// Undoes the migration that was applied last, and says which it was; `None` when there is none.
    pub async fn revert_migration(
        &self,
        migrations: &'static Migrations,
    ) -> Result<Option<String>, Error> {
        let lease = lease::acquire(self).await?;
        let reverted = match self.backend() {
            Backend::Postgres(pool) => {
                revert(self.plain(&migrations.postgres), pool.get().await?).await
            }
            Backend::Sqlite(pool) => {
                revert(self.plain(&migrations.sqlite), pool.get().await?).await
            }
        };
        lease.release().await;
        reverted
    }

    fn plain(&self, migrations: &'static EmbeddedMigrations) -> Plain {
        Plain {
            migrations,
            is_pooled: self.pooled().is_some(),
        }
    }
}

/// Refuses to go on beside an index that `CREATE INDEX CONCURRENTLY` did not finish: run again, the statement would find
/// it there (`IF NOT EXISTS`), and no query would ever use it.
async fn check_indexes(connection: &mut Postgres, pooled: Option<Duration>) -> Result<(), Error> {
    const INVALID: &str = "SELECT indexrelid::REGCLASS::TEXT AS name FROM pg_catalog.pg_index \
        WHERE NOT indisvalid AND pg_table_is_visible(indexrelid)";
    connection.open(pooled).await?;
    let invalid: Result<Vec<InvalidIndex>, _> = diesel::sql_query(INVALID).load(connection).await;
    connection.close(pooled, invalid.is_ok()).await?;
    match &invalid?[..] {
        [] => Ok(()),
        [InvalidIndex { name }, ..] => Err(Error::Setup(format!(
            "the index {name} is not finished: if nobody is making it, `DROP INDEX {name}`, and migrate again"
        ))),
    }
}

#[derive(QueryableByName)]
struct InvalidIndex {
    #[diesel(sql_type = Text)]
    name: String,
}

async fn apply<C>(migrations: Plain, connection: C) -> Result<Vec<String>, Error>
where
    C: AsyncConnection + 'static,
    AsyncConnectionWrapper<C>: MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
    C::Backend: 'static,
{
    let apply = move |harness: &mut AsyncConnectionWrapper<C>| {
        let versions = harness.run_pending_migrations(migrations)?;
        Ok(versions.iter().map(ToString::to_string).collect())
    };
    with_harness(connection, migrations.is_pooled, apply).await
}

async fn states<C>(migrations: Plain, connection: C) -> Result<Vec<MigrationState>, Error>
where
    C: AsyncConnection + 'static,
    AsyncConnectionWrapper<C>: MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
    C::Backend: 'static,
{
    let states = move |harness: &mut AsyncConnectionWrapper<C>| {
        let pending = harness.pending_migrations(migrations)?;
        let pending: Vec<_> = pending
            .iter()
            .map(|migration| migration.name().to_string())
            .collect();
        let mut all: Vec<_> = MigrationSource::<C::Backend>::migrations(migrations.migrations)?;
        all.sort_by_key(|migration| migration.name().version().as_owned());
        let state = |migration: Box<dyn Migration<C::Backend>>| {
            let name = migration.name().to_string();
            MigrationState {
                applied: !pending.contains(&name),
                name,
            }
        };
        Ok(all.into_iter().map(state).collect())
    };
    with_harness(connection, migrations.is_pooled, states).await
}

async fn revert<C>(migrations: Plain, connection: C) -> Result<Option<String>, Error>
where
    C: AsyncConnection + 'static,
    AsyncConnectionWrapper<C>: MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
    C::Backend: 'static,
{
    let revert = move |harness: &mut AsyncConnectionWrapper<C>| {
        if harness.applied_migrations()?.is_empty() {
            return Ok(None);
        }
        let version = harness.revert_last_migration(migrations)?;
        Ok(Some(version.to_string()))
    };
    with_harness(connection, migrations.is_pooled, revert).await
}

/// diesel's harness is a blocking one, so it gets a thread of its own.
async fn with_harness<C, T: Send + 'static>(
    connection: C,
    is_pooled: bool,
    work: impl FnOnce(&mut AsyncConnectionWrapper<C>) -> diesel::migration::Result<T> + Send + 'static,
) -> Result<T, Error>
where
    C: AsyncConnection + 'static,
{
    let done = tokio::task::spawn_blocking(move || {
        let mut harness = AsyncConnectionWrapper::from(connection);
        if !is_pooled {
            return work(&mut harness);
        }
        harness.batch_execute("BEGIN")?;
        let done = work(&mut harness);
        let end = if done.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = harness.batch_execute(end);
        done.and_then(|done| Ok(ended.map(|()| done)?))
    });
    done.await
        .map_err(|error| Error::Setup(error.to_string()))?
        .map_err(|error| {
            let of_storage = error.downcast_ref().and_then(error::of_storage);
            of_storage.unwrap_or(Error::Migration(error))
        })
}

/// Embedded migrations, each to be run outside of a transaction.
#[derive(Clone, Copy)]
struct Plain {
    migrations: &'static EmbeddedMigrations,
    is_pooled: bool,
}

impl<B: DieselBackend + 'static> MigrationSource<B> for Plain {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<B>>>> {
        let migrations: Vec<Box<dyn Migration<B>>> = self.migrations.migrations()?;
        let plain = |migration| {
            Box::new(PlainMigration {
                migration,
                is_pooled: self.is_pooled,
            }) as Box<dyn Migration<B>>
        };
        Ok(migrations.into_iter().map(plain).collect())
    }
}

struct PlainMigration<B> {
    migration: Box<dyn Migration<B>>,
    is_pooled: bool,
}

impl<B: DieselBackend> PlainMigration<B> {
    /// Leaves the transaction in which the harness works behind a pooler, for as long as the statement takes.
    fn outside(
        &self,
        connection: &mut dyn BoxableConnection<B>,
        statement: impl FnOnce(&mut dyn BoxableConnection<B>) -> diesel::migration::Result<()>,
    ) -> diesel::migration::Result<()> {
        if !self.is_pooled {
            return statement(connection);
        }
        connection.batch_execute("COMMIT")?;
        statement(connection)?;
        connection.batch_execute("BEGIN")?;
        Ok(())
    }
}

impl<B: DieselBackend> Migration<B> for PlainMigration<B> {
    fn run(&self, connection: &mut dyn BoxableConnection<B>) -> diesel::migration::Result<()> {
        self.outside(connection, |connection| self.migration.run(connection))
    }

    fn revert(&self, connection: &mut dyn BoxableConnection<B>) -> diesel::migration::Result<()> {
        self.outside(connection, |connection| self.migration.revert(connection))
    }

    fn metadata(&self) -> &dyn MigrationMetadata {
        &OutsideOfATransaction
    }

    fn name(&self) -> &dyn MigrationName {
        self.migration.name()
    }
}

struct OutsideOfATransaction;

impl MigrationMetadata for OutsideOfATransaction {
    fn run_in_transaction(&self) -> bool {
        false
    }
}
