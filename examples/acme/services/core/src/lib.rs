//! Users, their log ins, and the keys that sign their tokens.
//!
//! A request goes through [`service`] (transport), [`biz`] (rules) and [`data`] (storage);
//! [`server`] puts the three together.

pub mod biz;
pub mod commands;
pub mod data;
pub mod server;
pub mod service;
