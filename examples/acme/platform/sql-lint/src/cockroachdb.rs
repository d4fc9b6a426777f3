//! The part of PostgreSQL's SQL that is known to work on CockroachDB.
//!
//! CockroachDB lacks much of PostgreSQL (advisory locks, LISTEN, LOCK TABLE, EXCLUDE, deferred constraints, ctid), and
//! some of what it has differs (INTEGER, SERIAL, `/`). So the lists below say what is allowed, and everything else is
//! refused. If you need more, check that CockroachDB supports it, and add it here:
//! <https://www.cockroachlabs.com/docs/stable/sql-feature-support>.

use std::{collections::HashSet, ops::ControlFlow};

use sqlparser::{
    ast::{
        AlterColumnOperation, AlterTableOperation, ArrayElemTypeDef, DataType, Expr, Ident,
        ObjectName, ObjectType, Set, Statement, TableConstraint, TableFactor, Visit, Visitor,
    },
    dialect::PostgreSqlDialect,
    tokenizer::{Location, Token, TokenWithSpan},
};

use crate::statements::{Parsed, parse};

const CREATE_TABLE: &str = "CREATE TABLE IF NOT EXISTS CONSTRAINT PRIMARY KEY UNIQUE CHECK FOREIGN REFERENCES \
    ON DELETE UPDATE SET CASCADE RESTRICT DEFAULT GENERATED ALWAYS AS STORED";
const ALTER_TABLE: &str = "ALTER TABLE ADD DROP COLUMN IF NOT EXISTS SET DEFAULT RENAME TO CONSTRAINT CHECK FOREIGN KEY \
    REFERENCES ON DELETE UPDATE CASCADE RESTRICT VALID VALIDATE";
const CREATE_INDEX: &str = "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ON ASC DESC WHERE";
const DROP: &str = "DROP TABLE INDEX SCHEMA IF EXISTS CASCADE RESTRICT";
const CREATE_SCHEMA: &str = "CREATE SCHEMA IF NOT EXISTS";
const SELECT: &str = "SELECT DISTINCT ALL AS FROM INNER LEFT RIGHT FULL OUTER CROSS JOIN ON USING WHERE GROUP BY HAVING \
    ORDER ASC DESC NULLS FIRST LAST LIMIT OFFSET UNION INTERSECT EXCEPT WITH RECURSIVE VALUES OVER PARTITION \
    FOR UPDATE SHARE SKIP LOCKED NOWAIT";
const INSERT: &str = "INSERT INTO DEFAULT ON CONFLICT DO NOTHING UPDATE SET RETURNING";
const UPDATE: &str = "UPDATE SET DEFAULT RETURNING";
const DELETE: &str = "DELETE RETURNING";
const TRANSACTION: &str =
    "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE COMMIT ROLLBACK TO SAVEPOINT RELEASE";
const SET: &str = "SET LOCAL TO TIME ZONE";

/// Allowed in every statement that has expressions.
const EXPRESSION: &str = "AND OR NOT NULL TRUE FALSE IS DISTINCT FROM IN BETWEEN LIKE ILIKE ANY ALL EXISTS CASE WHEN \
    THEN ELSE END CAST AS EXTRACT EPOCH YEAR MONTH DAY HOUR MINUTE SECOND SUBSTRING FOR TRIM";
const TYPES: &str = "UUID BOOLEAN INT2 INT4 INT8 FLOAT4 FLOAT8 NUMERIC TEXT VARCHAR DATE TIMESTAMP TIMESTAMPTZ INTERVAL \
    BYTEA JSONB REGCLASS";
const OPERATORS: &str = "( ) [ ] , . :: = <> != < <= > >= + - * % || -> ->> @> <@";
const FUNCTIONS: &str = "abs array_agg avg bool_and bool_or ceil char_length clock_timestamp coalesce concat count \
    current_schema current_timestamp date_trunc floor gen_random_uuid greatest jsonb_array_length jsonb_build_object \
    least length lower max md5 min now nullif octet_length pg_table_is_visible \
    rank replace round row_number string_agg sum unnest upper version";
/// Allowed system tables.
const SYSTEM_TABLES: &str = "pg_catalog.pg_index";
const SETTINGS: &str = "client_encoding lock_timeout search_path statement_timeout";

