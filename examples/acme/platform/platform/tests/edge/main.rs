//! The layers between a method and its callers: contracts made by hand, real connections.

mod contract;
mod rate;
mod services;
mod web;
