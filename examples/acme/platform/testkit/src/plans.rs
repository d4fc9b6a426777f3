//! Checks of the statements that a service runs: that an index serves each query on PostgreSQL, and that CockroachDB
//! supports each statement.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard},
};

use diesel::{
    connection::{InstrumentationEvent, set_default_instrumentation},
    dsl::sql,
    sql_types::Text,
};
use diesel_async::{RunQueryDsl, SimpleAsyncConnection};
use platform::database::{Database, Migrations, with_conn};

use crate::TestDatabase;

/// The statements that the connections of this process have run, without duplicates.
static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A new schema on the PostgreSQL at `DATABASE_URL`, with a record of every statement that is run.
///
/// It records the statements of the whole process. So the test that uses it must be alone in its test program.
pub struct Recording {
    database: TestDatabase,
    /// The statements that were run until the schema was migrated.
    before: BTreeSet<String>,
    owned: bool,
}

impl Recording {
    /// Makes and migrates the schema, and records from then on.
    pub async fn start(migrations: &'static Migrations) -> Self {
        // Connections that were made before this are not recorded.
        set_default_instrumentation(|| Some(Box::new(record))).expect("no other thread has failed");
        let database = crate::postgres(migrations).await;
        let before = std::mem::take(&mut *statements());
        Self {
            database,
            before,
            owned: false,
        }
    }

    /// For tables whose rows have owners: [`Self::assert_indexed`] then also refuses a query that reads the rows of other
    /// owners to find those of one.
    pub fn of_owned_rows(self) -> Self {
        Self {
            owned: true,
            ..self
        }
    }

    /// The database whose statements are recorded.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Whether a statement with this beginning was run.
    pub fn has_heard(&self, beginning: &str) -> bool {
        let statements = statements();
        let mut all = self.before.union(&statements);
        all.any(|statement| statement.starts_with(beginning))
    }

    /// Asserts that CockroachDB is known to support every statement, also those of the platform and of the migrations.
    /// It reads the statements and does not run them.
    ///
    /// # Panics
    /// When a statement is not known to be supported.
    pub fn assert_portable(&self) {
        let statements = statements().clone();
        assert!(!statements.is_empty(), "no statement was recorded");
        let refused: String = self
            .before
            .union(&statements)
            .filter_map(|statement| {
                let refusal = sql_lint::cockroachdb::check(statement).err()?;
                Some(format!("{statement}\n{refusal}\n\n"))
            })
            .collect();
        assert!(
            refused.is_empty(),
            "CockroachDB is not known to support these:\n\n{refused}"
        );
    }

    /// Asserts that PostgreSQL can run each SELECT, INSERT, UPDATE and DELETE since the migration without a sequential
    /// scan, and without sorting more than the rows of a page.
    ///
    /// Each filter is also checked without its ORDER BY. With it, an index in that order would serve any filter, however
    /// many rows the scan skips. So each field of a filter needs an index that begins with it.
    ///
    /// The planner would scan small tables whatever indexes they have. So scans and sorts are disabled as far as
    /// PostgreSQL allows, and the plan shows one only where no index fits. Plans are generic: one for a certain value may
    /// be better than for the next.
    ///
    /// # Panics
    /// When no index serves a query.
    pub async fn assert_indexed(self) {
        let mut statements = std::mem::take(&mut *statements());
        statements.retain(|statement| is_query(statement));
        assert!(!statements.is_empty(), "no query was recorded");
        let filters: Vec<_> = statements.iter().filter_map(|it| filter(it)).collect();
        statements.extend(filters);
        let mut refused = String::new();
        for (number, statement) in statements.into_iter().enumerate() {
            let plan = plan(&self.database, &statement, number).await;
            let steps = || {
                plan.lines()
                    .map(|line| line.trim_start_matches([' ', '-', '>']))
            };
            let walks =
                self.owned && statement.contains(" WHERE ") && !plan.contains("Index Cond:");
            if walks
                || steps().any(|step| step.starts_with("Seq Scan") || step.starts_with("Sort  "))
            {
                refused += &format!("{statement}\n{plan}\n\n");
            }
        }
        assert!(refused.is_empty(), "no index serves these:\n\n{refused}");
    }
}

/// The part of a query that filters, without its order and its limit; `None` if it has no filter or no order.
fn filter(statement: &str) -> Option<String> {
    let (found, _) = statement.split_once(" ORDER BY ")?;
    let finds_all = found.ends_with("WHERE TRUE") || !found.contains(" WHERE ");
    (!finds_all).then(|| found.to_owned())
}

fn record(event: InstrumentationEvent<'_>) {
    let InstrumentationEvent::StartQuery { query, .. } = event else {
        return;
    };
    let query = query.to_string();
    let statement = query.split("-- binds").next().unwrap_or_default().trim();
    statements().insert(statement.to_owned());
}

fn is_query(statement: &str) -> bool {
    ["SELECT", "INSERT", "UPDATE", "DELETE"]
        .iter()
        .any(|verb| statement.starts_with(verb))
}

fn statements() -> MutexGuard<'static, BTreeSet<String>> {
    STATEMENTS.lock().expect("no other thread has failed")
}

async fn plan(database: &Database, statement: &str, number: usize) -> String {
    let parameters = (1..)
        .take_while(|parameter| statement.contains(&format!("${parameter}")))
        .map(|_| "NULL")
        .collect::<Vec<_>>()
        .join(", ");
    let arguments = if parameters.is_empty() {
        parameters
    } else {
        format!("({parameters})")
    };
    let prepare = format!(
        "SET enable_seqscan = off; SET enable_sort = off; SET plan_cache_mode = force_generic_plan; \
         PREPARE recorded_{number} AS {statement}"
    );
    let explain = format!("EXPLAIN EXECUTE recorded_{number}{arguments}");
    let plan = with_conn!(database, |conn| {
        conn.batch_execute(&prepare).await?;
        sql::<Text>(&explain).load::<String>(conn).await
    });
    plan.unwrap_or_else(|error| panic!("{statement} has no plan: {error}"))
        .join("\n")
}
