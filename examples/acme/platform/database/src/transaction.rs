//! Transactions that are repeated when the database asks for it.
//!
//! Every transaction is serializable (on SQLite: immediate, so that writers queue at its start). The price is that the
//! database may refuse one because of what others did meanwhile, and wants it tried again; [`transaction!`] does that,
//! with pauses that grow and differ, as long as the request has time. It does so too when the connection is lost before
//! the commit was sent: nothing can have been done then.

use std::{
    ops::ControlFlow,
    sync::OnceLock,
    time::{Duration, Instant},
};

use diesel::result::Error as QueryError;
use diesel_async::{
    AnsiTransactionManager, AsyncConnection, SimpleAsyncConnection, TransactionManager,
};
use metrics::{Counter, counter};
use platform_base::{backoff::Backoff, context};

use crate::{
    error::{self, Error},
    pool::{Database, Postgres, Sqlite},
};

/// How often a transaction is tried before its request is answered ABORTED.
const MOST_ATTEMPTS: u32 = 12;
const PAUSES: Backoff = Backoff {
    first: Duration::from_millis(2),
    longest: Duration::from_millis(100),
};
/// PostgreSQL looks for a deadlock only after a second (`deadlock_timeout`), and all that want the same rows wait as long.
/// So the first attempts give up waiting for a lock sooner, and the later ones let a long transaction end. Each is drawn at
/// random, between half and one and a half of it, or the two in a deadlock would both give up.
const PATIENCE: Backoff = Backoff {
    first: Duration::from_millis(20),
    longest: Duration::from_secs(2),
};

/// Why the body of a [`transaction!`] wants to be undone.
#[derive(Debug)]
pub enum Rollback<E> {
    /// A query failed. `?` makes this of an error of diesel.
    Query(QueryError),
    /// The application has found a reason of its own, which is what the caller gets.
    Application(E),
}

