//! The tokens in the headers of a request: that of its user, and the proof of the service that sends it.

use http::{HeaderMap, HeaderName};

/// The longest accepted token, in bytes. A longer one is refused before it is parsed.
const LONGEST: usize = 8 * 1024;

/// The token of the single header of this name (RFC 6750, section 2.1), or the error `missing` or `invalid`.
pub(crate) fn bearer<E>(
    headers: &HeaderMap,
    name: HeaderName,
    missing: E,
    invalid: E,
) -> Result<&[u8], E> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else {
        return Err(missing);
    };
    let token = match value.as_bytes().split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"Bearer ") => token.trim_ascii(),
        _ => return Err(invalid),
    };
    if values.next().is_some() || token.len() > LONGEST {
        return Err(invalid);
    }
    Ok(token)
}
