//! SQL types that both backends know, for `diesel::table!`, and the Rust types of their values.
//!
//! | SQL type | value | PostgreSQL | SQLite |
//! |---|---|---|---|
//! | [`Uuid`] | `uuid::Uuid` | `UUID` | `BLOB` of 16 bytes |
//! | [`Instant`] | `chrono::DateTime<Utc>` | `TIMESTAMPTZ` | `TEXT`, RFC 3339 of a fixed width, so that it sorts as it should |
//! | [`FixedPoint`] | `rust_decimal::Decimal` | `NUMERIC(18,6)` | `INTEGER`, a million times the value, so that it compares as a number |
//! | [`Json`] | `serde_json::Map` | `JSONB` | `TEXT` |
//!
//! Their names are none that `diesel::table!` gives arithmetic to.

use diesel::{query_builder::QueryId, sql_types::SqlType};

#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 2950, array_oid = 2951),
    sqlite_type(name = "Binary")
)]
pub struct Uuid;

#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 1184, array_oid = 1185),
    sqlite_type(name = "Text")
)]
pub struct Instant;

#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 1700, array_oid = 1231),
    sqlite_type(name = "Long")
)]
pub struct FixedPoint;

#[derive(Debug, Clone, Copy, Default, SqlType, QueryId)]
#[diesel(
    postgres_type(oid = 3802, array_oid = 3807),
    sqlite_type(name = "Text")
)]
pub struct Json;