impl<E> From<QueryError> for Rollback<E> {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

/// Runs queries in one transaction, on whichever backend the database is; diesel checks them against both.
///
/// The name is the label of the metric `db_transactions_total`. The body may run more than once, so it must do nothing
/// but query: what it takes from outside it takes by reference or as a copy. It is an expression of type
/// `Result<T, Rollback<E>>` and may use `?` on errors of diesel; the whole is a `Result<T, E>`, where `E` is made of
/// `platform::Error`. Errors of queries are to be passed on as they are, and told apart outside: what hides one is tried
/// again like what the database refused.
///
/// ```ignore
/// transaction!(self.database, "transfer", |conn| {
///     let balance: i64 = accounts::table.find(Sql(from)).select(accounts::balance).first(conn).await?;
///     if balance < amount {
///         return Err(Rollback::Application(Error::Insufficient));
///     }
///     …
/// })
/// ```
///
/// # Errors
/// [`Error::Contention`] when the database refused every attempt, [`Error::OutcomeUnknown`] when the connection was
/// lost in a commit.
#[macro_export]
macro_rules! transaction {
    ($database:expr, $name:literal, |$conn:ident| $body:expr) => {{
        static OUTCOMES: $crate::Outcomes = $crate::Outcomes::new($name);
        let database: &$crate::Database = &$database;
        match database.backend() {
            $crate::Backend::Postgres(pool) => {
                $crate::__transaction!(database, pool, OUTCOMES, $conn, $body)
            }
            $crate::Backend::Sqlite(pool) => {
                $crate::__transaction!(database, pool, OUTCOMES, $conn, $body)
            }
        }
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __transaction {
    ($database:ident, $pool:ident, $outcomes:ident, $conn:ident, $body:expr) => {{
        let mut attempts = $crate::Attempts::new($database, &$outcomes);
        loop {
            // The connection is back in the pool before the pause.
            let ended = match $pool.get().await {
                Ok(connection) => {
                    let mut loan = $crate::Loan::of(connection);
                    let patience = attempts.patience();
                    let pooled = $database.pooled();
                    let begun =
                        $crate::Transactional::begin(loan.connection(), patience, pooled).await;
                    let ended = match begun {
                        Ok(()) => {
                            let result = async {
                                let $conn = loan.connection();
                                $body
                            };
                            let result = result.await;
                            $crate::end(result, loan.connection()).await
                        }
                        Err(error) => Err($crate::Failure::Query(error)),
                    };
                    loan.end(ended.as_ref().err().and_then($crate::Failure::query));
                    ended
                }
                Err(error) => Err($crate::Failure::Connection(error.into())),
            };
            match attempts.next(ended).await {
                ::std::ops::ControlFlow::Break(result) => break result,
                ::std::ops::ControlFlow::Continue(()) => {}
            }
        }
    }};
}

/// What the backends do differently.
#[doc(hidden)]
pub trait Transactional: AsyncConnection {
    /// `pooled` is the statement timeout, if it is not that of the connection.
    fn begin(
        &mut self,
        patience: Duration,
        pooled: Option<Duration>,
    ) -> impl Future<Output = Result<(), QueryError>> + Send;

    /// Whether the transaction can still be committed.
    fn is_intact(&mut self) -> impl Future<Output = bool> + Send;

    /// Begins the queries of a [`with_conn!`](crate::with_conn). Behind a pooler they are a transaction, in which a
    /// prepared statement and the timeout last: after it, the connection may lead to another server.
    fn open(
        &mut self,
        pooled: Option<Duration>,
    ) -> impl Future<Output = Result<(), QueryError>> + Send;

    /// Ends them.
    fn close(
        &mut self,
        pooled: Option<Duration>,
        succeeded: bool,
    ) -> impl Future<Output = Result<(), QueryError>> + Send;
}

impl Transactional for Postgres {
    async fn begin(
        &mut self,
        patience: Duration,
        pooled: Option<Duration>,
    ) -> Result<(), QueryError> {
        let begin = format!(
            "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET LOCAL lock_timeout = {}{}",
            patience.as_millis(),
            pooled.map(set_timeout).unwrap_or_default(),
        );
        AnsiTransactionManager::begin_transaction_sql(self, &begin).await
    }

    async fn is_intact(&mut self) -> bool {
        self.batch_execute("SELECT 1").await.is_ok()
    }

    async fn open(&mut self, pooled: Option<Duration>) -> Result<(), QueryError> {
        match pooled {
            Some(timeout) => {
                let begin = format!("BEGIN{}", set_timeout(timeout));
                self.batch_execute(&begin).await
            }
            None => Ok(()),
        }
    }

    async fn close(&mut self, pooled: Option<Duration>, succeeded: bool) -> Result<(), QueryError> {
        if pooled.is_none() {
            return Ok(());
        }
        // PostgreSQL answers the commit of a transaction in which a query failed as if nothing were wrong; so it is asked
        // in the same breath.
        let committed = match succeeded {
            true => self.batch_execute("SELECT 1; COMMIT").await,
            false => Ok(()),
        };
        if !succeeded || committed.is_err() {
            // Where this fails, the connection is lost, which undoes everything as well.
            let _ = self.batch_execute("ROLLBACK").await;
        }
        committed
    }
}

fn set_timeout(timeout: Duration) -> String {
    format!("; SET LOCAL statement_timeout = {}", timeout.as_millis())
}

impl Transactional for Sqlite {
    async fn begin(&mut self, _: Duration, _: Option<Duration>) -> Result<(), QueryError> {
        // A transaction that begins as a reader may not become a writer once another has written.
        const BEGIN: &str = "BEGIN IMMEDIATE";
        type Blocking = diesel::connection::AnsiTransactionManager;
        self.spawn_blocking(|conn| Blocking::begin_transaction_sql(conn, BEGIN))
            .await
    }

    /// A statement that fails undoes itself and nothing else.
    async fn is_intact(&mut self) -> bool {
        true
    }

    async fn open(&mut self, _: Option<Duration>) -> Result<(), QueryError> {
        Ok(())
    }

    async fn close(&mut self, _: Option<Duration>, _: bool) -> Result<(), QueryError> {
        Ok(())
    }
}

/// How an attempt failed.
#[doc(hidden)]
pub enum Failure<E> {
    Connection(Error),
    Query(QueryError),
    Commit(QueryError),
    Application(E),
    /// A query had failed, which the body made something else of.
    Undone(Option<E>),
}

impl<E> Failure<E> {
    /// What the database said.
    pub fn query(&self) -> Option<&QueryError> {
        match self {
            Self::Query(error) | Self::Commit(error) => Some(error),
            Self::Connection(_) | Self::Application(_) | Self::Undone(_) => None,
        }
    }

    /// Whether certainly nothing was done, and the next attempt may succeed.
    fn is_passing(&self) -> bool {
        match self {
            Self::Query(error) => error::is_retryable(error) || error::is_lost_connection(error),
            Self::Commit(error) => error::is_retryable(error),
            Self::Undone(_) => true,
            // Who cannot have a connection has waited for one already.
            Self::Connection(_) | Self::Application(_) => false,
        }
    }
}

/// Commits or rolls back.
///
/// Where a query failed, PostgreSQL has undone the transaction, and would answer its commit as if nothing were wrong.
/// So it is asked first, in case the body has kept that to itself.
#[doc(hidden)]
pub async fn end<C, T, E>(
    result: Result<T, Rollback<E>>,
    connection: &mut C,
) -> Result<T, Failure<E>>
where
    C: Transactional,
{
    let failure = match result {
        Ok(value) if connection.is_intact().await => {
            return match C::TransactionManager::commit_transaction(connection).await {
                Ok(()) => Ok(value),
                Err(error) => Err(Failure::Commit(error)),
            };
        }
        Ok(_) => Failure::Undone(None),
        Err(Rollback::Query(error)) => Failure::Query(error),
        Err(Rollback::Application(error)) if connection.is_intact().await => {
            Failure::Application(error)
        }
        Err(Rollback::Application(error)) => Failure::Undone(Some(error)),
    };
    // Where this fails, the connection is lost or will be thrown away, which undoes everything as well.
    let _ = C::TransactionManager::rollback_transaction(connection).await;
    Err(failure)
}

/// The attempts of one transaction.
#[doc(hidden)]
pub struct Attempts<'a> {
    database: &'a Database,
    outcomes: &'static Outcomes,
    made: u32,
}

impl<'a> Attempts<'a> {
    pub fn new(database: &'a Database, outcomes: &'static Outcomes) -> Self {
        Self {
            database,
            outcomes,
            made: 0,
        }
    }

    /// What is to be done after an attempt: break with the result, or, after a pause, try again.
    pub async fn next<T, E>(&mut self, ended: Result<T, Failure<E>>) -> ControlFlow<Result<T, E>>
    where
        E: From<platform_base::Error>,
    {
        self.made += 1;
        if ended.as_ref().is_err_and(Failure::is_passing) && self.pause().await {
            self.outcomes.count(Outcome::Retried);
            return ControlFlow::Continue(());
        }
        let attempts = self.made;
        let contention = || self.failed(Error::Contention { attempts });
        let (outcome, result) = match ended {
            Ok(value) => (Outcome::Committed, Ok(value)),
            Err(Failure::Application(error)) => (Outcome::RolledBack, Err(error)),
            Err(Failure::Connection(error)) => (Outcome::Failed, self.failed(error)),
            Err(Failure::Undone(error)) => {
                (Outcome::Contention, error.map_or_else(contention, Err))
            }
            Err(Failure::Query(error) | Failure::Commit(error)) if error::is_retryable(&error) => {
                (Outcome::Contention, contention())
            }
            Err(Failure::Commit(error)) if error::is_outcome_unknown(&error) => {
                (Outcome::Unknown, self.failed(Error::OutcomeUnknown(error)))
            }
            Err(Failure::Query(error) | Failure::Commit(error)) => {
                (Outcome::Failed, self.failed(error.into()))
            }
        };
        self.outcomes.count(outcome);
        ControlFlow::Break(result)
    }

    fn failed<T, E: From<platform_base::Error>>(&self, error: Error) -> Result<T, E> {
        Err(self.database.failed(error).into())
    }

    /// How long the next attempt is to wait for each lock.
    pub fn patience(&self) -> Duration {
        PATIENCE
            .bound(self.made + 1)
            .mul_f64(rand::random_range(0.5..1.5))
    }

    /// Waits before the next attempt; false when there is to be none.
    async fn pause(&self) -> bool {
        if self.made >= MOST_ATTEMPTS {
            return false;
        }
        let pause = PAUSES.wait(self.made);
        let deadline = context::with(|ids| ids.deadline);
        if deadline.is_some_and(|deadline| Instant::now() + pause >= deadline) {
            return false;
        }
        tokio::time::sleep(pause).await;
        true
    }
}

#[derive(Clone, Copy)]
enum Outcome {
    Committed,
    RolledBack,
    Retried,
    Contention,
    Unknown,
    Failed,
}

/// How the transactions of one name end: the metric `db_transactions_total`, whose handles are looked up once.
#[doc(hidden)]
pub struct Outcomes {
    name: &'static str,
    counters: [OnceLock<Counter>; 6],
}

impl Outcomes {
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            counters: [const { OnceLock::new() }; 6],
        }
    }

    fn count(&self, outcome: Outcome) {
        let text = match outcome {
            Outcome::Committed => "committed",
            Outcome::RolledBack => "rolled_back",
            Outcome::Retried => "retried",
            Outcome::Contention => "contention",
            Outcome::Unknown => "unknown",
            Outcome::Failed => "failed",
        };
        let new = || counter!("db_transactions_total", "name" => self.name, "outcome" => text);
        self.counters[outcome as usize]
            .get_or_init(new)
            .increment(1);
    }
}
