//! A million rows: the cost of a page does not depend on its position in the list.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use tests::{acme::Backend, http::Http, servers::Postgres};

const PAGE: usize = 50;
const FAR: usize = 10_000;

/// The accepted difference in buffers between two pages: their rows may lie on this many more blocks, or their index
/// may be one level deeper.
const TOLERANCE: usize = 10;

/// An order, and the columns that determine a row's position in it.
const ORDERS: &[(&str, &str)] = &[
    ("", "created_at DESC, id DESC"),
    ("created_at", "created_at, id"),
    // A thousand rows share each value.
    ("seats", "seats, id"),
    ("seats desc", "seats DESC, id DESC"),
    ("code", "code, id"),
];

#[test]
fn the_ten_thousandth_page_reads_as_much_as_the_first() {
    let server = Postgres::of_the_distribution().unwrap();
    let settings = [
        ("DATABASE__URL", server.url()),
        ("DATABASE__MIGRATE_AT_START", "true".to_owned()),
    ];
    let settings = settings
        .each_ref()
        .map(|(key, value)| (*key, value.as_str()));
    let backend = Backend::start(&settings).unwrap();
    let begun = Instant::now();
    fill(&server).unwrap();
    println!("a million rows were written in {:.1?}", begun.elapsed());

    for (order_by, columns) in ORDERS {
        let [first, next] = statements(&server, &backend.client(), order_by).unwrap();
        let first = Cost::of(&server, &first, &format!("{}", PAGE + 1)).unwrap();
        let before = format!(
            "SELECT {}, id FROM records ORDER BY {columns} OFFSET {} LIMIT 1",
            columns.split([' ', ',']).next().unwrap(),
            (FAR - 1) * PAGE - 1
        );
        let cursor = server.sql(&before).unwrap();
        let (value, id) = cursor.split_once('|').unwrap();
        let far = Cost::of(&server, &next, &format!("'{value}', '{id}', {}", PAGE + 1)).unwrap();

        let shown = if order_by.is_empty() {
            "newest first"
        } else {
            order_by
        };
        println!("{shown}: page 1 {first:?}, page {FAR} {far:?}");
        assert_eq!((first.rows, far.rows), (PAGE + 1, PAGE + 1), "{shown}");
        assert!(first.buffers.abs_diff(far.buffers) <= TOLERANCE, "{shown}");
    }
}

fn fill(server: &Postgres) -> Result<()> {
    server.sql(
        "INSERT INTO records (id, version, created_at, updated_at, code, active, seats, visits, score, hired_at, \
           status, user_id) \
         SELECT gen_random_uuid(), 1, now() - n * interval '1 millisecond', now(), 'code ' || n, true, n % 1000, n, 0, \
           now(), 'active', gen_random_uuid() \
         FROM generate_series(1, 1000000) AS n",
    )?;
    server.sql("VACUUM ANALYZE records")?;
    // This also affects the service's existing connections.
    server.sql("ALTER SYSTEM SET log_statement = 'all'")?;
    server.sql("SELECT pg_reload_conf()")?;
    Ok(())
}

/// The service's statements for the first page and for the next one.
fn statements(server: &Postgres, client: &Http, order_by: &str) -> Result<[String; 2]> {
    let query = format!(
        "/v1/records?pageSize={PAGE}&orderBy={}",
        order_by.replace(' ', "%20")
    );
    let first = client.get(&query)?.json()?;
    let token = first["nextPageToken"].as_str().context("no next page")?;
    let next = client.get(&format!("{query}&pageToken={token}"))?;
    ensure!(next.status == 200, "{next:?}");

    let log = server.log()?;
    let mut statements = log
        .lines()
        .filter_map(|line| line.split_once("execute ")?.1.split_once(": "))
        .map(|(_, statement)| statement)
        .filter(|statement| {
            statement.starts_with("SELECT") && statement.contains("FROM \"records\"")
        })
        .rev();
    let next = statements.next().context("nothing was logged")?;
    let first = statements.next().context("only one page was asked for")?;
    Ok([first.to_owned(), next.to_owned()])
}

/// The cost of a statement.
#[derive(Debug)]
struct Cost {
    rows: usize,
    buffers: usize,
    #[expect(dead_code, reason = "for the reader of the output")]
    milliseconds: f64,
}

impl Cost {
    fn of(server: &Postgres, statement: &str, parameters: &str) -> Result<Self> {
        let plan = server.sql(&format!(
            "PREPARE page AS {statement}; EXPLAIN (ANALYZE, BUFFERS) EXECUTE page({parameters})"
        ))?;
        let number = |after: &str| {
            let rest = plan.split_once(after)?.1;
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
            rest[..end].parse::<f64>().ok()
        };
        let actual = plan.split_once("actual time").context("no analysis")?.1;
        let rows = actual.split_once("rows=").context("no rows")?.1;
        let rows = rows.split(' ').next().unwrap_or_default().parse()?;
        // The first line about buffers covers the whole statement.
        let whole = plan
            .lines()
            .find(|line| line.contains("Buffers: shared"))
            .with_context(|| format!("no buffers in {plan}"))?;
        let buffers = ["hit=", "read="]
            .iter()
            .filter_map(|kind| {
                whole
                    .split_once(kind)?
                    .1
                    .split(' ')
                    .next()?
                    .parse::<usize>()
                    .ok()
            })
            .sum();
        Ok(Self {
            rows,
            buffers,
            milliseconds: number("Execution Time: ").context("no time")?,
        })
    }
}
