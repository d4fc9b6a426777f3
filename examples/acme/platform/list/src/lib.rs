//! Lists: which rows, in which order, in pages.
//!
//! - [`page::ListQuery`] is a client's request; begin there. It makes a [`page::Page`] from the rows that were found.
//! - [`filter`] parses filters on the fields that a list declares.
//! - [`Invalid`] is an error in the request.
//!
//! The crate promises that a query contains only fields that the list declares, and that a page token is valid only for
//! the query that it was issued for. The crate does not depend on a database: `platform-database` turns a query into
//! SQL, and [`page::ListQuery::select`] runs it on rows in memory.

pub mod filter;
mod invalid;
pub mod page;

pub use self::invalid::Invalid;
