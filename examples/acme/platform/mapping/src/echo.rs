//! A service that returns the requests as it decoded them.

use std::collections::HashMap;

use api_runtime::wkt::{Empty, HttpBody};
use futures_util::stream::{self, BoxStream, StreamExt};
use tonic::{
    Code, Request, Response, Status, async_trait,
    metadata::{KeyAndValueRef, MetadataMap},
};
use tonic_types::{ErrorDetails, StatusExt};

use crate::v1::{
    CountAnswer, CountRequest, Everything, FailRequest, MetadataAnswer, Named, RawAnswer,
    RawRequest, answer_service_server::AnswerService, mapping_service_server::MappingService,
};

/// Returns each request.
pub struct Service;

type Answer<T> = Result<Response<T>, Status>;

fn echo<T>(request: Request<T>) -> Answer<T> {
    Ok(Response::new(request.into_inner()))
}

#[async_trait]
impl MappingService for Service {
    async fn echo(&self, request: Request<Everything>) -> Answer<Everything> {
        echo(request)
    }

    async fn query(&self, request: Request<Everything>) -> Answer<Everything> {
        echo(request)
    }

    async fn path(&self, request: Request<Everything>) -> Answer<Everything> {
        echo(request)
    }

    async fn name(&self, request: Request<Named>) -> Answer<Named> {
        echo(request)
    }

    async fn body(&self, request: Request<Everything>) -> Answer<Everything> {
        echo(request)
    }

    async fn upload(&self, request: Request<HttpBody>) -> Answer<HttpBody> {
        echo(request)
    }

    async fn upload_part(&self, request: Request<RawRequest>) -> Answer<RawAnswer> {
        let RawRequest { name, body, note } = request.into_inner();
        let body = body.unwrap_or_default();
        Ok(Response::new(RawAnswer {
            name,
            content_type: body.content_type,
            data: body.data,
            note,
        }))
    }

    async fn exchange_part(&self, request: Request<RawRequest>) -> Answer<RawRequest> {
        echo(request)
    }

    async fn download(&self, request: Request<RawRequest>) -> Answer<HttpBody> {
        let RawRequest { name, note, .. } = request.into_inner();
        Ok(Response::new(HttpBody {
            content_type: note,
            data: name.into_bytes(),
            extensions: Vec::new(),
        }))
    }

    async fn nothing(&self, request: Request<Empty>) -> Answer<Empty> {
        echo(request)
    }

    type CountStream = BoxStream<'static, Result<CountAnswer, Status>>;

    async fn count(&self, request: Request<CountRequest>) -> Answer<Self::CountStream> {
        let CountRequest { to, break_at } = request.into_inner();
        if to < 0 {
            return Err(Status::out_of_range("cannot count down"));
        }
        let answers = (1..=to).map(move |number| match number == break_at {
            true => Err(Status::data_loss("lost count")),
            false => Ok(CountAnswer {
                number,
                square: i64::from(number) * i64::from(number),
            }),
        });
        Ok(Response::new(stream::iter(answers).boxed()))
    }

    async fn fail(&self, request: Request<FailRequest>) -> Answer<Empty> {
        let FailRequest {
            code,
            message,
            details: kinds,
        } = request.into_inner();
        let mut details = ErrorDetails::new();
        for kind in &kinds {
            add(&mut details, kind);
        }
        let code = Code::from_i32(code);
        let mut status = if kinds.is_empty() {
            Status::new(code, message)
        } else {
            Status::with_error_details(code, message, details)
        };
        status
            .metadata_mut()
            .insert("x-failed", tonic::metadata::MetadataValue::from_static("1"));
        Err(status)
    }

    async fn metadata(&self, request: Request<Empty>) -> Answer<MetadataAnswer> {
        let metadata = ours(request.metadata());
        let mut response = Response::new(MetadataAnswer {
            metadata: metadata.iter().cloned().collect(),
        });
        for (name, value) in metadata {
            let name = format!("{name}-back").parse::<tonic::metadata::AsciiMetadataKey>();
            if let (Ok(name), Ok(value)) = (name, value.parse()) {
                response.metadata_mut().insert(name, value);
            }
        }
        Ok(response)
    }

    async fn hidden(&self, request: Request<Empty>) -> Answer<Empty> {
        echo(request)
    }
}

#[async_trait]
impl AnswerService for Service {
    async fn answer(&self, request: Request<Everything>) -> Answer<Everything> {
        echo(request)
    }
}

/// Skips headers that proxies add.
fn ours(metadata: &MetadataMap) -> Vec<(String, String)> {
    metadata
        .iter()
        .filter_map(|entry| match entry {
            KeyAndValueRef::Ascii(name, value) => Some((name.as_str(), value.to_str().ok()?)),
            KeyAndValueRef::Binary(..) => None,
        })
        .filter(|(name, _)| name.starts_with("x-test-"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn add(details: &mut ErrorDetails, kind: &str) {
    let text = || "text".to_owned();
    match kind {
        "error_info" => {
            let metadata = HashMap::from([("id".to_owned(), "7".to_owned())]);
            details.set_error_info("NOT_FOUND", "mapping.v1", metadata);
        }
        "retry_info" => {
            details.set_retry_info(Some(std::time::Duration::from_millis(1500)));
        }
        "debug_info" => {
            details.set_debug_info(vec![text()], text());
        }
        "quota_failure" => {
            details.add_quota_failure_violation(text(), text());
        }
        "precondition_failure" => {
            details.add_precondition_failure_violation(text(), text(), text());
        }
        "bad_request" => {
            details.add_bad_request_violation("nested.name", "must be there");
            details.add_bad_request_violation("nested.number", "must be greater than 0");
        }
        "request_info" => {
            details.set_request_info(text(), text());
        }
        "resource_info" => {
            details.set_resource_info(text(), text(), text(), text());
        }
        "help" => {
            details.add_help_link(text(), "https://example.com");
        }
        _ => {
            details.set_localized_message("en", text());
        }
    }
}
