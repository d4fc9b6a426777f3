//! Rules for rolling deployments: while a new version is rolled out, the previous one uses the same tables.
//!
//! The way around is always the same: expand (add what the new version needs), migrate (write both, copy the existing
//! rows), contract (with a later release, remove what no running version uses).
//! Most of these rules are squawk's, <https://squawkhq.com/docs/rules>.

use std::fmt;

use sqlparser::ast::{
    AlterColumnOperation, AlterTableOperation, ColumnDef, ColumnOption, CreateIndex, Ident, Insert,
    ObjectName, ObjectType, Statement, TableConstraint,
};

use crate::schema::Schema;

/// A rule. A migration may break it with `-- lint: allow(drop-in-use) REASON`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The parser understands the file, so that the other rules can be checked.
    Readable,
    /// A file has one statement.
    OneStatement,
    /// A statement can be run again without an error.
    Repeatable,
    /// CockroachDB supports the statement.
    Cockroachdb,
    /// No table or column that `schema.rs` has is dropped.
    DropInUse,
    /// No table or column is renamed.
    Rename,
    /// No column changes its type.
    ChangeType,
    /// A row can be written without the new column.
    RequiredColumn,
    /// No column becomes NOT NULL.
    SetNotNull,
    /// No existing column becomes unique.
    Unique,
    /// A new constraint is NOT VALID, so that the table is not locked while its rows are checked.
    NotValid,
    /// An index is made CONCURRENTLY, so that the table is not locked meanwhile.
    Concurrently,
}

impl Rule {
    pub const ALL: [Self; 12] = [
        Self::Readable,
        Self::OneStatement,
        Self::Repeatable,
        Self::Cockroachdb,
        Self::DropInUse,
        Self::Rename,
        Self::ChangeType,
        Self::RequiredColumn,
        Self::SetNotNull,
        Self::Unique,
        Self::NotValid,
        Self::Concurrently,
    ];
}

impl fmt::Display for Rule {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Readable => "readable",
            Self::OneStatement => "one-statement",
            Self::Repeatable => "repeatable",
            Self::Cockroachdb => "cockroachdb",
            Self::DropInUse => "drop-in-use",
            Self::Rename => "rename",
            Self::ChangeType => "change-type",
            Self::RequiredColumn => "required-column",
            Self::SetNotNull => "set-not-null",
            Self::Unique => "unique",
            Self::NotValid => "not-valid",
            Self::Concurrently => "concurrently",
        })
    }
}

/// The databases that migrations are written for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Database {
    Postgres,
    Sqlite,
}

/// The rules that a statement breaks, each with what to do instead.
pub fn check(statement: &Statement, database: Database, schema: &Schema) -> Vec<(Rule, String)> {
    match statement {
        Statement::AlterTable(table) => {
            let name = plain(&table.name);
            table
                .operations
                .iter()
                .filter_map(|operation| check_alter(&name, operation, schema))
                .collect()
        }
        Statement::Drop {
            object_type: ObjectType::Table,
            names,
            ..
        } => names
            .iter()
            .map(plain)
            .filter(|table| schema.has_table(table))
            .map(|table| still_used(&format!("the table `{table}`")))
            .collect(),
        Statement::CreateIndex(index) => check_index(index, database),
        _ => Vec::new(),
    }
}

fn check_alter(
    table: &str,
    operation: &AlterTableOperation,
    schema: &Schema,
) -> Option<(Rule, String)> {
    match operation {
        AlterTableOperation::DropColumn { column_names, .. } => column_names
            .iter()
            .find(|column| schema.has_column(table, &folded(column)))
            .map(|column| still_used(&format!("the column `{column}` of `{table}`"))),
        AlterTableOperation::RenameColumn {
            old_column_name, ..
        } => Some(renamed(&format!("the column `{old_column_name}`"))),
        AlterTableOperation::RenameTable { .. } => Some(renamed(&format!("the table `{table}`"))),
        AlterTableOperation::AddColumn { column_def, .. } if is_required(column_def) => Some((
            Rule::RequiredColumn,
            format!(
                "the version that still runs writes no `{0}`, and existing rows have none: give it a DEFAULT, or let it be \
                 NULL",
                column_def.name
            ),
        )),
        AlterTableOperation::AlterColumn { column_name, op } => check_column(column_name, op),
        AlterTableOperation::AddConstraint {
            constraint: TableConstraint::Unique(_),
            ..
        } => Some(made_unique()),
        AlterTableOperation::AddConstraint {
            constraint: TableConstraint::Check(_) | TableConstraint::ForeignKey(_),
            not_valid: false,
        } => Some((
            Rule::NotValid,
            format!(
                "`{table}` is locked while all its rows are checked: add the constraint as NOT VALID, and validate it with \
                 VALIDATE CONSTRAINT in the next migration"
            ),
        )),
        _ => None,
    }
}

