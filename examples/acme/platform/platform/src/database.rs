//! One database per service, SQLite or PostgreSQL, chosen by `database.url` when the service starts.
//!
//! The schema (`diesel::table!`), the models and the queries are written once; [`with_conn!`] checks them against both
//! backends. Columns that the two store differently have SQL types in [`types`]; their values are plain Rust types, wrapped
//! in [`Sql`] to be written or compared.

mod error;
mod listing;
mod migrations;
mod pool;
mod postgres;
mod transaction;
pub mod types;
mod values;

#[doc(hidden)]
pub use self::pool::Loan;
#[doc(hidden)]
pub use self::transaction::{Attempts, Failure, Outcomes, Transactional, end};
pub use self::{
    error::Error,
    listing::{Column, Condition, Order, listing},
    migrations::{MigrationState, Migrations},
    pool::{Backend, Database, Postgres, Sqlite},
    transaction::Rollback,
    values::Sql,
};
pub use crate::{transaction, with_conn};

/// Runs a query on a connection of whichever backend the database is on; diesel checks it against both.
///
/// The body is an expression of type `Result<T, diesel::result::Error>` and may use `?` on such errors; the whole is a
/// `Result<T, platform::Error>`.
///
/// ```ignore
/// with_conn!(self.database, |conn| users::table.find(Sql(id)).select(Row::as_select()).first(conn).await.optional())
/// ```
#[macro_export]
macro_rules! with_conn {
    ($database:expr, |$conn:ident| $body:expr) => {
        match $database.backend() {
            $crate::database::Backend::Postgres(pool) => $crate::__with_conn!(pool, $conn, $body),
            $crate::database::Backend::Sqlite(pool) => $crate::__with_conn!(pool, $conn, $body),
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __with_conn {
    ($pool:ident, $conn:ident, $body:expr) => {
        match $pool.get().await {
            Ok(connection) => {
                let mut loan = $crate::database::Loan::of(connection);
                let $conn = loan.connection();
                let result: ::std::result::Result<_, ::diesel::result::Error> =
                    async { $body }.await;
                loan.end();
                result.map_err($crate::Error::from)
            }
            Err(error) => Err($crate::Error::from($crate::database::Error::from(error))),
        }
    };
}
