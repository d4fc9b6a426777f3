//! The ids of a request: `x-request-id`, taken from the client when it is well formed, and the W3C `traceparent`.

use std::{net::IpAddr, time::Instant};

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::trace::{SpanId, TraceId};

use crate::{
    config::Telemetry,
    context::{Context, Ids},
};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
pub(crate) const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// `deadline` is when the request's time is over, `client` who has sent it.
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
    match headers
        .get(TRACEPARENT)
        .and_then(|value| parse(value.as_bytes()))
    {
        Some((trace_id, parent, sampled)) => Ids {
            request_id,
            trace_id,
            parent: Some(parent),
            sampled,
            deadline,
            client,
        },
        None => {
            let exporting = telemetry.otlp_endpoint.is_some();
            Ids {
                request_id,
                trace_id: TraceId::from(rand::random::<u128>()),
                parent: None,
                sampled: exporting && rand::random::<f64>() < telemetry.sample_ratio,
                deadline,
                client,
            }
        }
    }
}

/// The caller learns the id, whether it chose it or not.
pub(super) fn echo(context: &Context, headers: &mut HeaderMap) {
    headers.insert(REQUEST_ID, context.ids().request_id.clone());
}

/// Tells it on answers that no method gave, too: `sent` is what the client sent.
pub(crate) fn complete(sent: Option<HeaderValue>, headers: &mut HeaderMap) {
    if !headers.contains_key(REQUEST_ID) {
        let kept = sent.filter(|id| is_well_formed(id.as_bytes()));
        headers.insert(REQUEST_ID, kept.unwrap_or_else(new_request_id));
    }
}

/// What may stand in a log line: up to 128 letters, digits and a few signs.
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
    for (place, digit) in text.iter_mut().rev().enumerate() {
        *digit = b"0123456789abcdef"[(number >> (4 * place)) as usize & 0xf];
    }
}

/// `00-<trace id>-<span id>-<flags>`; a later version may be longer.
fn parse(value: &[u8]) -> Option<(TraceId, SpanId, bool)> {
    let text = std::str::from_utf8(value).ok()?;
    let mut parts = text.splitn(5, '-');
    let (version, trace_id, span_id, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = (version.len(), trace_id.len(), span_id.len(), flags.len()) == (2, 32, 16, 2);
    if !lengths || version == "ff" || (version == "00" && parts.next().is_some()) {
        return None;
    }
    let trace_id = TraceId::from_hex(trace_id)
        .ok()
        .filter(|id| *id != TraceId::INVALID)?;
    let span_id = SpanId::from_hex(span_id)
        .ok()
        .filter(|id| *id != SpanId::INVALID)?;
    let sampled = u8::from_str_radix(flags, 16).ok()? & 1 == 1;
    Some((trace_id, span_id, sampled))
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

    #[test]
    fn only_a_valid_traceparent_continues_a_trace() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (trace_id, span_id, sampled) = parse(valid.as_bytes()).unwrap();
        assert_eq!(trace_id.to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(span_id.to_string(), "00f067aa0ba902b7");
        assert!(sampled);
        assert!(!parse(valid.replace("-01", "-00").as_bytes()).unwrap().2);
        assert!(
            parse(
                valid
                    .replacen("00", "cc", 1)
                    .replace("-01", "-01-later")
                    .as_bytes()
            )
            .is_some()
        );
        for wrong in [
            "",
            "00",
            &valid[1..],
            &format!("{valid}-x"),
            &valid.replace("4bf", "xyz"),
        ] {
            assert!(parse(wrong.as_bytes()).is_none(), "{wrong}");
        }
        assert!(parse(b"00-00000000000000000000000000000000-00f067aa0ba902b7-01").is_none());
    }
}
