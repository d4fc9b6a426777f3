//! Consultants.
//!
//! A request goes through [`service`] (transport), [`biz`] (rules) and [`data`] (storage). [`server`] wires them.

pub mod biz;
pub mod data;
pub mod server;
pub mod service;
