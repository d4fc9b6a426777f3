//! The lists of what CockroachDB supports have what they should, and nothing else.

use sql_lint::cockroachdb::check;

#[test]
fn supported_statements_are_allowed() {
    for sql in [
        "CREATE TABLE IF NOT EXISTS orders (id UUID PRIMARY KEY, version INT8 NOT NULL DEFAULT 1, \
         rate NUMERIC(18,6), tags TEXT[], \"order\" INT4 CHECK (\"order\" > 0), at TIMESTAMPTZ NOT NULL DEFAULT now(), \
         user_id UUID REFERENCES users (id) ON DELETE CASCADE, CONSTRAINT orders_code_key UNIQUE (code))",
        "DROP TABLE IF EXISTS orders;",
        "ALTER TABLE orders ADD COLUMN IF NOT EXISTS note TEXT NOT NULL DEFAULT ''",
        "ALTER TABLE orders DROP COLUMN IF EXISTS note",
        "ALTER TABLE orders ALTER COLUMN note SET NOT NULL",
        "ALTER TABLE orders ADD CONSTRAINT positive CHECK (total >= 0) NOT VALID",
        "ALTER TABLE orders VALIDATE CONSTRAINT positive",
        "CREATE TABLE IF NOT EXISTS t (a TEXT, a_lower TEXT GENERATED ALWAYS AS (lower(a)) STORED)",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON orders (at DESC, id) WHERE note IS NOT NULL",
        "DROP INDEX IF EXISTS i",
        "SELECT \"orders\".\"id\", count(*) FROM \"orders\" LEFT JOIN users ON users.id = orders.user_id \
         WHERE ((\"at\" >= $1) AND (\"at\", \"id\") < ($2, $3)) AND orders.id = ANY($4) \
         GROUP BY orders.id ORDER BY \"at\" DESC, \"id\" DESC LIMIT $5 OFFSET $6 FOR UPDATE SKIP LOCKED",
        "WITH newest AS (SELECT id, row_number() OVER (PARTITION BY user_id ORDER BY at DESC) AS n FROM orders) \
         SELECT id FROM newest WHERE n = 1",
        "INSERT INTO orders (id, version) VALUES ($1, DEFAULT) ON CONFLICT (id) DO UPDATE SET version = excluded.version \
         WHERE orders.version < extract(epoch FROM clock_timestamp())::INT8 + 60 RETURNING id",
        "UPDATE orders SET version = orders.version + $1, note = coalesce($2, note) WHERE id IN ($3, $4) RETURNING version",
        "DELETE FROM orders WHERE extra->>'kind' = 'draft' AND NOT EXISTS (SELECT 1 FROM users)",
        "BEGIN TRANSACTION ISOLATION LEVEL SERIALIZABLE; SET LOCAL lock_timeout = 28",
        "SAVEPOINT diesel_savepoint_1; RELEASE SAVEPOINT diesel_savepoint_1; COMMIT; ROLLBACK",
        "SET TIME ZONE 'UTC'; SET client_encoding TO 'UTF8'; SET statement_timeout = 1000",
        "-- a comment\nSELECT 1;\n",
        // Names that are keywords elsewhere.
        "SELECT version, \"lock\", listen FROM notify",
    ] {
        assert_eq!(check(sql), Ok(()), "{sql}");
    }
}

