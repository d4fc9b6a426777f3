use uuid::Uuid;

use super::*;

#[derive(Debug, Clone, Copy, PartialEq)]
enum On {
    CreatedAt,
    Code,
    Seats,
    Price,
    Status,
    Paid,
    Owner,
    Born,
    Score,
    Email,
}

const FIELDS: &[Field<On>] = &[
    Field::required(On::CreatedAt, "created_at", Kind::Timestamp),
    Field::required(On::Code, "code", Kind::Text),
    Field::required(On::Seats, "seats", Kind::Int32),
    Field::optional(On::Price, "price", Kind::Decimal),
    Field::required(
        On::Status,
        "status",
        Kind::Enum(&[("STATUS_OPEN", "open"), ("STATUS_DONE", "done")]),
    ),
    Field::required(On::Paid, "paid", Kind::Bool),
    Field::optional(On::Owner, "owner_id", Kind::Id),
    Field::required(On::Born, "born", Kind::Date),
    Field::required(On::Score, "score", Kind::Double),
    Field::required(On::Email, "email", Kind::Email),
];

fn is(field: On, operator: Operator, value: impl Into<Value>) -> Filter<On> {
    Filter::Is(field, operator, value.into())
}

fn parse(text: &str) -> Filter<On> {
    Filter::parse(text, FIELDS).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refusal(text: &str) -> String {
    match Filter::parse(text, FIELDS) {
        Err(error) => error.to_string(),
        Ok(filter) => panic!("{text} was read as {filter:?}"),
    }
}

#[test]
fn each_kind_of_value_is_read_as_what_it_is() {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    assert_eq!(parse(" "), Filter::All(Vec::new()));
    assert_eq!(
        parse(r#"code = "a \"b\" c""#),
        is(On::Code, Equal, "a \"b\" c")
    );
    assert_eq!(parse("code != 'AND'"), is(On::Code, NotEqual, "AND"));
    assert_eq!(parse("code<word"), is(On::Code, Less, "word"));
    assert_eq!(parse("seats <= -7"), is(On::Seats, LessOrEqual, -7));
    assert_eq!(
        parse("price > 12.50"),
        is(On::Price, Greater, Value::Decimal("12.5".parse().unwrap()))
    );
    assert_eq!(
        parse("score >= -1e-3"),
        is(On::Score, GreaterOrEqual, -0.001)
    );
    assert_eq!(parse("paid = true"), is(On::Paid, Equal, true));
    assert_eq!(parse("status = STATUS_DONE"), is(On::Status, Equal, "done"));
    let born: chrono::NaiveDate = "1990-04-12".parse().unwrap();
    assert_eq!(parse("born < 1990-04-12"), is(On::Born, Less, born));
    let noon: chrono::DateTime<chrono::Utc> = "2026-01-31T12:00:00Z".parse().unwrap();
    assert_eq!(
        parse(r#"created_at >= "2026-01-31T14:00:00+02:00""#),
        is(On::CreatedAt, GreaterOrEqual, noon)
    );
    assert_eq!(
        parse(&format!("owner_id = {}", Uuid::nil())),
        is(On::Owner, Equal, Uuid::nil())
    );
}

#[test]
fn or_binds_tighter_than_and() {
    let [a, b, c] = [1, 2, 3].map(|seats| is(On::Seats, Operator::Equal, seats));
    let either =
        |left: &Filter<On>, right: &Filter<On>| Filter::Any(vec![left.clone(), right.clone()]);
    assert_eq!(
        parse("seats = 1 AND seats = 2 OR seats = 3"),
        Filter::All(vec![a.clone(), either(&b, &c)])
    );
    assert_eq!(
        parse("NOT (seats = 1 OR -seats = 2)"),
        Filter::Not(Box::new(either(&a, &Filter::Not(Box::new(b)))))
    );
}

#[test]
fn what_cannot_be_read_is_refused_with_its_place() {
    assert_eq!(
        refusal("code = 'ä' AND"),
        "filter cannot be read at character 12: unexpected keyword AND"
    );
    let deep = format!("{}paid = true{}", "(".repeat(99), ")".repeat(99));
    assert!(refusal(&deep).contains("nested deeper"));
    assert!(refusal(&"(".repeat(1500)).contains("nested deeper"));
    assert!(refusal(&format!("code = {}", "a".repeat(MAX_LENGTH))).contains("longer than 2000"));
    assert_eq!(
        refusal("bio = x"),
        "filter cannot be by `bio`: use created_at, code, seats, price, status, paid, owner_id, born, score or email"
    );
    assert_eq!(
        refusal("status = OPEN"),
        "filter compares `status`: OPEN is not STATUS_OPEN or STATUS_DONE"
    );
    for text in [
        "code",
        "code:x",
        "seats = 1 seats = 2",
        "seats = (1)",
        "owner.name = x",
        "contains(code, x)",
        "seats = code.x",
        "seats = 1.5",
        "seats = 3000000000",
        "seats = \"1\"",
        "seats = one",
        "price = 0.0000001",
        "price = 1e12",
        "price = NaN",
        "score = inf",
        "score = 1e999",
        "paid = 1",
        "paid > true",
        "status < STATUS_DONE",
        "owner_id = 7",
        "owner_id < x",
        "born = 1990-02-30",
        "born = \"+10000-01-01\"",
        "code = \"a*\"",
        "code = '*'",
        "created_at > 2026",
        "created_at > \"2026-01-31\"",
        "created_at > \"2026-01-31T12:00:00.1234567Z\"",
        "created_at < \"0001-01-01T00:00:00+01:00\"",
        "code = \"open",
        "code == x",
        "AND code = x",
        "code = x)",
    ] {
        assert!(refusal(text).starts_with("filter "), "{text}");
    }
}

#[test]
fn a_field_without_a_value_fulfils_no_comparison() {
    let row = |price: Option<i64>| {
        move |field| match field {
            On::Price => price.map(|price| Value::Decimal(price.into())),
            _ => Some(Value::Int32(3)),
        }
    };
    for text in [
        "price = 5",
        "price != 5",
        "NOT price = 5",
        "NOT price != 5",
        "price = 5 AND seats = 3",
    ] {
        assert_eq!(parse(text).holds(&row(None)), None, "{text}");
    }
    assert_eq!(
        parse("price = 5 OR seats = 3").holds(&row(None)),
        Some(true)
    );
    assert_eq!(
        parse("price = 5 AND seats = 4").holds(&row(None)),
        Some(false)
    );
    let compared = ["=", "!=", "<", "<=", ">", ">="]
        .map(|operator| parse(&format!("price {operator} 5")).holds(&row(Some(5))));
    assert_eq!(compared, [true, false, false, true, false, true].map(Some));
}

#[test]
fn a_number_is_read_bit_by_bit() {
    let numbers = std::iter::repeat_with(|| f64::from_bits(rand::random()));
    for number in numbers.filter(|number| number.is_finite()).take(10_000) {
        for text in [format!("{number:?}"), format!("{number:.16e}")] {
            let Filter::Is(_, _, Value::Double(read)) = parse(&format!("score = {text}")) else {
                panic!("{text} is no number");
            };
            assert_eq!(read.to_bits(), number.to_bits(), "{text}");
        }
    }
}

#[test]
fn an_address_is_the_same_in_whatever_letters() {
    assert_eq!(
        parse("email = \"Zoe@Example.com\""),
        is(On::Email, Operator::Equal, "zoe@example.com")
    );
}
