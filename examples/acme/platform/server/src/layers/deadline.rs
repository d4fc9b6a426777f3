//! The deadline of a request: the configured timeout, or the caller's `grpc-timeout` if that is shorter.

use std::time::Duration;

use api_runtime::{Transport, header};
use http::HeaderMap;
use platform_base::status;
use tonic::{Code, Status};

/// The caller's timeout.
pub(super) fn of(headers: &HeaderMap, transport: Transport) -> Option<Duration> {
    match transport {
        Transport::Grpc => parse(header(headers, "grpc-timeout")?),
        Transport::Http => None,
    }
}

/// At most eight digits and a unit.
fn parse(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.len() > 8 || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let number: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

pub(super) fn exceeded(timeout: Duration) -> Status {
    status(
        Code::DeadlineExceeded,
        "TIMEOUT",
        format!("the request took longer than {timeout:?}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_units_of_grpc_timeout_are_known_and_nonsense_is_no_deadline() {
        let seconds = |text| parse(text).map(|duration| duration.as_secs_f64());
        assert_eq!(
            ["2H", "3M", "4S", "5m"].map(seconds),
            [Some(7200.0), Some(180.0), Some(4.0), Some(0.005)]
        );
        assert_eq!(
            ["", "S", "1", "1s", "-1S", "123456789S", "1é"].map(seconds),
            [None; 7]
        );
    }
}
