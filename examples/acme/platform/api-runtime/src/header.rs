use http::{HeaderMap, header::AsHeaderName};

/// The value of a header; `None` if it is not there, or is not text.
pub fn header(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
