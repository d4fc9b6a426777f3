//! What the contract says of a method: who may call it, how often, and for how long.

use std::time::Duration;

/// One method of a proto service.
#[derive(Debug)]
pub struct Method {
    /// `/consultants.v1.ConsultantsService/GetConsultant`
    pub path: &'static str,
    /// What is demanded of a call before the method runs.
    pub policy: Policy,
    /// Whether it answers with a stream of messages.
    pub streams: bool,
}

/// Who may call a method, how often, and for how long: option `(platform.v1.policy)` of the contract, where the fields
/// are described. All that is set must hold.
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
    /// A policy that says nothing but who may call.
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
    /// Everyone; a token is not looked at.
    Public,
    /// Everyone with a valid token.
    Authenticated,
    /// Other services of the workspace, with a proof of their own.
    Internal,
}

/// So many calls in so much time, with bursts of all of them at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    pub requests: u32,
    pub per: Duration,
}
