//! How the values of [`types`] are read and written.
//!
//! They are read as plain Rust types. To be written or compared, a value is wrapped in [`Sql`]: diesel's traits cannot be
//! taught to a type of another crate.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{
    deserialize::{self, FromSql, Queryable},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, IsNull, Output, ToSql},
    sql_types as sql,
    sqlite::{Sqlite, SqliteValue},
};
use rust_decimal::Decimal;
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::types;

/// A value that the two databases store differently: `users::id.eq(Sql(id))`.
#[derive(Debug, Clone, Copy, PartialEq, AsExpression)]
#[diesel(sql_type = types::Uuid)]
#[diesel(sql_type = types::Instant)]
#[diesel(sql_type = types::FixedPoint)]
#[diesel(sql_type = types::Json)]
pub struct Sql<T: std::fmt::Debug>(pub T);

impl<T: std::fmt::Debug> From<T> for Sql<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

/// A JSON object.
type Object = Map<String, Value>;

// UUID: 16 bytes on SQLite.

impl ToSql<types::Uuid, Pg> for Sql<Uuid> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql::Uuid, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl FromSql<types::Uuid, Pg> for Uuid {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<sql::Uuid, Pg>::from_sql(value)
    }
}

impl ToSql<types::Uuid, Sqlite> for Sql<Uuid> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<types::Uuid, Sqlite> for Uuid {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<sql::Binary, Sqlite>>::from_sql(value)?;
        Ok(Uuid::from_slice(&bytes)?)
    }
}

// Instants: text of a fixed width on SQLite, so that it sorts.

impl ToSql<types::Instant, Pg> for Sql<DateTime<Utc>> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        ToSql::<sql::Timestamptz, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl FromSql<types::Instant, Pg> for DateTime<Utc> {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<sql::Timestamptz, Pg>::from_sql(value)
    }
}

impl ToSql<types::Instant, Sqlite> for Sql<DateTime<Utc>> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_rfc3339_opts(SecondsFormat::Micros, true));
        Ok(IsNull::No)
    }
}

impl FromSql<types::Instant, Sqlite> for DateTime<Utc> {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql::Text, Sqlite>>::from_sql(value)?;
        Ok(DateTime::parse_from_rfc3339(&text)?.to_utc())
    }
}

// Decimals: at most 12 digits before and 6 after the point; more is refused, not rounded.

/// How SQLite stores a decimal.
fn millionths(decimal: Decimal) -> Result<i64, String> {
    const LIMIT: i64 = 1_000_000_000_000_000_000;
    let mut scaled = decimal;
    scaled.rescale(6);
    let millionths = i64::try_from(scaled.mantissa())
        .ok()
        .filter(|number| number.abs() < LIMIT);
    millionths
        .filter(|_| scaled.scale() == 6 && scaled == decimal)
        .ok_or_else(|| format!("{decimal} has more than 12 digits before or 6 after the point"))
}

impl ToSql<types::FixedPoint, Pg> for Sql<Decimal> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        millionths(self.0)?;
        ToSql::<sql::Numeric, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl FromSql<types::FixedPoint, Pg> for Decimal {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let decimal: Decimal = FromSql::<sql::Numeric, Pg>::from_sql(value)?;
        Ok(decimal.normalize())
    }
}

impl ToSql<types::FixedPoint, Sqlite> for Sql<Decimal> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(millionths(self.0)?);
        Ok(IsNull::No)
    }
}

impl FromSql<types::FixedPoint, Sqlite> for Decimal {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let millionths = <i64 as FromSql<sql::BigInt, Sqlite>>::from_sql(value)?;
        Ok(Decimal::new(millionths, 6).normalize())
    }
}

// JSON objects: text on SQLite.

impl ToSql<types::Json, Pg> for Sql<Object> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        use std::io::Write;
        // The version of the binary form of `jsonb`.
        out.write_all(&[1])?;
        serde_json::to_writer(out, &self.0)?;
        Ok(IsNull::No)
    }
}

impl FromSql<types::Json, Pg> for Object {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        object(FromSql::<sql::Jsonb, Pg>::from_sql(value)?)
    }
}

impl ToSql<types::Json, Sqlite> for Sql<Object> {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(serde_json::to_string(&self.0)?);
        Ok(IsNull::No)
    }
}

impl FromSql<types::Json, Sqlite> for Object {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql::Text, Sqlite>>::from_sql(value)?;
        Ok(serde_json::from_str(&text)?)
    }
}

/// diesel does this for its own types and those it knows.
impl<B> Queryable<types::Json, B> for Object
where
    B: diesel::backend::Backend,
    Object: FromSql<types::Json, B>,
{
    type Row = Self;

    fn build(row: Self) -> deserialize::Result<Self> {
        Ok(row)
    }
}

fn object(value: Value) -> deserialize::Result<Object> {
    match value {
        Value::Object(object) => Ok(object),
        _ => Err("an object of JSON is expected".into()),
    }
}
