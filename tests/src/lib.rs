//! Renders the templates in process, for the demonstration and the tests.

pub mod render;
