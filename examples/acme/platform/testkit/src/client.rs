//! A small client that sends and receives JSON over HTTP.

use std::{fmt::Debug, net::SocketAddr};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, Request, header::AUTHORIZATION};
use http_body::Body;
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy, rt::TokioExecutor};
use serde_json::Value;

/// Sends requests to a server, with or without a token.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    headers: HeaderMap,
    http: legacy::Client<legacy::connect::HttpConnector, Full<Bytes>>,
}

/// A response, read to its end.
#[derive(Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    /// The body as JSON; null when it is not JSON.
    pub json: Value,
    pub text: String,
}

impl Client {
    /// A client of the server at an address. It sends the token, if any, with each request.
    pub fn new(address: SocketAddr, token: Option<String>) -> Self {
        let http = legacy::Client::builder(TokioExecutor::new()).build_http();
        let client = Self {
            address,
            headers: HeaderMap::new(),
            http,
        };
        match token {
            Some(token) => client.with_header(AUTHORIZATION, &format!("Bearer {token}")),
            None => client,
        }
    }

    /// The same client, which also sends this header.
    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        let value = value.parse().expect("a header of a test is ASCII");
        self.headers.append(name, value);
        self
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, json: Value) -> Response {
        self.send(Method::POST, path, Some(json)).await
    }

    pub async fn patch(&self, path: &str, json: Value) -> Response {
        self.send(Method::PATCH, path, Some(json)).await
    }

    pub async fn delete(&self, path: &str) -> Response {
        self.send(Method::DELETE, path, None).await
    }

    pub async fn send(&self, method: Method, path: &str, json: Option<Value>) -> Response {
        let (parts, body) = self.ask(method, path, json).await.into_parts();
        let body = body
            .collect()
            .await
            .expect("the response is complete")
            .to_bytes();
        let text = String::from_utf8_lossy(&body).into_owned();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Response {
            status: parts.status.as_u16(),
            headers: parts.headers,
            json,
            text,
        }
    }

    /// Sends a request and returns once the head of the response is there: the body of a stream may never end.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        json: Option<Value>,
    ) -> http::Response<impl Body<Data = Bytes, Error: Debug>> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address));
        if let Some(headers) = request.headers_mut() {
            headers.extend(self.headers.clone());
        }
        let body = match json {
            Some(json) => {
                request = request.header("content-type", "application/json");
                Full::from(json.to_string())
            }
            None => Full::default(),
        };
        let request = request.body(body).expect("a path of a test is a URI");
        self.http
            .request(request)
            .await
            .expect("the server answers")
    }
}
