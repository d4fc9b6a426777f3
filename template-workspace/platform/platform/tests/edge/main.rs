//! What stands between a method and those who call it: contracts made by hand, real connections.

mod contract;
mod rate;
mod services;
mod web;
