//! The source of the keys that verify tokens.

use std::{path::PathBuf, time::Duration};

use http::{StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use platform_base::{StartError, tls};

use crate::{config, signing::SigningKeys};

type HttpClient = Client<HttpsConnector<HttpConnector>, Empty<Bytes>>;

/// A text that [`crate::keys::read`] reads.
pub(super) enum Source {
    /// The process issues the tokens itself.
    Own(SigningKeys),
    File(PathBuf),
    Url(Uri, Box<HttpClient>),
}

/// For the whole exchange, because requests may wait for it.
const TIMEOUT: Duration = Duration::from_secs(2);
const LARGEST: usize = 256 * 1024;

impl Source {
    pub fn new(config: &config::Config, issuer: Option<SigningKeys>) -> Result<Self, StartError> {
        match (issuer, &config.jwks_url) {
            (Some(keys), _) => Ok(Self::Own(keys)),
            (None, Some(url)) => Ok(Self::Url(url.0.clone(), Box::new(client()?))),
            (None, None) => Ok(Self::File(config.keys_file.clone())),
        }
    }

    pub async fn read(&self) -> Result<String, String> {
        match self {
            Self::Own(keys) => Ok(keys.jwks()),
            Self::File(path) => {
                let path = path.clone();
                // A disk may be slow and must not block the runtime's threads.
                let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(path));
                let text = read.await.map_err(|error| error.to_string())?;
                text.map_err(|error| error.to_string())
            }
            Self::Url(url, client) => tokio::time::timeout(TIMEOUT, ask(client, url))
                .await
                .unwrap_or_else(|_| Err(format!("no answer within {TIMEOUT:?}"))),
        }
    }

    /// The maximum age of the keys.
    pub fn refresh_every(&self) -> Duration {
        match self {
            Self::Own(_) | Self::File(_) => Duration::from_secs(5),
            Self::Url(..) => Duration::from_secs(300),
        }
    }

    /// The minimum time between two reads that are caused by tokens with an unknown key.
    pub fn pause(&self) -> Duration {
        match self {
            Self::Own(_) | Self::File(_) => Duration::from_millis(100),
            Self::Url(..) => Duration::from_secs(10),
        }
    }
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Own(_) => f.write_str("this process"),
            Self::File(path) => path.display().fmt(f),
            Self::Url(url, _) => url.fmt(f),
        }
    }
}

fn client() -> Result<HttpClient, StartError> {
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls::client(None).map_err(StartError::new)?)
        .https_or_http()
        .enable_http1()
        .build();
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Fetches the keys. Any status but success is an error. Redirects are not followed: whoever could make one could
/// choose the keys.
async fn ask(client: &HttpClient, url: &Uri) -> Result<String, String> {
    let response = client
        .get(url.clone())
        .await
        .map_err(|error| reasons(&error))?;
    if response.status() != StatusCode::OK {
        return Err(format!("the answer is {}", response.status()));
    }
    let body = Limited::new(response.into_body(), LARGEST).collect().await;
    let body = body.map_err(|error| error.to_string())?.to_bytes();
    String::from_utf8(body.into()).map_err(|_| "the answer is no text".to_owned())
}

/// An error with its causes.
fn reasons(error: &dyn std::error::Error) -> String {
    let reasons = std::iter::successors(Some(error), |error| error.source());
    let reasons: Vec<_> = reasons.map(ToString::to_string).collect();
    reasons.join(": ")
}
