//! How PostgreSQL would find the rows of a query, and whether CockroachDB would take it.

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

/// The statements that the connections of this process have run, each once.
static STATEMENTS: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// A new schema on the PostgreSQL at `DATABASE_URL`, and every statement that it is asked for.
///
/// What it records is what the whole process asks for: the test that uses it has a program of its own.
pub struct Recording {
    database: TestDatabase,
    /// What was run until it was migrated.
    before: BTreeSet<String>,
    owned: bool,
}

impl Recording {
    /// Makes the schema and starts to record.
    pub async fn start(migrations: &'static Migrations) -> Self {
        // Connections made before this would not be heard.
        set_default_instrumentation(|| Some(Box::new(record))).expect("no other thread has failed");
        let database = crate::postgres(migrations).await;
        let before = std::mem::take(&mut *statements());
        Self {
            database,
            before,
            owned: false,
        }
    }

    /// For rows of which each caller has some: no statement may walk through those of others to find them.
    pub fn of_owned_rows(self) -> Self {
        Self {
            owned: true,
            ..self
        }
    }

    /// The database that is listened to.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Whether a statement was run that begins so.
    pub fn has_heard(&self, beginning: &str) -> bool {
        let statements = statements();
        let mut all = self.before.union(&statements);
        all.any(|statement| statement.starts_with(beginning))
    }

    /// That CockroachDB takes all of the statements, as far as reading them can tell; those of the platform and of the
    /// migrations, too.
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
            "these are not for CockroachDB:\n\n{refused}"
        );
    }

    /// That PostgreSQL needs no sequential scan for a SELECT, INSERT, UPDATE or DELETE that it was asked for once it was
    /// migrated, and none but the rows of a page to sort.
    ///
    /// A filter is also looked at without its order: an index in that order would do for any filter, however many rows it
    /// leaves out. So each field that is filtered by has an index that begins with it, which the planner is free to take.
    ///
    /// On tables that are all but empty, it would read them as a whole, whatever indexes there are. Told to do that only
    /// where nothing else is possible, it shows where no index fits. Plans are made without looking at values, as one
    /// for a certain value can be better than the next.
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

/// What a statement finds, without the order and the limit of a page.
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
