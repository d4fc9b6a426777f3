//! What a contract says, read once from its protos; whatever is written of a contract is written from this.
//!
//! The way is [`source`] (the protos, parsed to descriptors) → [`Contract`] (messages, rules, services, bindings,
//! policies, reasons, and the names that Rust has for them).
//!
//! What it promises: what a contract cannot mean is refused with the file, the line and what to write instead, all
//! problems at once. No rule of a contract is dropped without a word, so who writes code from the model needs no
//! descriptor.
//!
//! Begin with [`Contract::read`], then [`message::Field`], which most of what is written comes from.

mod comment;
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