/// What is often written, and what to write instead.
const INSTEAD: [(&str, &str); 7] = [
    (
        "INTEGER",
        "it has 64 bits there and 32 on PostgreSQL: write INT4 or INT8",
    ),
    (
        "INT",
        "it has 64 bits there and 32 on PostgreSQL: write INT4 or INT8",
    ),
    (
        "/",
        "dividing two integers does not give an integer there: divide in the code",
    ),
    (
        "serial",
        "it does not count up by one there: write UUID, or INT8 with a number from the code",
    ),
    (
        "bigserial",
        "it does not count up by one there: write UUID, or INT8 with a number from the code",
    ),
    ("BIGINT", "write INT8"),
    ("JSON", "write JSONB"),
];

/// Columns that PostgreSQL adds to every table: <https://www.postgresql.org/docs/current/ddl-system-columns.html>.
const SYSTEM_COLUMNS: [&str; 6] = ["tableoid", "xmin", "cmin", "xmax", "cmax", "ctid"];

/// Checks that CockroachDB is known to support these statements.
///
/// # Errors
/// One sentence about the first word or operator that it is not known to support.
pub fn check(sql: &str) -> Result<(), String> {
    for parsed in parse(&PostgreSqlDialect {}, sql)? {
        check_one(&parsed)?;
    }
    Ok(())
}

pub(crate) fn check_one(Parsed { statement, tokens }: &Parsed) -> Result<(), String> {
    let words = words(statement).ok_or_else(|| unknown(&kind(tokens)))?;
    let mut names = Names::default();
    if let ControlFlow::Break(refused) = statement.visit(&mut names) {
        return Err(unknown(&refused));
    }
    // Apart from names and values, a statement consists of keywords and operators.
    for token in tokens {
        let (text, allowed) = match &token.token {
            Token::Word(_) if names.at.contains(&token.span.start) => continue,
            Token::Word(word) => (word.value.to_uppercase(), &*words),
            Token::Number(..) | Token::SingleQuotedString(_) | Token::Placeholder(_) => continue,
            other => (other.to_string(), &[OPERATORS][..]),
        };
        if !allowed.iter().any(|list| is_listed(list, &text)) {
            return Err(unknown(&text));
        }
    }
    Ok(())
}

/// The keywords allowed in this kind of statement; `None` if CockroachDB is not known to support the kind.
fn words(statement: &Statement) -> Option<Vec<&'static str>> {
    let words = match statement {
        Statement::CreateTable(_) => vec![CREATE_TABLE, EXPRESSION, TYPES],
        Statement::AlterTable(table) => match &table.operations[..] {
            [operation] if is_known(operation) => vec![ALTER_TABLE, EXPRESSION, TYPES],
            _ => return None,
        },
        Statement::CreateIndex(_) => vec![CREATE_INDEX, EXPRESSION, TYPES],
        Statement::Drop {
            object_type: ObjectType::Table | ObjectType::Index | ObjectType::Schema,
            ..
        } => vec![DROP],
        Statement::CreateSchema { .. } => vec![CREATE_SCHEMA],
        Statement::Query(_) => vec![SELECT, EXPRESSION, TYPES],
        Statement::Insert(_) => vec![INSERT, SELECT, EXPRESSION, TYPES],
        Statement::Update(_) => vec![UPDATE, SELECT, EXPRESSION, TYPES],
        Statement::Delete(_) => vec![DELETE, SELECT, EXPRESSION, TYPES],
        Statement::StartTransaction { .. }
        | Statement::Commit { .. }
        | Statement::Rollback { .. }
        | Statement::Savepoint { .. }
        | Statement::ReleaseSavepoint { .. } => vec![TRANSACTION],
        Statement::Set(Set::SetTimeZone { .. }) => vec![SET],
        Statement::Set(Set::SingleAssignment { variable, .. }) => {
            let variable = variable.to_string().to_lowercase();
            return is_listed(SETTINGS, &variable).then(|| vec![SET]);
        }
        _ => return None,
    };
    Some(words)
}

