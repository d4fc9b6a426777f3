//! Lists: which rows (AIP-160), in which order (AIP-132), in pages (AIP-158).
//!
//! This is keyset pagination: a page starts after the last row of the page before and counts no rows, so page 1000
//! costs as much as page 1. The page token holds the position of that row and a hash over it and the request. A changed
//! token is refused, and so is a token with another filter or order. The hash has no key, so a client can forge a token
//! and choose where a page begins. It still sees only rows of this list: the query must enforce what a caller may see,
//! never the token.

use std::cmp::Ordering;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use platform_base::Error;
use prost::Message;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    Invalid,
    filter::{self, Field, Filter, Kind, Value},
};

const DEFAULT_SIZE: usize = 50;
const MAX_SIZE: usize = 1000;
/// How many bytes the messages of a page have at most. A gRPC client takes 4 MiB, with the rest of the answer.
const MAX_BYTES: usize = 4_000_000;

/// A row of a list.
pub trait Listed {
    /// The fields that its lists can be filtered and ordered by.
    type Field: Copy;

    /// The tie-breaker between rows that are equal in the ordered field.
    fn id(&self) -> Uuid;

    /// The value of a field, if it has one.
    fn value(&self, field: Self::Field) -> Option<Value>;
}

/// A list request as the client sent it.
#[derive(Debug, Clone, Copy, Default)]
pub struct ListRequest<'a> {
    /// The maximum number of rows: 0 means 50, and more than 1000 means 1000.
    pub page_size: i32,
    /// `next_page_token` of the page before; empty for the first page.
    pub page_token: &'a str,
    /// The filter; see [`filter`]. Empty for all rows.
    pub filter: &'a str,
    /// A field name, followed by `desc` for descending order: `seats desc`. Empty for the newest first.
    pub order_by: &'a str,
}

/// A validated list request: which rows, in which order, after which row. `F` names the fields.
#[derive(Debug, Clone, PartialEq)]
pub struct ListQuery<F> {
    size: usize,
    filter: Filter<F>,
    order: Order<F>,
    after: Option<Cursor>,
    asked: Vec<String>,
}

/// The order of a list. Rows with equal values are ordered by id, in the same direction.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Order<F> {
    pub field: F,
    pub descending: bool,
    kind: Kind,
}

/// The position of a row in a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Cursor {
    /// The row's value of the field that the list is ordered by.
    pub value: Value,
    pub id: Uuid,
}

impl<F: Copy> ListQuery<F> {
    /// Parses a list request.
    ///
    /// `list` identifies the list in page tokens: its name and whatever else it depends on, such as `tasks of 7`. It
    /// can be filtered and ordered by `fields`. The default order is descending by the first of them.
    ///
    /// # Errors
    /// INVALID_ARGUMENT, with a sentence, for a filter or an order that is not valid for this list, and for a page
    /// token that this list did not issue.
    pub fn new(list: &str, fields: &[Field<F>], request: ListRequest<'_>) -> Result<Self, Invalid> {
        let size = match usize::try_from(request.page_size) {
            Ok(0) | Err(_) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
        };
        let mut query = Self {
            size,
            filter: Filter::parse(request.filter, fields)?,
            order: Order::parse(request.order_by, fields)?,
            after: None,
            asked: [list, request.filter, request.order_by]
                .map(str::to_owned)
                .into(),
        };
        if !request.page_token.is_empty() {
            query.after = Some(query.decode(request.page_token).ok_or_else(foreign_token)?);
        }
        Ok(query)
    }

    /// The filter of the rows.
    pub fn filter(&self) -> &Filter<F> {
        &self.filter
    }

    /// The order of the rows.
    pub fn order(&self) -> Order<F> {
        self.order
    }

    /// The last row of the page before; this page starts after it.
    pub fn after(&self) -> Option<&Cursor> {
        self.after.as_ref()
    }

    /// How many rows to fetch: one more than a page shows, to find out whether there is a next page.
    pub fn limit(&self) -> i64 {
        self.size as i64 + 1
    }

