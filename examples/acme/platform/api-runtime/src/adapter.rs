//! The building blocks of the generated adapter around a service.

use std::{future::ready, pin::Pin};

use futures_util::{Stream, StreamExt, stream::BoxStream};
use tonic::{Request, Response, Status};

use crate::{message::Message, viewer::Viewer};

/// The return type of a service method: a boxed future, as `async_trait` makes it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<Response<T>, Status>> + Send + 'a>>;

/// A stream of answers without the fields that the viewer may not see.
pub type Hidden<T> = BoxStream<'static, Result<T, Status>>;

/// Answers a request before the service sees it.
pub fn refuse<'a, T: Send + 'a>(status: Status) -> Answer<'a, T> {
    Box::pin(ready(Err(status)))
}

/// A request with another message, from the same caller, with the same metadata and extensions.
pub fn of_same_caller<T, M>(request: &Request<T>, message: M) -> Request<M> {
    let (metadata, extensions) = (request.metadata().clone(), request.extensions().clone());
    Request::from_parts(metadata, extensions, message)
}

/// Clears the fields of an answer that the viewer may not see.
pub fn hide<'a, T: Message + Send + 'a>(
    viewer: Option<Viewer>,
    answer: Answer<'a, T>,
) -> Answer<'a, T> {
    Box::pin(async move {
        let mut answer = answer.await?;
        answer.get_mut().hide(viewer.as_ref());
        Ok(answer)
    })
}

/// The same for each message of a stream.
pub fn hide_each<'a, T, S>(viewer: Option<Viewer>, answer: Answer<'a, S>) -> Answer<'a, Hidden<T>>
where
    T: Message + 'static,
    S: Stream<Item = Result<T, Status>> + Send + 'static,
{
    Box::pin(async move {
        Ok(answer.await?.map(|messages| {
            let hidden = messages.map(move |message| {
                let mut message = message?;
                message.hide(viewer.as_ref());
                Ok(message)
            });
            hidden.boxed()
        }))
    })
}
