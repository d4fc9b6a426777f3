//! What a generated adapter around a service is made of.

use std::{future::ready, pin::Pin};

use tonic::{Response, Status};

/// What a method of a service trait returns: a boxed future, as `async_trait` makes it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send + 'a>>;

/// Answers a request that the service does not get to see.
pub fn refuse<'a, T: Send + 'a>(status: Status) -> Answer<'a, T> {
    Box::pin(ready(Err(status)))
}