    /// Makes the page from the rows that were fetched with [`ListQuery::limit`].
    pub fn page<T: Listed<Field = F>>(&self, mut rows: Vec<T>) -> Result<Page<T>, Error> {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        let next_page_token = match rows.last().filter(|_| more) {
            Some(last) => self.encode(&self.place(last)?),
            None => String::new(),
        };
        Ok(Page {
            items: rows,
            next_page_token,
        })
    }

    /// Converts the rows of a page to messages, as many as fit into an answer: the next page starts after the last of
    /// these. A first row that is too large is an answer by itself.
    pub fn fit<T: Listed<Field = F>, M: Message>(
        &self,
        page: Page<T>,
        convert: impl Fn(T) -> M,
    ) -> Result<Page<M>, Error> {
        let mut fitting = Page {
            items: Vec::with_capacity(page.items.len()),
            next_page_token: page.next_page_token,
        };
        let (mut bytes, mut last) = (0, None);
        for row in page.items {
            let place = self.place(&row)?;
            let message = convert(row);
            let length = message.encoded_len();
            // The field's tag and the length stand before the message.
            bytes += length + 2 + prost::length_delimiter_len(length);
            if let Some(last) = last.filter(|_| bytes > MAX_BYTES) {
                fitting.next_page_token = self.encode(&last);
                break;
            }
            fitting.items.push(message);
            last = Some(place);
        }
        Ok(fitting)
    }

    /// Filters, orders and limits rows in memory as a database does. For the in-memory repositories of tests.
    pub fn select<T: Listed<Field = F>>(&self, mut rows: Vec<T>) -> Vec<T> {
        rows.retain(|row| self.filter.holds(&|field| row.value(field)) == Some(true));
        let place = |row: &T| (row.value(self.order.field), row.id());
        let directed = |order: Option<Ordering>| {
            let order = order.unwrap_or(Ordering::Equal);
            if self.order.descending {
                order.reverse()
            } else {
                order
            }
        };
        rows.sort_by(|left, right| directed(place(left).partial_cmp(&place(right))));
        if let Some(Cursor { value, id }) = &self.after {
            let after = (Some(value.clone()), *id);
            rows.retain(|row| directed(place(row).partial_cmp(&after)).is_gt());
        }
        rows.truncate(self.size + 1);
        rows
    }

    fn place<T: Listed<Field = F>>(&self, row: &T) -> Result<Cursor, Error> {
        let value = row.value(self.order.field);
        let value =
            value.ok_or_else(|| Error::internal("a list is ordered by a field without a value"))?;
        Ok(Cursor {
            value,
            id: row.id(),
        })
    }

    fn encode(&self, cursor: &Cursor) -> String {
        let value = cursor.value.to_string();
        let place = [cursor.id.as_bytes(), value.as_bytes()].concat();
        BASE64_URL_SAFE_NO_PAD.encode([&self.hash(&place)[..], &place].concat())
    }

    fn decode(&self, token: &str) -> Option<Cursor> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?;
        let (hash, place) = bytes.split_first_chunk::<16>()?;
        if *hash != self.hash(place) {
            return None;
        }
        let (id, value) = place.split_first_chunk::<16>()?;
        Some(Cursor {
            value: self.order.kind.stored(str::from_utf8(value).ok()?).ok()?,
            id: Uuid::from_bytes(*id),
        })
    }

    /// The first half of a SHA-256 over the request and the position in the token.
    fn hash(&self, place: &[u8]) -> [u8; 16] {
        let mut hash = Sha256::new();
        for part in self.asked.iter().map(String::as_bytes).chain([place]) {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut half = [0; 16];
        half.copy_from_slice(&hash.finalize()[..16]);
        half
    }
}