#[test]
fn an_unsupported_statement_is_refused_and_the_unsupported_word_named() {
    for (sql, refused) in [
        ("SELECT pg_advisory_lock(1)", "pg_advisory_lock"),
        ("SELECT pg_catalog.now()", "pg_catalog.now"),
        ("SELECT nextval('ids')", "nextval"),
        ("SELECT * FROM generate_series(1, 3)", "generate_series"),
        ("LISTEN orders", "LISTEN orders"),
        ("NOTIFY orders, 'new'", "NOTIFY orders ,"),
        (
            "CREATE EXTENSION IF NOT EXISTS citext",
            "CREATE EXTENSION IF",
        ),
        (
            "CREATE TRIGGER t BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION f()",
            "CREATE TRIGGER t",
        ),
        ("CREATE SEQUENCE ids", "CREATE SEQUENCE ids"),
        (
            "CREATE MATERIALIZED VIEW v AS SELECT 1",
            "CREATE MATERIALIZED VIEW",
        ),
        ("TRUNCATE orders", "TRUNCATE orders"),
        ("CREATE TABLE t (id SERIAL PRIMARY KEY)", "SERIAL"),
        ("CREATE TABLE t (id INTEGER PRIMARY KEY)", "INTEGER"),
        ("CREATE TABLE t (email CITEXT)", "CITEXT"),
        ("CREATE TABLE t (emails CITEXT[])", "CITEXT"),
        (
            "CREATE TABLE t (id UUID GENERATED ALWAYS AS IDENTITY)",
            "IDENTITY",
        ),
        ("CREATE TABLE t (id UUID) INHERITS (u)", "INHERITS"),
        ("CREATE TABLE t (id UUID) TABLESPACE fast", "TABLESPACE"),
        ("CREATE TABLE t (id UUID) WITH (fillfactor = 70)", "WITH"),
        ("CREATE TABLE t AS SELECT 1", "SELECT"),
        ("CREATE UNLOGGED TABLE t (id UUID)", "UNLOGGED"),
        ("CREATE TEMPORARY TABLE t (id UUID)", "TEMPORARY"),
        (
            "CREATE TABLE t (a UUID REFERENCES u (id) DEFERRABLE INITIALLY DEFERRED)",
            "DEFERRABLE",
        ),
        ("CREATE TABLE t (a TEXT COLLATE \"C\")", "COLLATE"),
        ("ALTER TABLE t ADD COLUMN n SERIAL", "SERIAL"),
        (
            "ALTER TABLE t ADD COLUMN a TEXT, ADD COLUMN b TEXT",
            "ALTER TABLE t",
        ),
        ("ALTER TABLE t ALTER COLUMN a TYPE INT8", "ALTER TABLE t"),
        ("ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)", "ALTER TABLE t"),
        ("ALTER TABLE t SET (fillfactor = 70)", "ALTER TABLE t"),
        ("CREATE INDEX i ON t USING hash (a)", "USING"),
        (
            "CREATE INDEX i ON t (a text_pattern_ops)",
            "text_pattern_ops",
        ),
        ("SELECT ctid FROM t", "ctid"),
        ("SELECT t.xmin FROM t", "xmin"),
        ("DELETE FROM t WHERE \"ctid\" = $1", "ctid"),
        ("SELECT * FROM pg_class", "pg_class"),
        ("SELECT * FROM pg_catalog.pg_class", "pg_catalog.pg_class"),
        ("SELECT * FROM \"pg_class\"", "pg_class"),
        ("SELECT * FROM ONLY t", "ONLY"),
        ("SELECT * INTO u FROM t", "INTO"),
        ("SELECT a FROM t TABLESAMPLE system (10)", "TABLESAMPLE"),
        ("SELECT a / 2 FROM t", "/"),
        ("SELECT a FROM t WHERE a ~ 'b'", "~"),
        ("SELECT a::MONEY FROM t", "MONEY"),
        (
            "SELECT a FROM (SELECT lock_timeout() AS a) AS b",
            "lock_timeout",
        ),
        (
            "INSERT INTO t (a) OVERRIDING SYSTEM VALUE VALUES (1)",
            "OVERRIDING",
        ),
        (
            "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ",
            "REPEATABLE",
        ),
        ("SET synchronous_commit = off", "SET synchronous_commit ="),
        ("SELECT 1; SELECT pg_sleep(1)", "pg_sleep"),
    ] {
        let refusal = check(sql).expect_err(sql);
        assert!(
            refusal.contains(&format!("support `{refused}`")),
            "{sql}: {refusal}"
        );
    }
}

#[test]
fn a_statement_that_cannot_be_parsed_is_refused() {
    for sql in [
        "DO $$ BEGIN PERFORM 1; END $$",
        "LOCK TABLE t IN EXCLUSIVE MODE",
        "CREATE TABLE t (a INT8, EXCLUDE USING gist (a WITH =))",
        "SELECT FROM WHERE",
    ] {
        assert!(check(sql).is_err(), "{sql}");
    }
}

#[test]
fn a_refusal_says_what_to_write_instead_of_a_common_word() {
    let refusal = check("CREATE TABLE t (id SERIAL)").unwrap_err();
    assert_eq!(
        refusal,
        "CockroachDB is not known to support `SERIAL` here: it does not count up by one there: write UUID, or INT8 with a \
         number from the code"
    );
}
