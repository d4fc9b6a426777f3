//! Migrations, embedded in the binary and applied without any tool of a database.

use diesel::migration::{Migration, MigrationSource};
use diesel_async::{AsyncConnection, async_connection_wrapper::AsyncConnectionWrapper};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness};

use super::Error;

/// The migrations of a service, for both backends. See [`crate::migrations!`].
pub struct Migrations {
    pub(super) postgres: EmbeddedMigrations,
    pub(super) sqlite: EmbeddedMigrations,
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
        $crate::database::Migrations::new(
            diesel_migrations::embed_migrations!("migrations/postgres"),
            diesel_migrations::embed_migrations!("migrations/sqlite"),
        )
    }};
}

/// Applies what is pending.
pub(super) async fn apply<C>(
    migrations: &'static EmbeddedMigrations,
    connection: C,
) -> Result<(), Error>
where
    C: AsyncConnection + 'static,
    AsyncConnectionWrapper<C>: MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
    C::Backend: 'static,
{
    let applied = with_harness(connection, |harness| {
        let versions = harness.run_pending_migrations(Borrowed(migrations))?;
        Ok(versions.iter().map(ToString::to_string).collect::<Vec<_>>())
    });
    let applied = applied.await?;
    if !applied.is_empty() {
        tracing::info!(versions = applied.join(", "), "migrated the database");
    }
    Ok(())
}

/// How many are pending.
pub(super) async fn pending<C>(
    migrations: &'static EmbeddedMigrations,
    connection: C,
) -> Result<usize, Error>
where
    C: AsyncConnection + 'static,
    AsyncConnectionWrapper<C>: MigrationHarness<C::Backend>,
    EmbeddedMigrations: MigrationSource<C::Backend>,
    C::Backend: 'static,
{
    with_harness(connection, |harness| {
        Ok(harness.pending_migrations(Borrowed(migrations))?.len())
    })
    .await
}

/// diesel's harness is a blocking one, so it gets a thread of its own.
async fn with_harness<C, T: Send + 'static>(
    connection: C,
    work: impl FnOnce(&mut AsyncConnectionWrapper<C>) -> diesel::migration::Result<T> + Send + 'static,
) -> Result<T, Error>
where
    C: AsyncConnection + 'static,
{
    let done =
        tokio::task::spawn_blocking(move || work(&mut AsyncConnectionWrapper::from(connection)));
    done.await
        .map_err(|error| Error::Setup(error.to_string()))?
        .map_err(Error::Migration)
}

/// The harness wants to own its migrations; ours live as long as the program.
struct Borrowed(&'static EmbeddedMigrations);

impl<B: diesel::backend::Backend> MigrationSource<B> for Borrowed {
    fn migrations(&self) -> diesel::migration::Result<Vec<Box<dyn Migration<B>>>> {
        self.0.migrations()
    }
}
