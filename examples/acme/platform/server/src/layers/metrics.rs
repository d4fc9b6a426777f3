//! Rate, errors and duration of each method: `rpc_requests_total` and `rpc_duration_seconds`.

use std::{sync::OnceLock, time::Duration};

use ::metrics::{Counter, Histogram, counter, histogram};
use api_runtime::Transport;
use tonic::Code;

/// Metric handles, looked up once: to find a metric by its name and labels costs more than all other layers.
pub(super) struct Metrics {
    rpc: &'static str,
    transport: &'static str,
    // Created on first use, so that `/metrics` has no lines for events that never happened.
    duration: OnceLock<Histogram>,
    /// By code.
    requests: [OnceLock<Counter>; CODES],
}

const CODES: usize = 17;

impl Metrics {
    pub fn new(rpc: &'static str, transport: Transport) -> Self {
        let transport = match transport {
            Transport::Grpc => "grpc",
            Transport::Http => "http",
        };
        Self {
            rpc,
            transport,
            duration: OnceLock::new(),
            requests: [const { OnceLock::new() }; CODES],
        }
    }

    pub fn record(&self, code: Code, duration: Duration) {
        let new =
            || histogram!("rpc_duration_seconds", "rpc" => self.rpc, "transport" => self.transport);
        self.duration.get_or_init(new).record(duration);
        let Some(requests) = self.requests.get(code as usize) else {
            return;
        };
        let new = || counter!("rpc_requests_total", "rpc" => self.rpc, "transport" => self.transport, "code" => name(code));
        requests.get_or_init(new).increment(1);
    }
}

/// The name of a code in the gRPC specification.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}
