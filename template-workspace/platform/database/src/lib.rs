//! One database per service, SQLite or PostgreSQL, chosen by `database.url` when the service starts.
//!
//! - [`Database`] is the pool of connections; begin there. [`Config`] says which database it is.
//! - [`with_conn!`] runs queries, [`transaction!`] runs them in one transaction and repeats it when the database asks for
//!   that. The schema (`diesel::table!`), the models and the queries are written once and checked against both backends.
//! - Columns that the two store differently have SQL types in [`types`]. Their values are plain Rust types, wrapped in
//!   [`Sql`] to be written or compared.
//! - [`migrations!`] embeds the migrations of a service, [`ServiceDatabase`] applies them.
//! - [`listing`] turns a query of `platform-list` into SQL.
//!
//! The crate promises that a transaction takes effect once or not at all, and that an error never shows a caller what the
//! database said.

mod check;
mod config;
mod error;
mod faults;
mod listing;
mod migrations;
mod ping;
mod pool;
mod pooler;
mod postgres;
mod service;
mod transaction;
pub mod types;
mod values;

#[doc(hidden)]
pub use self::pool::Loan;
#[doc(hidden)]
pub use self::transaction::{Attempts, Failure, Outcomes, Transactional, end};
pub use self::{
    config::{Config, DatabaseUrl},
    error::{Error, unique_violation},
    listing::{Column, Condition, Order, listing},
    migrations::{MigrationState, Migrations},
    pool::{Backend, Database, Postgres, Sqlite},
    pooler::Pooler,
    service::ServiceDatabase,
    transaction::Rollback,
    values::Sql,
};

#[doc(hidden)]
pub mod __private {
    pub use diesel_migrations;
}

/// Runs a query on a connection of whichever backend the database is on; diesel checks it against both.
///
/// The body is an expression of type `Result<T, diesel::result::Error>` and may use `?` on such errors; the whole is a
/// `Result<T, platform::Error>`. Behind a pooler (`database.pooler`) it is one transaction.
///
/// ```ignore
/// with_conn!(self.database, |conn| users::table.find(Sql(id)).select(Row::as_select()).first(conn).await.optional())
/// ```
#[macro_export]
macro_rules! with_conn {
    ($database:expr, |$conn:ident| $body:expr) => {{
        let database: &$crate::Database = &$database;
        match database.backend() {
            $crate::Backend::Postgres(pool) => $crate::__with_conn!(database, pool, $conn, $body),
            $crate::Backend::Sqlite(pool) => $crate::__with_conn!(database, pool, $conn, $body),
        }
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __with_conn {
    ($database:ident, $pool:ident, $conn:ident, $body:expr) => {
        match $pool.get().await {
            Ok(connection) => {
                let mut loan = $crate::Loan::of(connection);
                let pooled = $database.pooled();
                let result = match $crate::Transactional::open(loan.connection(), pooled).await {
                    Ok(()) => {
                        let $conn = loan.connection();
                        let result: ::std::result::Result<_, ::diesel::result::Error> =
                            async { $body }.await;
                        let connection = loan.connection();
                        let closed =
                            $crate::Transactional::close(connection, pooled, result.is_ok()).await;
                        result.and_then(|value| closed.map(|()| value))
                    }
                    Err(error) => Err(error),
                };
                loan.end(result.as_ref().err());
                result.map_err(|error| $database.failed(error.into()))
            }
            Err(error) => Err($database.failed(error.into())),
        }
    };
}
