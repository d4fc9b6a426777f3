//! Replaces the exporter in a program that is built without it.

use std::time::Duration;

use platform_base::StartError;
use tracing::Subscriber;
use tracing_subscriber::Layer;

use crate::config::OtlpEndpoint;

/// An exporter that cannot exist: the configuration refuses an endpoint.
pub(crate) enum Exporter {}

impl Exporter {
    pub fn new(_: &'static str, _: &'static str, _: &OtlpEndpoint) -> Result<Self, StartError> {
        Err(StartError::new("this program was built without OTLP"))
    }

    pub fn layer<S: Subscriber>(&self, _: &'static str) -> Box<dyn Layer<S> + Send + Sync> {
        match *self {}
    }

    pub async fn flush(&self, _: Duration) {
        match *self {}
    }
}
