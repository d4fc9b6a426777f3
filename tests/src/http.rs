//! HTTP clients: a normal one, and one that sends any bytes.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::Value;

/// Longer than any answer may take: after this time, a test has found a hang.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A client of one server.
#[derive(Clone)]
pub struct Http {
    agent: ureq::Agent,
    base: String,
    token: Option<String>,
}

/// The answer.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: ureq::http::HeaderMap,
    pub body: Vec<u8>,
}

impl Http {
    pub fn new(port: u16) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .allow_non_standard_methods(true)
            .build();
        Self {
            agent: config.into(),
            base: format!("http://127.0.0.1:{port}"),
            token: None,
        }
    }

    /// The same client with an access token.
    pub fn with_token(&self, token: &str) -> Self {
        Self {
            token: Some(token.to_owned()),
            ..self.clone()
        }
    }

    pub fn get(&self, path: &str) -> Result<Answer> {
        self.send("GET", path, &[], "")
    }

    pub fn delete(&self, path: &str) -> Result<Answer> {
        self.send("DELETE", path, &[], "")
    }

    pub fn post(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send("POST", path, &[], body.to_string())
    }

    pub fn patch(&self, path: &str, body: &Value) -> Result<Answer> {
        self.send("PATCH", path, &[], body.to_string())
    }

    /// Any request. A body without a `content-type` among the headers is sent as JSON.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: impl AsRef<[u8]>,
    ) -> Result<Answer> {
        let body = body.as_ref();
        let mut request = ureq::http::Request::builder()
            .method(method)
            .uri(self.base.clone() + path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut answer = if body.is_empty() && method != "POST" && method != "PATCH" {
            self.agent.run(request.body(())?)
        } else {
            self.agent.run(request.body(body)?)
        }
        .with_context(|| format!("{method} {path} had no answer"))?;
        Ok(Answer {
            status: answer.status().as_u16(),
            headers: answer.headers().clone(),
            body: answer
                .body_mut()
                .with_config()
                .limit(u64::MAX)
                .read_to_vec()?,
        })
    }
}

impl Answer {
    /// The body, which must be JSON.
    pub fn json(&self) -> Result<Value> {
        serde_json::from_slice(&self.body)
            .with_context(|| format!("{} is not JSON", String::from_utf8_lossy(&self.body)))
    }

    /// `reason` of the ErrorInfo in an error.
    pub fn reason(&self) -> Result<String> {
        let json = self.json()?;
        let details = json["details"].as_array().context("an error has details")?;
        let reason = details.iter().find_map(|detail| detail["reason"].as_str());
        Ok(reason
            .with_context(|| format!("{json} has no reason"))?
            .to_owned())
    }

    /// The fields that a BadRequest in an error names, sorted.
    pub fn violations(&self) -> Result<Vec<String>> {
        let json = self.json()?;
        let details = json["details"].as_array().context("an error has details")?;
        let mut fields: Vec<String> = details
            .iter()
            .filter_map(|detail| detail["fieldViolations"].as_array())
            .flatten()
            .filter_map(|violation| Some(violation["field"].as_str()?.to_owned()))
            .collect();
        fields.sort();
        Ok(fields)
    }
}

/// A connection for bytes that no normal client would send.
pub struct Raw(TcpStream);

impl Raw {
    pub fn connect(port: u16) -> Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Self(stream))
    }

    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.0.write_all(bytes.as_ref())?)
    }

    /// Everything until the server closes the connection; an error if it does not.
    pub fn read_to_end(&mut self) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self.0.read_to_end(&mut bytes) {
            // The server closed the connection while the client was still sending.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(bytes),
            result => result
                .map(|_| bytes)
                .context("the server keeps the connection open"),
        }
    }

    /// The head of one answer, and as much of its body as `content-length` says.
    pub fn read_answer(&mut self) -> Result<(u16, String)> {
        let mut text = Vec::new();
        let mut buffer = [0; 4096];
        loop {
            if let Some(answer) = complete(&text)? {
                return Ok(answer);
            }
            let count = self.0.read(&mut buffer)?;
            anyhow::ensure!(count > 0, "the connection ended within an answer");
            text.extend_from_slice(&buffer[..count]);
        }
    }

    /// The same connection, for a second thread.
    pub fn try_clone(&self) -> Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }
}

fn complete(bytes: &[u8]) -> Result<Option<(u16, String)>> {
    let text = String::from_utf8_lossy(bytes);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return Ok(None);
    };
    let length = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .map_or(Ok(0), |(_, value)| value.trim().parse::<usize>())?;
    if body.len() < length {
        return Ok(None);
    }
    let status = head
        .split(' ')
        .nth(1)
        .context("an answer has a status")?
        .parse()?;
    Ok(Some((status, text.into_owned())))
}
