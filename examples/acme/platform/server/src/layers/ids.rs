//! The ids of a request: `x-request-id`, taken from the client if it is well-formed, and the W3C `traceparent`.

use std::{net::IpAddr, time::Instant};

use api_runtime::header;
use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    propagation::Extractor,
    trace::{SpanContext, TraceId},
};
use platform_base::context::{self, Context, Ids};
use platform_telemetry::Telemetry;

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// `deadline` is the time at which the request must be answered, `client` is the address of its sender.
pub(super) fn of(
    headers: &HeaderMap,
    telemetry: &Telemetry,
    deadline: Instant,
    client: Option<IpAddr>,
) -> Ids {
    let request_id = headers
        .get(REQUEST_ID)
        .filter(|id| is_well_formed(id.as_bytes()))
        .cloned();
    let request_id = request_id.unwrap_or_else(new_request_id);
    let parent = if headers.contains_key(TRACEPARENT) {
        context::extract(&Headers(headers))
    } else {
        SpanContext::NONE
    };
    let (trace_id, sampled) = if parent.is_valid() {
        (parent.trace_id(), parent.is_sampled())
    } else {
        let exporting = telemetry.otlp_endpoint.is_some();
        let sampled = exporting && rand::random::<f64>() < telemetry.sample_ratio;
        (TraceId::from(rand::random::<u128>()), sampled)
    };
    Ids {
        request_id,
        trace_id,
        sampled,
        parent,
        deadline,
        client,
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        header(self.0, name)
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

/// Returns the id to the caller, whether the caller chose it or not.
pub(super) fn echo(context: &Context, headers: &mut HeaderMap) {
    headers.insert(REQUEST_ID, context.ids().request_id.clone());
}

/// Adds the id to answers that no method gave, too. `sent` is the id from the client.
pub(crate) fn complete(sent: Option<HeaderValue>, headers: &mut HeaderMap) {
    if !headers.contains_key(REQUEST_ID) {
        let kept = sent.filter(|id| is_well_formed(id.as_bytes()));
        headers.insert(REQUEST_ID, kept.unwrap_or_else(new_request_id));
    }
}

/// Whether an id may be logged: up to 128 letters, digits and a few signs.
fn is_well_formed(id: &[u8]) -> bool {
    (1..=128).contains(&id.len())
        && id
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/+=".contains(byte))
}

fn new_request_id() -> HeaderValue {
    let mut text = [0; 32];
    hex(rand::random(), &mut text);
    HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

fn hex(number: u128, text: &mut [u8; 32]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (pair, byte) in text.chunks_exact_mut(2).zip(number.to_be_bytes()) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0xf)];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_id_that_could_forge_a_log_line_is_not_taken() {
        assert!(is_well_formed(b"order-7/3.b"));
        for id in [
            &b""[..],
            b"a b",
            b"a\"",
            b"a\n",
            &[b'a'; 129],
            "ä".as_bytes(),
        ] {
            assert!(!is_well_formed(id), "{id:?}");
        }
    }

    #[test]
    fn a_request_id_made_here_has_32_digits() {
        let mut text = [0; 32];
        hex(0x0123_4567_89ab_cdef, &mut text);
        assert_eq!(&text, b"00000000000000000123456789abcdef");
        assert_eq!(new_request_id().len(), 32);
    }
}
