//! The model of a contract, read once from its protos. All generators work from it.
//!
//! The steps are [`source`] (parses the protos into descriptors) → [`Contract`] (messages, rules, services, bindings,
//! policies, reasons, and their names in Rust).
//!
//! It promises to refuse a contract that it cannot implement, with the file, the line and a correction, and to report
//! all problems at once. It drops no rule of a contract silently, so a code generator needs only the model and no
//! descriptor.
//!
//! Begin with [`Contract::read`], then [`message::Field`], the basis of most generated code.

mod collisions;
pub mod comment;
mod contract;
pub mod http;
pub mod message;
pub mod names;
mod options;
pub mod policy;
mod problem;
pub mod reasons;
pub mod rule;
pub mod rules;
pub mod service;
pub mod source;
pub mod template;

pub use comment::Comment;
pub use contract::Contract;
pub use options::Behavior;
pub use problem::Error;