impl<F: Copy> Order<F> {
    fn parse(text: &str, fields: &[Field<F>]) -> Result<Self, Invalid> {
        let invalid = |problem: String| Invalid::new("order_by", problem);
        let sortable = fields.iter().filter(|field| !field.optional);
        let words: Vec<_> = text.split_whitespace().collect();
        let (name, descending) = match words[..] {
            [] => (fields.first().map_or("", |field| field.name), true),
            [name] | [name, "asc"] => (name, false),
            [name, "desc"] => (name, true),
            _ => ("", false),
        };
        if name.is_empty() || name.contains(',') {
            return Err(invalid(format!(
                "takes one field, and `desc` behind it for the greatest first: `{text}` is something else"
            )));
        }
        let field = sortable.clone().find(|field| field.name == name);
        let field = field.ok_or_else(|| {
            let names = filter::list(sortable.map(|field| field.name));
            invalid(format!("cannot be `{name}`: use {names}"))
        })?;
        Ok(Self {
            field: field.id,
            descending,
            kind: field.kind,
        })
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// The token of the next page; empty on the last page.
    pub next_page_token: String,
}

fn foreign_token() -> Invalid {
    let problem = "is none that this list has given out: send the next_page_token of an earlier answer, with the filter \
        and the order_by of then";
    Invalid::new("page_token", problem.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Row {
        id: u128,
        score: f64,
        name: &'static str,
    }

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum By {
        Id,
        Score,
        Name,
    }

    const FIELDS: &[Field<By>] = &[
        Field::required(By::Id, "id", Kind::Id),
        Field::required(By::Score, "score", Kind::Double),
        Field::required(By::Name, "name", Kind::Text),
        Field::optional(By::Name, "alias", Kind::Text),
    ];

    impl Listed for Row {
        type Field = By;

        fn id(&self) -> Uuid {
            Uuid::from_u128(self.id)
        }

        fn value(&self, field: By) -> Option<Value> {
            Some(match field {
                By::Id => self.id().into(),
                By::Score => self.score.into(),
                By::Name => self.name.into(),
            })
        }
    }

    fn rows() -> Vec<Row> {
        [
            (1, 0.1, "b"),
            (2, 0.3, "a"),
            (3, 0.1, "ä"),
            (4, 1e-300, "a"),
            (5, 0.3, ""),
        ]
        .map(|(id, score, name)| Row { id, score, name })
        .into()
    }

    fn query(request: ListRequest<'_>) -> ListQuery<By> {
        ListQuery::new("rows", FIELDS, request).unwrap()
    }

    /// The ids of the whole list, fetched page by page.
    fn walk(size: i32, filter: &str, order_by: &str) -> Vec<u128> {
        let (mut ids, mut token) = (Vec::new(), String::new());
        loop {
            let request = ListRequest {
                page_size: size,
                page_token: &token,
                filter,
                order_by,
            };
            let query = query(request);
            let page = query.page(query.select(rows())).unwrap();
            assert!(page.items.len() <= size as usize);
            ids.extend(page.items.iter().map(|row| row.id));
            token = page.next_page_token;
            if token.is_empty() {
                return ids;
            }
        }
    }

    #[test]
    fn a_list_is_walked_page_by_page_to_its_end() {
        for size in 1..=6 {
            assert_eq!(walk(size, "", ""), [5, 4, 3, 2, 1]);
            assert_eq!(walk(size, "", "id asc"), [1, 2, 3, 4, 5]);
            assert_eq!(walk(size, "", " score  desc "), [5, 2, 3, 1, 4]);
            assert_eq!(walk(size, "", "score"), [4, 1, 3, 2, 5]);
            assert_eq!(walk(size, "", "name"), [5, 2, 4, 1, 3]);
            assert_eq!(
                walk(size, "score > 0.05 AND name != ''", "name desc"),
                [3, 1, 2]
            );
        }
    }

    #[test]
    fn sizes_stay_within_their_limits() {
        let limits = [0, -5, 1, 1000, 1001].map(|page_size| {
            let request = ListRequest {
                page_size,
                ..ListRequest::default()
            };
            query(request).limit()
        });
        assert_eq!(limits, [51, 51, 2, 1001, 1001]);
    }

    #[test]
    fn a_page_is_cut_where_an_answer_is_full_and_the_token_goes_on_from_there() {
        // Five rows of 1.5 MB, two of which fit, and a row that is too large alone.
        for (bytes, pages) in [(1_500_000, vec![2, 2, 1]), (5_000_000, vec![1; 5])] {
            let (mut ids, mut sizes) = (Vec::new(), Vec::new());
            let mut token = String::new();
            loop {
                let query = query(ListRequest {
                    page_token: &token,
                    order_by: "score",
                    ..ListRequest::default()
                });
                let page = query.page(query.select(rows())).unwrap();
                let message = |row: Row| format!("{}{}", row.id, " ".repeat(bytes));
                let page = query.fit(page, message).unwrap();
                sizes.push(page.items.len());
                let shown = page.items.iter().map(|text| text.trim().parse::<u128>());
                ids.extend(shown.map(Result::unwrap));
                token = page.next_page_token;
                if token.is_empty() {
                    break;
                }
            }
            assert_eq!(sizes, pages);
            assert_eq!(ids, [4, 1, 3, 2, 5]);
        }
    }

    #[test]
    fn an_order_that_the_list_does_not_have_is_refused() {
        for (order_by, part) in [
            ("alias", "cannot be `alias`: use id, score or name"),
            ("secret desc", "cannot be `secret`"),
            ("name, id", "takes one field"),
            ("name,id", "takes one field"),
            ("name DESC", "takes one field"),
            ("name desc id", "takes one field"),
        ] {
            let request = ListRequest {
                order_by,
                ..ListRequest::default()
            };
            let refused = ListQuery::new("rows", FIELDS, request).unwrap_err();
            assert!(refused.to_string().contains(part), "{refused}");
        }
    }

    #[test]
    fn a_token_goes_with_the_list_that_gave_it_out_and_no_other() {
        let asked = ListRequest {
            page_size: 1,
            filter: "score > 0",
            order_by: "score",
            ..ListRequest::default()
        };
        let first = query(asked);
        let token = first.page(first.select(rows())).unwrap().next_page_token;
        let accepted = |list: &str, request: ListRequest<'_>, token: &str| {
            ListQuery::new(
                list,
                FIELDS,
                ListRequest {
                    page_token: token,
                    ..request
                },
            )
            .is_ok()
        };
        assert!(accepted("rows", asked, &token));
        assert!(accepted(
            "rows",
            ListRequest {
                page_size: 7,
                ..asked
            },
            &token
        ));
        assert!(!accepted("others", asked, &token));
        assert!(!accepted(
            "rows",
            ListRequest {
                filter: "score > 1",
                ..asked
            },
            &token
        ));
        assert!(!accepted(
            "rows",
            ListRequest {
                order_by: "score desc",
                ..asked
            },
            &token
        ));
        // The hash separates its parts: a letter moved from one part to the next changes it.
        assert!(!accepted(
            "rowss",
            ListRequest {
                filter: "core > 0",
                ..asked
            },
            &token
        ));

        for at in 0..token.len() {
            let mut changed = token.clone().into_bytes();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(!accepted("rows", asked, &changed), "{changed}");
        }
        for token in [&token[..20], &token[..token.len() - 1], "!", "AAAA", "å"] {
            assert!(!accepted("rows", asked, token), "{token}");
        }
    }

    #[test]
    fn a_number_in_a_token_is_read_bit_by_bit() {
        let numbers = std::iter::repeat_with(|| f64::from_bits(rand::random()));
        for number in numbers.filter(|number| number.is_finite()).take(10_000) {
            let request = ListRequest {
                order_by: "score",
                ..ListRequest::default()
            };
            let cursor = Cursor {
                value: number.into(),
                id: Uuid::nil(),
            };
            let token = query(request).encode(&cursor);
            let next = query(ListRequest {
                page_token: &token,
                ..request
            });
            let Some(Value::Double(read)) = next.after().map(|after| after.value.clone()) else {
                panic!("{number} is no number");
            };
            assert_eq!(read.to_bits(), number.to_bits(), "{number}");
        }
    }
}
