//! Every contract of the corpus that is accepted, each in a module of its own.

pub extern crate self as corpus;

include!(concat!(env!("OUT_DIR"), "/contracts.rs"));
