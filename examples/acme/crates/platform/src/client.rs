//! Calls to other services over gRPC.

use std::time::{Duration, Instant};

use tonic::{
    Request,
    metadata::{Ascii, MetadataKey, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::{Error, context};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// A channel to the service at `http://host:port`. It connects when it is first used, and again when it has to.
pub fn connect(address: &str) -> Result<Channel, Error> {
    let endpoint = Endpoint::from_shared(address.to_owned()).map_err(Error::internal)?;
    let endpoint = endpoint
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .tcp_nodelay(true);
    Ok(endpoint.connect_lazy())
}

/// A call on behalf of the request in work: with its token, its ids and the time that is left of it.
pub fn forward<T, U>(request: &Request<T>, message: U) -> Request<U> {
    let mut call = Request::new(message);
    if let Some(token) = request.metadata().get("authorization") {
        call.metadata_mut().insert("authorization", token.clone());
    }
    if let Some(context) = context::current() {
        set(&mut call, "x-request-id", context.request_id());
        set(&mut call, "traceparent", &context.traceparent());
        call.set_timeout(context.deadline().saturating_duration_since(Instant::now()));
    }
    call
}

fn set<T>(call: &mut Request<T>, name: &'static str, value: &str) {
    if let Ok(value) = MetadataValue::<Ascii>::try_from(value) {
        call.metadata_mut()
            .insert(MetadataKey::from_static(name), value);
    }
}
