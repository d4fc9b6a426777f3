//! Turns an HTTP request into a method call, and its result into an answer.

use std::{convert::Infallible, future::ready, sync::Arc};

use axum::body::{Body as HttpBody, Bytes};
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderName, HeaderValue, StatusCode, header, request::Parts};
use http_body::{Body as _, Frame};
use http_body_util::{BodyExt, LengthLimitError, StreamBody};
use tonic::{Status, metadata::MetadataMap};

use super::{
    body::{Body, Reply},
    path::{Template, Variable},
    route::Route,
};
use crate::{
    endpoint::{Endpoint, Request, Response, Transport},
    error,
    message::Message,
    method::Method,
    params::{Arity, ParamError, pairs},
    violations::Violations,
};

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// The mapping of one HTTP binding of a method, without the parts that depend on types.
#[derive(Debug)]
pub struct Rule {
    /// HTTP method, `GET`.
    pub verb: &'static str,
    pub template: Template,
    /// The field in the body (proto name), or `*` for all. No query parameter may set it.
    pub body: &'static str,
    /// The same as a JSON name.
    pub body_json: &'static str,
}

/// Decodes the body into the request message.
pub type Decode<Q> = fn(&mut Q, &Body<'_>, &mut Violations);
/// Encodes the body of the answer.
pub type Encode<R> = fn(&R) -> Result<Reply, serde_json::Error>;

/// The route of a method with one answer.
pub fn unary<T, Q, R, F>(
    method: &'static Method,
    rule: &'static Rule,
    decode: Decode<Q>,
    encode: Encode<R>,
    service: &Arc<T>,
    call: impl Fn(Arc<T>, tonic::Request<Q>) -> F + Copy + Send + Sync + 'static,
) -> Route
where
    T: Send + Sync + 'static,
    Q: Message + Send + 'static,
    R: Send + 'static,
    F: Future<Output = Result<tonic::Response<R>, Status>> + Send + 'static,
{
    let service = service.clone();
    let endpoint = Endpoint::new(move |request| {
        let service = service.clone();
        Box::pin(async move {
            let request = match read(rule, decode, request).await {
                Ok(request) => request,
                Err(response) => return Ok(response),
            };
            Ok(call(service, request)
                .await
                .and_then(|answer| write(answer, encode))
                .unwrap_or_else(failed))
        })
    });
    Route {
        verb: rule.verb,
        template: &rule.template,
        method,
        endpoint,
    }
}

/// The route of a method with a stream of answers: one line of JSON for each, or events if the client asks for
/// `text/event-stream`. A stream that fails ends with a line `{"error": …}` and the trailer `grpc-status`. The layers
/// around it need the trailer; HTTP/1 clients do not get it.
pub fn stream<T, Q, R, S, F>(
    method: &'static Method,
    rule: &'static Rule,
    decode: Decode<Q>,
    encode: Encode<R>,
    service: &Arc<T>,
    call: impl Fn(Arc<T>, tonic::Request<Q>) -> F + Copy + Send + Sync + 'static,
) -> Route
where
    T: Send + Sync + 'static,
    Q: Message + Send + 'static,
    R: Send + 'static,
    S: Stream<Item = Result<R, Status>> + Send + 'static,
    F: Future<Output = Result<tonic::Response<S>, Status>> + Send + 'static,
{
    let service = service.clone();
    let endpoint = Endpoint::new(move |request| {
        let service = service.clone();
        Box::pin(async move {
            let form = Form::of(&request);
            let request = match read(rule, decode, request).await {
                Ok(request) => request,
                Err(response) => return Ok(response),
            };
            Ok(call(service, request).await.map_or_else(failed, |answer| {
                let (metadata, messages, _) = answer.into_parts();
                let mut broken = false;
                let frames = messages
                    .map(move |message| {
                        message.and_then(|message| encode(&message).map_err(unwritable))
                    })
                    // The line with the error is the last one.
                    .take_while(move |line| ready(!std::mem::replace(&mut broken, line.is_err())))
                    .flat_map(move |line| stream::iter(form.frames(line)))
                    .map(Ok::<_, Infallible>);
                let mut response = Response::new(HttpBody::new(StreamBody::new(frames)));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, form.content_type());
                with_metadata(response, metadata)
            }))
        })
    });
    Route {
        verb: rule.verb,
        template: &rule.template,
        method,
        endpoint,
    }
}

/// The delimiter of a stream.
#[derive(Clone, Copy)]
enum Form {
    Lines,
    Events,
}