fn check_column(column: &Ident, operation: &AlterColumnOperation) -> Option<(Rule, String)> {
    match operation {
        AlterColumnOperation::SetDataType { .. } => Some((
            Rule::ChangeType,
            format!(
                "the version that still runs uses the old type of `{column}`, and the database may have to rewrite every \
                 row: add a column of the new type, write both, copy the existing rows, and drop `{column}` with a \
                 later release"
            ),
        )),
        AlterColumnOperation::SetNotNull => Some((
            Rule::SetNotNull,
            format!(
                "the version that still runs may leave `{column}` out: first release code that always writes it, and fill \
                 the rows that have none; then allow this with a later release"
            ),
        )),
        _ => None,
    }
}

fn check_index(index: &CreateIndex, database: Database) -> Vec<(Rule, String)> {
    let mut found = Vec::new();
    if index.unique {
        found.push(made_unique());
    }
    if database == Database::Postgres && !index.concurrently {
        let sentence = format!(
            "no row of `{}` can be written until the index is complete: write CREATE INDEX CONCURRENTLY",
            index.table_name
        );
        found.push((Rule::Concurrently, sentence));
    }
    found
}

/// Why the statement cannot be run again. It is run again when a process dies before it has recorded the migration.
pub fn check_repeatable(statement: &Statement, database: Database) -> Option<String> {
    // SQLite has neither clause for columns.
    let repeatable = |operation: &AlterTableOperation| match operation {
        AlterTableOperation::AddColumn { if_not_exists, .. } => *if_not_exists,
        AlterTableOperation::DropColumn { if_exists, .. }
        | AlterTableOperation::DropConstraint { if_exists, .. } => *if_exists,
        _ => true,
    };
    let missing = match statement {
        Statement::CreateTable(table) if !table.if_not_exists => "IF NOT EXISTS",
        Statement::CreateIndex(index) if !index.if_not_exists => "IF NOT EXISTS",
        Statement::Drop {
            if_exists: false, ..
        } => "IF EXISTS",
        Statement::Insert(Insert {
            on: None, or: None, ..
        }) => "ON CONFLICT",
        Statement::AlterTable(table) if database == Database::Postgres => {
            match table
                .operations
                .iter()
                .find(|operation| !repeatable(operation))?
            {
                AlterTableOperation::AddColumn { .. } => "IF NOT EXISTS",
                _ => "IF EXISTS",
            }
        }
        _ => return None,
    };
    Some(format!(
        "this fails when it is run again, as after a process that died before it recorded the migration: write {missing}"
    ))
}

fn still_used(what: &str) -> (Rule, String) {
    let sentence = format!(
        "src/data/schema.rs still has {what}: remove it from the code first, and drop it with a later release, when no \
         running version uses it"
    );
    (Rule::DropInUse, sentence)
}

fn renamed(what: &str) -> (Rule, String) {
    let sentence = format!(
        "the version that still runs uses {what} by its old name: add a new one, write both, copy the existing rows, and \
         drop the old one with a later release"
    );
    (Rule::Rename, sentence)
}

fn made_unique() -> (Rule, String) {
    let sentence = "the version that still runs may write a value twice, and existing rows may have done so: first release code that \
         handles a value that is taken, and repair the rows; then allow this with a later release";
    (Rule::Unique, sentence.to_owned())
}

fn is_required(column: &ColumnDef) -> bool {
    let has = |wanted: fn(&ColumnOption) -> bool| {
        column.options.iter().any(|option| wanted(&option.option))
    };
    has(|option| matches!(option, ColumnOption::NotNull | ColumnOption::PrimaryKey(_)))
        && !has(|option| matches!(option, ColumnOption::Default(_)))
}

/// The name of a table without its schema.
fn plain(name: &ObjectName) -> String {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.map(folded).unwrap_or_default()
}

/// The name as the database reads it: in lower case, unless it is quoted.
fn folded(name: &Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}
