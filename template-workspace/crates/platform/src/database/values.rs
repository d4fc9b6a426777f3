//! Values as both backends store them. The orphan rule forbids teaching the inner types themselves.

use chrono::{DateTime, SecondsFormat, Utc};
use diesel::{
    deserialize::{self, FromSql, FromSqlRow},
    expression::AsExpression,
    pg::{Pg, PgValue},
    serialize::{self, IsNull, Output, ToSql},
    sql_types as sql,
    sqlite::{Sqlite, SqliteValue},
};

use super::types;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = types::Uuid)]
pub struct Id(pub uuid::Uuid);

/// An instant, to the microsecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = types::Timestamptz)]
pub struct Time(pub DateTime<Utc>);

/// A decimal of at most 12 digits before and 6 after the point; more is refused, not rounded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, AsExpression, FromSqlRow)]
#[diesel(sql_type = types::Decimal)]
pub struct Dec(pub rust_decimal::Decimal);

#[derive(Debug, Clone, PartialEq, AsExpression, FromSqlRow)]
#[diesel(sql_type = types::Json)]
pub struct Json(pub serde_json::Value);

macro_rules! wraps {
    ($($value:ident($inner:ty)),* $(,)?) => {$(
        impl From<$inner> for $value {
            fn from(inner: $inner) -> Self {
                Self(inner)
            }
        }

        impl From<$value> for $inner {
            fn from(value: $value) -> Self {
                value.0
            }
        }
    )*};
}

wraps!(
    Id(uuid::Uuid),
    Time(DateTime<Utc>),
    Dec(rust_decimal::Decimal),
    Json(serde_json::Value)
);

macro_rules! as_in_postgres {
    ($($value:ident: $sql:ident),* $(,)?) => {$(
        impl ToSql<types::$sql, Pg> for $value {
            fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
                ToSql::<postgres::$sql, Pg>::to_sql(&self.0, &mut out.reborrow())
            }
        }
    )*};
}

/// What diesel calls the types of PostgreSQL.
mod postgres {
    pub use diesel::sql_types::{Jsonb as Json, Numeric as Decimal, Timestamptz, Uuid};
}

as_in_postgres!(Id: Uuid, Time: Timestamptz, Json: Json);

impl FromSql<types::Uuid, Pg> for Id {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<postgres::Uuid, Pg>::from_sql(value).map(Self)
    }
}

impl FromSql<types::Timestamptz, Pg> for Time {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<postgres::Timestamptz, Pg>::from_sql(value).map(Self)
    }
}

impl FromSql<types::Json, Pg> for Json {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        FromSql::<postgres::Json, Pg>::from_sql(value).map(Self)
    }
}

impl ToSql<types::Decimal, Pg> for Dec {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Pg>) -> serialize::Result {
        self.millionths()?;
        ToSql::<postgres::Decimal, Pg>::to_sql(&self.0, &mut out.reborrow())
    }
}

impl FromSql<types::Decimal, Pg> for Dec {
    fn from_sql(value: PgValue<'_>) -> deserialize::Result<Self> {
        let decimal: rust_decimal::Decimal = FromSql::<postgres::Decimal, Pg>::from_sql(value)?;
        Ok(Self(decimal.normalize()))
    }
}

impl ToSql<types::Uuid, Sqlite> for Id {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.as_bytes().as_slice());
        Ok(IsNull::No)
    }
}

impl FromSql<types::Uuid, Sqlite> for Id {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let bytes = <Vec<u8> as FromSql<sql::Binary, Sqlite>>::from_sql(value)?;
        Ok(Self(uuid::Uuid::from_slice(&bytes)?))
    }
}

impl ToSql<types::Timestamptz, Sqlite> for Time {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_rfc3339_opts(SecondsFormat::Micros, true));
        Ok(IsNull::No)
    }
}

impl FromSql<types::Timestamptz, Sqlite> for Time {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql::Text, Sqlite>>::from_sql(value)?;
        Ok(Self(DateTime::parse_from_rfc3339(&text)?.to_utc()))
    }
}

impl Dec {
    /// How SQLite stores it.
    fn millionths(self) -> Result<i64, String> {
        const LIMIT: i64 = 1_000_000_000_000_000_000;
        let mut scaled = self.0;
        scaled.rescale(6);
        let millionths = i64::try_from(scaled.mantissa())
            .ok()
            .filter(|number| number.abs() < LIMIT);
        millionths.filter(|_| scaled == self.0).ok_or_else(|| {
            format!(
                "{} has more than 12 digits before or 6 after the point",
                self.0
            )
        })
    }
}

impl ToSql<types::Decimal, Sqlite> for Dec {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.millionths()?);
        Ok(IsNull::No)
    }
}

impl FromSql<types::Decimal, Sqlite> for Dec {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let millionths = <i64 as FromSql<sql::BigInt, Sqlite>>::from_sql(value)?;
        Ok(Self(rust_decimal::Decimal::new(millionths, 6).normalize()))
    }
}

impl ToSql<types::Json, Sqlite> for Json {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        out.set_value(self.0.to_string());
        Ok(IsNull::No)
    }
}

impl FromSql<types::Json, Sqlite> for Json {
    fn from_sql(value: SqliteValue<'_, '_, '_>) -> deserialize::Result<Self> {
        let text = <String as FromSql<sql::Text, Sqlite>>::from_sql(value)?;
        Ok(Self(serde_json::from_str(&text)?))
    }
}
