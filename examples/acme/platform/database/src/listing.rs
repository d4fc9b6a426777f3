//! What a [`ListQuery`] decides of a SELECT: which rows, in which order, after which one.
//!
//! The page after a row is what is greater than it as a whole, `(seats, id) > (3, '…')`: in this form, and not in the one
//! with OR, databases find its beginning in an index over both columns.
//! <https://www.postgresql.org/docs/current/functions-comparisons.html#ROW-WISE-COMPARISON>

use std::marker::PhantomData;

use chrono::{DateTime, NaiveDate, Utc};
use diesel::{
    AppearsOnTable, Expression, QueryResult,
    backend::Backend,
    expression::{ValidGrouping, expression_types::NotSelectable, is_aggregate},
    pg::Pg,
    query_builder::{AstPass, QueryFragment, QueryId},
    sql_types as sql,
    sqlite::Sqlite,
};
use platform_list::{
    filter::{Filter, Operator, Value},
    page::ListQuery,
};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::{types, values::Sql};

/// A column of the table `T`, by which lists are filtered and ordered.
#[derive(Debug)]
pub struct Column<T> {
    name: &'static str,
    table: PhantomData<T>,
}

impl<T> Column<T> {
    /// This column of its table.
    pub fn of<C: diesel::Column<Table = T>>(_: C) -> Self {
        Self {
            name: C::NAME,
            table: PhantomData,
        }
    }
}

/// The rows of `T` that a page shows: `.filter(…)` takes it.
#[derive(Debug)]
pub struct Condition<T> {
    filter: Node,
    after: Option<After>,
    table: PhantomData<T>,
}

/// The order of a list: `.order(…)` takes it.
#[derive(Debug)]
pub struct Order<T> {
    columns: [&'static str; 2],
    descending: bool,
    table: PhantomData<T>,
}

/// The condition and the order of a list of rows of the table `T`. `column` tells which column a field is kept in.
///
/// They name columns without their table: it has to be the only one of the query.
pub fn listing<F: Copy, T>(
    query: &ListQuery<F>,
    column: impl Fn(F) -> Column<T>,
    id: impl diesel::Column<Table = T>,
) -> (Condition<T>, Order<T>) {
    let order = query.order();
    let columns = [column(order.field).name, Column::of(id).name];
    let after = query.after().map(|cursor| After {
        columns,
        descending: order.descending,
        value: cursor.value.clone().into(),
        id: Value::Id(cursor.id).into(),
    });
    let condition = Condition {
        filter: Node::of(query.filter(), &column),
        after,
        table: PhantomData,
    };
    let order = Order {
        columns,
        descending: order.descending,
        table: PhantomData,
    };
    (condition, order)
}

/// A filter, with columns for fields.
#[derive(Debug)]
enum Node {
    All(Vec<Node>),
    Any(Vec<Node>),
    Not(Box<Node>),
    Is(&'static str, Operator, Bound),
}

impl Node {
    fn of<F: Copy, T>(filter: &Filter<F>, column: &impl Fn(F) -> Column<T>) -> Self {
        let each = |parts: &[Filter<F>]| parts.iter().map(|part| Self::of(part, column)).collect();
        match filter {
            Filter::All(parts) => Self::All(each(parts)),
            Filter::Any(parts) => Self::Any(each(parts)),
            Filter::Not(part) => Self::Not(Box::new(Self::of(part, column))),
            Filter::Is(field, operator, value) => {
                Self::Is(column(*field).name, *operator, value.clone().into())
            }
        }
    }

