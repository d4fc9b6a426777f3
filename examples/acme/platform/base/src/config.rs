//! Configuration: sections of settings, declared beside the code that they configure.
//!
//! A section is declared with [`section!`](crate::section) and documented key by key. A value comes from the last of
//! these that has one: its default, the service's own `config.yaml`, the file given with `--config`, `.env`, the
//! environment. `CONSULTANTS__DATABASE__URL` sets `database.url` of the service `consultants`.
//!
//! [`Configuration::read`] takes a section out of the merged values. A wrong value is noted and the default used in its
//! place, so that all mistakes are found at once; [`Configuration::finish`] then refuses to start. A key that no section
//! asked for is refused too.

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
