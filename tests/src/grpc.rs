//! A gRPC client without a contract: it sends any bytes and returns the answer.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use bytes::{BufMut, Bytes, BytesMut};
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use tokio::{net::TcpStream, task::JoinHandle, time::timeout};

use crate::http::PATIENCE;

/// A connection to one server.
pub struct Grpc {
    sender: SendRequest<Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
    authorization: Option<String>,
}

/// The answer.
#[derive(Debug)]
pub struct Answer {
    /// `grpc-status`.
    pub code: u32,
    /// `grpc-message`, still encoded.
    pub message: String,
    /// Whether `grpc-status-details-bin` is present.
    pub has_details: bool,
    /// The messages with their frames.
    pub body: Vec<u8>,
}

impl Grpc {
    pub async fn connect(port: u16, token: Option<&str>) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        let (sender, connection) = h2::client::Builder::new()
            .enable_push(false)
            .handshake(stream)
            .await?;
        Ok(Self {
            sender,
            connection: tokio::spawn(connection),
            authorization: token.map(|token| format!("Bearer {token}")),
        })
    }

    /// Calls a method, such as `records.v1.RecordsService/GetRecord`.
    pub async fn call(&self, method: &str, message: &[u8]) -> Result<Answer> {
        self.send(method, &[], frame(message)).await
    }

    /// Sends a body unchanged. The headers are added or replace the usual ones.
    pub async fn send(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer> {
        timeout(PATIENCE, self.exchange(method, headers, body))
            .await
            .context("no answer")?
    }

    async fn exchange(
        &self,
        method: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer> {
        let mut request = Request::post(format!("http://127.0.0.1/{method}")).body(())?;
        let fields = request.headers_mut();
        fields.insert("content-type", "application/grpc".parse()?);
        fields.insert("te", "trailers".parse()?);
        if let Some(authorization) = &self.authorization {
            fields.insert("authorization", authorization.parse()?);
        }
        for (name, value) in headers {
            fields.insert(
                http::HeaderName::from_bytes(name.as_bytes())?,
                value.parse()?,
            );
        }
        let mut sender = self.sender.clone().ready().await?;
        let (response, mut stream) = sender.send_request(request, false)?;
        // A server may answer and close its side before it has read everything.
        let sent = send_all(&mut stream, body).await;
        let response = match response.await {
            Ok(response) => response,
            Err(error) => return Err(sent.err().unwrap_or_else(|| error.into())),
        };
        let status = response.status();
        let (head, mut stream) = response.into_parts();
        let mut body = Vec::new();
        while let Some(chunk) = stream.data().await {
            let chunk = chunk?;
            stream.flow_control().release_capacity(chunk.len())?;
            body.extend_from_slice(&chunk);
        }
        let trailers = stream.trailers().await?.unwrap_or_default();
        ensure!(status == 200, "HTTP status {status}");
        Answer::new(&head.headers, &trailers, body)
    }

    /// Waits until the server has closed the connection.
    pub async fn closed(self, within: Duration) -> Result<()> {
        drop(self.sender);
        timeout(within, self.connection)
            .await
            .context("the connection is still open")???;
        Ok(())
    }
}

impl Answer {
    fn new(headers: &HeaderMap, trailers: &HeaderMap, body: Vec<u8>) -> Result<Self> {
        let find = |name| trailers.get(name).or_else(|| headers.get(name));
        let text = |name| find(name).map(|value| value.to_str()).transpose();
        Ok(Self {
            code: text("grpc-status")?
                .context("there is no grpc-status")?
                .parse()?,
            message: text("grpc-message")?.unwrap_or_default().to_owned(),
            has_details: find("grpc-status-details-bin").is_some(),
            body,
        })
    }
}

async fn send_all(stream: &mut h2::SendStream<Bytes>, mut body: Bytes) -> Result<()> {
    while !body.is_empty() {
        stream.reserve_capacity(body.len());
        let granted = std::future::poll_fn(|context| stream.poll_capacity(context)).await;
        let count = granted.context("the stream was closed")??;
        stream.send_data(body.split_to(count.min(body.len())), false)?;
    }
    Ok(stream.send_data(Bytes::new(), true)?)
}

/// A message in its frame.
pub fn frame(message: &[u8]) -> Bytes {
    let mut framed = BytesMut::with_capacity(message.len() + 5);
    framed.put_u8(0);
    framed.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    framed.put_slice(message);
    framed.freeze()
}

/// A field of a message: a string, bytes or another message.
pub fn field(number: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = varint(u64::from(number << 3 | 2));
    bytes.extend(varint(value.len() as u64));
    bytes.extend_from_slice(value);
    bytes
}

/// A field of a message: a number, a bool or an enum.
pub fn number(number: u32, value: u64) -> Vec<u8> {
    let mut bytes = varint(u64::from(number << 3));
    bytes.extend(varint(value));
    bytes
}

/// A field of a message: a double.
pub fn double(number: u32, value: f64) -> Vec<u8> {
    let mut bytes = varint(u64::from(number << 3 | 1));
    bytes.extend(value.to_le_bytes());
    bytes
}

fn varint(mut value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