impl Form {
    fn of(request: &Request) -> Self {
        let accepts = request.headers().get_all(header::ACCEPT).into_iter();
        let events = |value: &HeaderValue| {
            value
                .to_str()
                .is_ok_and(|value| value.contains("text/event-stream"))
        };
        if accepts.into_iter().any(events) {
            Self::Events
        } else {
            Self::Lines
        }
    }

    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Lines => "application/x-ndjson",
            Self::Events => "text/event-stream",
        })
    }

    fn frames(self, message: Result<Reply, Status>) -> impl Iterator<Item = Frame<Bytes>> {
        let code = message.as_ref().err().map(Status::code);
        let trailer = code.map(|code| {
            let status = HeaderValue::from(i32::from(code));
            Frame::trailers([(GRPC_STATUS, status)].into_iter().collect())
        });
        std::iter::once(Frame::data(self.line(message).into())).chain(trailer)
    }

    fn line(self, message: Result<Reply, Status>) -> Vec<u8> {
        let body = match message {
            Ok(reply) => reply.bytes,
            Err(status) => {
                let mut body = br#"{"error":"#.to_vec();
                body.extend(error::status_json(&status));
                body.push(b'}');
                body
            }
        };
        match self {
            Self::Lines => [&body[..], b"\n"].concat(),
            Self::Events => [b"data: ", &body[..], b"\n\n"].concat(),
        }
    }
}

async fn read<Q: Message>(
    rule: &'static Rule,
    decode: Decode<Q>,
    request: Request,
) -> Result<tonic::Request<Q>, Response> {
    let (parts, body) = request.into_parts();
    let bytes = if body.is_end_stream() {
        Bytes::new()
    } else {
        let read = body.collect().await;
        read.map_err(|error| unreadable(&error))?.to_bytes()
    };
    let mut message = Q::default();
    let mut violations = Violations::default();
    let content_type = crate::header(&parts.headers, header::CONTENT_TYPE).unwrap_or_default();
    let body = Body {
        bytes,
        content_type,
    };
    decode(&mut message, &body, &mut violations);
    set_params(rule, &parts, &mut message, &mut violations);
    violations.into_result().map_err(failed)?;
    message.clear_output_only();
    let metadata = MetadataMap::from_headers(parts.headers);
    Ok(tonic::Request::from_parts(
        metadata,
        parts.extensions,
        message,
    ))
}

/// Sets the fields from the query, then those from the path, which override them: the path names the resource.
fn set_params(
    rule: &'static Rule,
    parts: &Parts,
    message: &mut impl Message,
    violations: &mut Violations,
) {
    let mut seen = Vec::new();
    for (name, value) in pairs(parts.uri.query().unwrap_or_default()) {
        let (Some(name), Some(value)) = (name, value) else {
            violations.add_named("", "query", "the query is not UTF-8");
            continue;
        };
        if rule.takes(&name) {
            violations.add_named(
                name,
                "query",
                "is not a query parameter: the path or the body has it",
            );
            continue;
        }
        match message.set(&name, &value) {
            Ok(Arity::One(place)) if seen.contains(&place) => {
                violations.add_named(name, "query", "given more than once");
            }
            Ok(Arity::One(place)) => seen.push(place),
            Ok(Arity::Many) => (),
            Err(ParamError::Unknown) => {
                violations.add_named(name, "query", "there is no such query parameter");
            }
            Err(ParamError::Invalid(reason)) => violations.add_named(name, "query", reason),
        }
    }
    for (Variable { field, json, .. }, value) in rule.template.values(parts.uri.path()) {
        match value.map(|value| message.set(field, &value)) {
            Some(Ok(_)) => (),
            Some(Err(ParamError::Invalid(reason))) => violations.add_named(*json, "path", reason),
            Some(Err(ParamError::Unknown)) => violations.add_named(*json, "path", "unknown field"),
            None => violations.add_named(*json, "path", "is not UTF-8"),
        }
    }
}

impl Rule {
    /// Whether the body or the path already sets the field that a query parameter names.
    fn takes(&self, name: &str) -> bool {
        let below = |field: &str| {
            name.strip_prefix(field)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.body == "*"
            || (!self.body.is_empty() && (below(self.body) || below(self.body_json)))
            || (self.template.variables.iter())
                .any(|variable| variable.field == name || variable.json == name)
    }
}

fn write<R>(answer: tonic::Response<R>, encode: Encode<R>) -> Result<Response, Status> {
    let (metadata, message, _) = answer.into_parts();
    let reply = encode(&message).map_err(unwritable)?;
    Ok(with_metadata(reply.into_response(), metadata))
}

fn with_metadata(mut response: Response, metadata: MetadataMap) -> Response {
    if !metadata.is_empty() {
        let content_type = response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().extend(metadata.into_headers());
        response
            .headers_mut()
            .extend(content_type.map(|value| (header::CONTENT_TYPE, value)));
    }
    response
}

fn failed(status: Status) -> Response {
    error::status_response(status, Transport::Http)
}

/// The service returned a value that JSON cannot express. That is its mistake, and the client gets no details.
fn unwritable(error: serde_json::Error) -> Status {
    let mut status = Status::internal("the answer has no form in JSON");
    status.set_source(Arc::new(error));
    status
}

fn unreadable(error: &axum::Error) -> Response {
    let mut source: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = source {
        if error.is::<LengthLimitError>() {
            let mut response = failed(Status::resource_exhausted("the body is too large"));
            *response.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
            return response;
        }
        source = error.source();
    }
    failed(Status::invalid_argument(
        "the body could not be read to its end",
    ))
}
