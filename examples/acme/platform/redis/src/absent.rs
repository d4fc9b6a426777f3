//! Replaces the client in a program that is built without it.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use platform_base::StartError;

use crate::{Failure, Options, url::MISSING};

/// A connection that cannot exist.
pub enum Redis {}

impl Redis {
    /// # Errors
    /// Always.
    pub fn connect(_: &Options) -> Result<Arc<Self>, StartError> {
        Err(StartError::new(MISSING))
    }

    pub fn is_connected(&self) -> bool {
        match *self {}
    }

    pub fn is_open(&self) -> bool {
        match *self {}
    }

    pub fn is_away(&self) -> bool {
        match *self {}
    }

    pub async fn get(&self, _: &str) -> Result<Option<Bytes>, Failure> {
        match *self {}
    }

    pub async fn set_if_absent(&self, _: &str, _: &[u8], _: Duration) -> Result<bool, Failure> {
        match *self {}
    }

    pub async fn delete(&self, _: &str) -> Result<(), Failure> {
        match *self {}
    }

    pub async fn eval(&self, _: &'static str, _: &str, _: Vec<Bytes>) -> Result<i64, Failure> {
        match *self {}
    }
}
