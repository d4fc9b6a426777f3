//! Lists in pages (AIP-158), newest first.
//!
//! A page token says after which row a page starts: its instant and id. It is opaque to clients, and bound to what the
//! list depends on, so that a token of another list is refused instead of answered with nonsense.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use tonic::Code;
use tonic_types::{ErrorDetails, StatusExt};
use uuid::Uuid;

const DEFAULT_SIZE: usize = 50;
const MAX_SIZE: usize = 1000;

/// The place of a row in a list: rows come newest first, equal instants by descending id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cursor {
    pub created_at: DateTime<Utc>,
    pub id: Uuid,
}

/// Which page is wanted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    size: usize,
    after: Option<Cursor>,
    scope: u32,
}

impl PageRequest {
    /// `page_size` 0 is 50, and more than 1000 is 1000. `scope` is whatever the list depends on besides paging, such as
    /// `users` or `users of 7, active`.
    pub fn new(page_size: i32, page_token: &str, scope: &str) -> Result<Self, BadPageToken> {
        let size = match usize::try_from(page_size) {
            Ok(0) | Err(_) => DEFAULT_SIZE,
            Ok(size) => size.min(MAX_SIZE),
        };
        let scope = hash(scope);
        let after = if page_token.is_empty() {
            None
        } else {
            Some(decode(page_token, scope)?)
        };
        Ok(Self { size, after, scope })
    }

    /// How many rows to fetch: one more than is shown, which tells whether there is a next page.
    pub fn limit(&self) -> i64 {
        self.size as i64 + 1
    }

    /// The last row of the page before; this page starts after it.
    pub fn after(&self) -> Option<Cursor> {
        self.after
    }

    /// The page made of the rows that were fetched with [`PageRequest::limit`].
    pub fn page<T>(&self, mut rows: Vec<T>, cursor: impl Fn(&T) -> Cursor) -> Page<T> {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        let last = rows.last().filter(|_| more);
        let next_page_token = last
            .map(|row| encode(cursor(row), self.scope))
            .unwrap_or_default();
        Page {
            items: rows,
            next_page_token,
        }
    }
}

/// A page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    pub items: Vec<T>,
    /// What asks for the next page; empty on the last one.
    pub next_page_token: String,
}

impl<T> Page<T> {
    pub fn map<U>(self, convert: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(convert).collect(),
            next_page_token: self.next_page_token,
        }
    }
}

/// The token was not made by this list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "page_token is none that this list has given out: send the next_page_token of an earlier answer to the same list"
)]
pub struct BadPageToken;

impl From<BadPageToken> for tonic::Status {
    fn from(error: BadPageToken) -> Self {
        let details = ErrorDetails::with_bad_request_violation("page_token", error.to_string());
        Self::with_error_details(Code::InvalidArgument, error.to_string(), details)
    }
}

fn encode(cursor: Cursor, scope: u32) -> String {
    let mut bytes = [0; 28];
    bytes[..4].copy_from_slice(&scope.to_be_bytes());
    bytes[4..12].copy_from_slice(&cursor.created_at.timestamp_micros().to_be_bytes());
    bytes[12..].copy_from_slice(cursor.id.as_bytes());
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

fn decode(token: &str, scope: u32) -> Result<Cursor, BadPageToken> {
    let bytes = BASE64_URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_| BadPageToken)?;
    let (made_for, rest) = bytes.split_first_chunk::<4>().ok_or(BadPageToken)?;
    let (micros, id) = rest.split_first_chunk::<8>().ok_or(BadPageToken)?;
    if u32::from_be_bytes(*made_for) != scope {
        return Err(BadPageToken);
    }
    Ok(Cursor {
        created_at: DateTime::from_timestamp_micros(i64::from_be_bytes(*micros))
            .ok_or(BadPageToken)?,
        id: Uuid::from_slice(id).map_err(|_| BadPageToken)?,
    })
}

/// FNV-1a: the same in every build and process, which the standard hasher does not promise.
fn hash(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(second: i64) -> Cursor {
        Cursor {
            created_at: DateTime::from_timestamp(second, 123_456_000).unwrap(),
            id: Uuid::from_u128(second as u128),
        }
    }

    fn request(size: i32, token: &str) -> PageRequest {
        PageRequest::new(size, token, "users").unwrap()
    }

    #[test]
    fn a_list_is_walked_page_by_page_to_its_end() {
        let first = request(2, "").page(vec![3, 2, 1], |second| cursor(*second));
        assert_eq!(first.items, [3, 2]);
        let second = request(2, &first.next_page_token);
        assert_eq!(second.after(), Some(cursor(2)));
        assert_eq!(
            second
                .page(vec![1], |second| cursor(*second))
                .next_page_token,
            ""
        );
    }

    #[test]
    fn a_full_last_page_promises_no_next_one() {
        assert_eq!(
            request(2, "")
                .page(vec![2, 1], |second| cursor(*second))
                .next_page_token,
            ""
        );
    }

    #[test]
    fn sizes_stay_within_their_limits() {
        assert_eq!(
            [0, -5, 1, 1000, 1001].map(|size| request(size, "").limit()),
            [51, 51, 2, 1001, 1001]
        );
    }

    #[test]
    fn a_token_that_this_list_did_not_make_is_refused() {
        let of_another_list = PageRequest::new(1, "", "invoices")
            .unwrap()
            .page(vec![2, 1], |s| cursor(*s))
            .next_page_token;
        let cut = &encode(cursor(1), hash("users"))[..20];
        let beyond_time =
            BASE64_URL_SAFE_NO_PAD.encode([&hash("users").to_be_bytes()[..], &[0x7f; 24]].concat());
        for token in [
            of_another_list.as_str(),
            cut,
            beyond_time.as_str(),
            "!",
            "AAAA",
            "å",
        ] {
            assert_eq!(
                PageRequest::new(1, token, "users"),
                Err(BadPageToken),
                "{token}"
            );
        }
    }
}
