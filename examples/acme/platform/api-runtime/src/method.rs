//! The description of a method: who may call it, how often, and for how long.

use std::time::Duration;

/// One method of a proto service.
#[derive(Debug)]
pub struct Method {
    /// `/consultants.v1.ConsultantsService/GetConsultant`
    pub path: &'static str,
    /// The conditions that a call must meet before the method runs.
    pub policy: Policy,
    /// Whether it returns a stream of messages.
    pub streams: bool,
}

/// Who may call a method, how often, and for how long: option `(platform.v1.policy)` of the contract, which documents
/// the fields. All conditions that are set must hold.
#[derive(Debug, PartialEq, Eq)]
pub struct Policy {
    pub access: Access,
    pub any_role: &'static [&'static str],
    pub all_scopes: &'static [&'static str],
    pub owner: Option<&'static str>,
    pub rate_limit: Option<RateLimit>,
    pub timeout: Option<Duration>,
}

impl Policy {
    /// A policy with only the access.
    pub const fn new(access: Access) -> Self {
        Self {
            access,
            any_role: &[],
            all_scopes: &[],
            owner: None,
            rate_limit: None,
            timeout: None,
        }
    }
}

/// Who may call a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everyone; a token is not verified.
    Public,
    /// Everyone with a valid token.
    Authenticated,
    /// Other services of the workspace, each with its own proof.
    Internal,
}

/// A number of calls in a time; all of them may come at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: u32,
    pub per: Duration,
}