/// Adding a UNIQUE constraint is refused: CockroachDB drops one only as an index, and PostgreSQL only as a constraint.
/// Changing the type of a column is refused: CockroachDB does so only within limits.
fn is_known(operation: &AlterTableOperation) -> bool {
    match operation {
        AlterTableOperation::AddColumn { .. }
        | AlterTableOperation::DropColumn { .. }
        | AlterTableOperation::RenameColumn { .. }
        | AlterTableOperation::RenameTable { .. }
        | AlterTableOperation::ValidateConstraint { .. }
        | AlterTableOperation::DropConstraint { .. } => true,
        AlterTableOperation::AddConstraint { constraint, .. } => matches!(
            constraint,
            TableConstraint::Check(_) | TableConstraint::ForeignKey(_)
        ),
        AlterTableOperation::AlterColumn { op, .. } => matches!(
            op,
            AlterColumnOperation::SetNotNull
                | AlterColumnOperation::DropNotNull
                | AlterColumnOperation::SetDefault { .. }
                | AlterColumnOperation::DropDefault
        ),
        _ => false,
    }
}

/// The places of the names in a statement. Each name has been checked.
#[derive(Default)]
struct Names {
    at: HashSet<Location>,
}

impl Visitor for Names {
    /// The name that is not allowed.
    type Break = String;

    fn pre_visit_ident(&mut self, name: &Ident) -> ControlFlow<String> {
        self.at.insert(name.span.start);
        refuse_if(SYSTEM_COLUMNS.contains(&&*name.value), &name.value)
    }

    fn pre_visit_relation(&mut self, relation: &ObjectName) -> ControlFlow<String> {
        let parts = relation.0.iter().filter_map(|part| part.as_ident());
        let name = parts.map(|part| &*part.value).collect::<Vec<_>>().join(".");
        let is_of_the_system = name.starts_with("pg_") || name.starts_with("information_schema");
        refuse_if(is_of_the_system && !is_listed(SYSTEM_TABLES, &name), &name)
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<String> {
        match factor {
            TableFactor::Table { args: None, .. }
            | TableFactor::Derived { .. }
            | TableFactor::NestedJoin { .. }
            | TableFactor::UNNEST { .. } => ControlFlow::Continue(()),
            TableFactor::Table { name, .. } | TableFactor::Function { name, .. } => {
                check_function(name)
            }
            other => ControlFlow::Break(other.to_string()),
        }
    }

    fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<String> {
        match expression {
            Expr::Function(function) => check_function(&function.name),
            Expr::Cast { data_type, .. } => check_type(data_type),
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_statement(&mut self, statement: &Statement) -> ControlFlow<String> {
        match statement {
            Statement::CreateTable(table) => table
                .columns
                .iter()
                .try_for_each(|column| check_type(&column.data_type)),
            Statement::AlterTable(table) => match &table.operations[..] {
                [AlterTableOperation::AddColumn { column_def, .. }] => {
                    check_type(&column_def.data_type)
                }
                _ => ControlFlow::Continue(()),
            },
            Statement::CreateIndex(index) => index
                .columns
                .iter()
                .filter_map(|column| column.operator_class.as_ref())
                .try_for_each(|class| ControlFlow::Break(class.to_string())),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn check_function(name: &ObjectName) -> ControlFlow<String> {
    let name = name.to_string();
    refuse_if(!is_listed(FUNCTIONS, &name.to_lowercase()), &name)
}

/// Refuses types that the parser does not know. The others are keywords, which the lists cover.
fn check_type(data_type: &DataType) -> ControlFlow<String> {
    match data_type {
        DataType::Array(ArrayElemTypeDef::SquareBracket(element, _)) => check_type(element),
        DataType::Custom(name, _) => ControlFlow::Break(name.to_string()),
        _ => ControlFlow::Continue(()),
    }
}

fn refuse_if(refused: bool, text: &str) -> ControlFlow<String> {
    if refused {
        ControlFlow::Break(text.to_owned())
    } else {
        ControlFlow::Continue(())
    }
}

fn is_listed(list: &str, text: &str) -> bool {
    list.split_whitespace().any(|listed| listed == text)
}

/// The first three tokens of a statement, as text.
fn kind(tokens: &[TokenWithSpan]) -> String {
    let words = tokens.iter().take(3).map(ToString::to_string);
    words.collect::<Vec<_>>().join(" ")
}

fn unknown(text: &str) -> String {
    let instead = INSTEAD
        .iter()
        .find(|(often, _)| often.eq_ignore_ascii_case(text))
        .map_or(
            "write it another way or, if CockroachDB's documentation says that it works, add it to the lists in \
             platform/sql-lint/src/cockroachdb.rs",
            |(_, instead)| instead,
        );
    format!("CockroachDB is not known to support `{text}` here: {instead}")
}
