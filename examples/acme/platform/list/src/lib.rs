//! Lists: which rows, in which order, in pages.
//!
//! - [`page::ListQuery`] is what a client asks for; begin there. It makes a [`page::Page`] of the rows that were found.
//! - [`filter`] reads filters, on the fields that a list declares.
//! - [`Invalid`] says what is wrong with what was asked.
//!
//! The crate promises that a query holds only fields that the list declares, and that a page token serves only the query
//! that it was given out for. It knows no database: `platform-database` turns a query into SQL, and
//! [`page::ListQuery::select`] does the same to rows in memory.

pub mod filter;
mod invalid;
pub mod page;

pub use self::invalid::Invalid;
