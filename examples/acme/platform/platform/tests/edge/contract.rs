//! Contracts made by hand, and calls to them over both transports.

use api_runtime::{
    Contract, Description, Endpoint, Method, Request, Response,
    rest::{Route, Segment, Template},
};
use http::{HeaderMap, HeaderName, HeaderValue, header::CONTENT_TYPE};
use http_body_util::BodyExt;
use platform::Module;
use testkit::TestServer;
use tonic::Status;
use tonic_types::StatusExt;
use tower::ServiceExt;

/// A contract whose methods all use the same handler. Over HTTP, `/shop.v1.ShopService/Buy` is `GET /v1/Buy`.
pub fn module<F>(
    name: &'static str,
    methods: &'static [Method],
    answer: impl Fn(Request) -> F + Send + Sync + 'static,
) -> Module
where
    F: Future<Output = Response> + Send + 'static,
{
    let endpoint = Endpoint::new(move |request| {
        let answer = answer(request);
        Box::pin(async { Ok(answer.await) })
    });
    let route = |method: &'static Method| Route {
        verb: "GET",
        template: Box::leak(Box::new(template(name_of(method)))),
        method,
        endpoint: endpoint.clone(),
    };
    let description = Description {
        name,
        methods,
        descriptor_set: &[],
        openapi: "{}",
    };
    let routes: Vec<_> = methods.iter().map(route).collect();
    let grpc = endpoint.clone().map_response(|mut response| {
        let grpc = HeaderValue::from_static("application/grpc");
        response.headers_mut().insert(CONTENT_TYPE, grpc);
        response.map(tonic::body::Body::new)
    });
    Module::new().contract(Contract::new(description, move |_| grpc.clone(), routes))
}

fn name_of(method: &'static Method) -> &'static str {
    method.path.rsplit('/').next().unwrap()
}

fn template(name: &'static str) -> Template {
    let segments = vec![Segment::Literal("v1"), Segment::Literal(name)];
    Template {
        text: format!("/v1/{name}").leak(),
        segments: segments.leak(),
        verb: None,
        variables: &[],
    }
}

/// The response to a call.
#[derive(Debug)]
pub struct Answer {
    /// The HTTP status, or the gRPC code.
    pub status: u16,
    pub headers: HeaderMap,
    /// The body or, for an error, the reason.
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

/// Calls a method over HTTP and over gRPC.
pub async fn call(
    server: &TestServer,
    method: &'static Method,
    headers: &[(&'static str, &str)],
) -> [Answer; 2] {
    [
        over_http(server, method, headers).await,
        over_grpc(server, method, headers).await,
    ]
}

pub async fn over_http(
    server: &TestServer,
    method: &'static Method,
    headers: &[(&'static str, &str)],
) -> Answer {
    let client = headers
        .iter()
        .fold(server.anonymous(), |client, (name, value)| {
            client.with_header(HeaderName::from_static(name), value)
        });
    let answer = client.get(&format!("/v1/{}", name_of(method))).await;
    let mut details = answer.json["details"].as_array().into_iter().flatten();
    let reason = details.find_map(|detail| detail["reason"].as_str());
    Answer {
        status: answer.status,
        text: reason.map_or(answer.text.clone(), str::to_owned),
        headers: answer.headers,
    }
}

pub async fn over_grpc(
    server: &TestServer,
    method: &'static Method,
    headers: &[(&'static str, &str)],
) -> Answer {
    let mut request = http::Request::post(method.path).header("content-type", "application/grpc");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(tonic::body::Body::empty()).unwrap();
    let answer = server.channel().oneshot(request).await.unwrap();
    let (parts, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let status = Status::from_header_map(&parts.headers).unwrap_or(Status::ok(""));
    let reason = status.get_details_error_info().map(|info| info.reason);
    Answer {
        status: i32::from(status.code()) as u16,
        headers: parts.headers,
        text: reason.unwrap_or(String::from_utf8_lossy(&body).into_owned()),
    }
}