    fn shows_everything(&self) -> bool {
        matches!(self, Self::All(parts) if parts.is_empty())
    }
}

/// The place of the last row of the page before.
#[derive(Debug)]
struct After {
    columns: [&'static str; 2],
    descending: bool,
    value: Bound,
    id: Bound,
}

/// A value that is bound to a query, never written into it.
#[derive(Debug)]
enum Bound {
    Bool(bool),
    Int32(i32),
    Int64(i64),
    Double(f64),
    Decimal(Sql<Decimal>),
    Date(NaiveDate),
    Timestamp(Sql<DateTime<Utc>>),
    Id(Sql<Uuid>),
    Text(String),
}

impl From<Value> for Bound {
    fn from(value: Value) -> Self {
        match value {
            Value::Bool(value) => Self::Bool(value),
            Value::Int32(value) => Self::Int32(value),
            Value::Int64(value) => Self::Int64(value),
            Value::Double(value) => Self::Double(value),
            Value::Decimal(value) => Self::Decimal(Sql(value)),
            Value::Date(value) => Self::Date(value),
            Value::Timestamp(value) => Self::Timestamp(Sql(value)),
            Value::Id(value) => Self::Id(Sql(value)),
            Value::Text(value) => Self::Text(value),
        }
    }
}

macro_rules! bind_on {
    ($($backend:ty),*) => {
        $(impl QueryFragment<$backend> for Bound {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, $backend>) -> QueryResult<()> {
                match self {
                    Self::Bool(value) => out.push_bind_param::<sql::Bool, _>(value),
                    Self::Int32(value) => out.push_bind_param::<sql::Integer, _>(value),
                    Self::Int64(value) => out.push_bind_param::<sql::BigInt, _>(value),
                    Self::Double(value) => out.push_bind_param::<sql::Double, _>(value),
                    Self::Decimal(value) => out.push_bind_param::<types::FixedPoint, _>(value),
                    Self::Date(value) => out.push_bind_param::<sql::Date, _>(value),
                    Self::Timestamp(value) => out.push_bind_param::<types::Instant, _>(value),
                    Self::Id(value) => out.push_bind_param::<types::Uuid, _>(value),
                    Self::Text(value) => out.push_bind_param::<sql::Text, _>(value),
                }
            }
        })*
    };
}

bind_on!(Pg, Sqlite);

impl<DB: Backend> QueryFragment<DB> for Node
where
    Bound: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (parts, separator) = match self {
            Self::All(parts) => (parts, " AND "),
            Self::Any(parts) => (parts, " OR "),
            Self::Not(part) => {
                out.push_sql("NOT ");
                return part.walk_ast(out);
            }
            Self::Is(column, operator, value) => {
                out.push_sql("(");
                out.push_identifier(column)?;
                out.push_sql(operator.sql());
                value.walk_ast(out.reborrow())?;
                out.push_sql(")");
                return Ok(());
            }
        };
        out.push_sql("(");
        for (position, part) in parts.iter().enumerate() {
            if position > 0 {
                out.push_sql(separator);
            }
            part.walk_ast(out.reborrow())?;
        }
        out.push_sql(")");
        Ok(())
    }
}

impl<DB: Backend> QueryFragment<DB> for After
where
    Bound: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let [column, id] = self.columns;
        out.push_sql("(");
        out.push_identifier(column)?;
        out.push_sql(", ");
        out.push_identifier(id)?;
        out.push_sql(if self.descending { ") < (" } else { ") > (" });
        self.value.walk_ast(out.reborrow())?;
        out.push_sql(", ");
        self.id.walk_ast(out.reborrow())?;
        out.push_sql(")");
        Ok(())
    }
}

impl<T, DB: Backend> QueryFragment<DB> for Condition<T>
where
    Bound: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let filter = Some(&self.filter).filter(|filter| !filter.shows_everything());
        if filter.is_some() {
            // Clients write filters of any shape: a prepared statement for each would fill the memory.
            out.unsafe_to_cache_prepared();
        }
        match (filter, &self.after) {
            (None, None) => out.push_sql("TRUE"),
            (Some(filter), None) => filter.walk_ast(out)?,
            (None, Some(after)) => after.walk_ast(out)?,
            (Some(filter), Some(after)) => {
                filter.walk_ast(out.reborrow())?;
                out.push_sql(" AND ");
                after.walk_ast(out)?;
            }
        }
        Ok(())
    }
}

impl<T, DB: Backend> QueryFragment<DB> for Order<T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let [column, id] = self.columns;
        let direction = if self.descending { " DESC" } else { " ASC" };
        out.push_identifier(column)?;
        out.push_sql(direction);
        out.push_sql(", ");
        out.push_identifier(id)?;
        out.push_sql(direction);
        Ok(())
    }
}

/// True, false, or unknown where a field has no value.
impl<T> Expression for Condition<T> {
    type SqlType = sql::Nullable<sql::Bool>;
}

impl<T> Expression for Order<T> {
    type SqlType = NotSelectable;
}

macro_rules! about_one_table {
    ($($expression:ident),*) => {
        $(impl<T> AppearsOnTable<T> for $expression<T> {}

        impl<T> ValidGrouping<()> for $expression<T> {
            type IsAggregate = is_aggregate::No;
        }

        impl<T> QueryId for $expression<T> {
            type QueryId = ();

            const HAS_STATIC_QUERY_ID: bool = false;
        })*
    };
}

about_one_table!(Condition, Order);
