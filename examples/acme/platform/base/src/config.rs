//! Configuration: sections of settings. Each is declared next to the code that it configures.
//!
//! A section is declared with [`section!`](crate::section) and documented key by key. The last of these sources that
//! has a value wins: the default, the service's own `config.yaml`, the file given with `--config`, `.env`, the
//! environment. `CONSULTANTS__DATABASE__URL` sets `database.url` of the service `consultants`.
//!
//! [`Configuration::read`] reads a section from the merged values. It notes a wrong value and uses the default in its
//! place, so that all mistakes are found at once. [`Configuration::finish`] then refuses to start, also when a key is
//! set that no section has read.

mod error;
mod layers;
mod reader;
mod section;
mod setting;
#[cfg(test)]
mod tests;

pub use serde_json::Value;

pub use self::{
    error::{ConfigError, Problem},
    layers::Layer,
    reader::{Configuration, Key, Read, Reader, SETTINGS, Section, Shown, section},
    section::{EMPTY, NONE},
    setting::{HttpUrl, Setting, choice, parsed, text},
};
