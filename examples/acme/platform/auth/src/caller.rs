//! The user that a request speaks for.

use std::sync::Arc;

use api_runtime::Policy;

use crate::rejection::Rejection;

/// The caller of a request, as its token states. Clones share the texts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The id of the user (claim `sub`).
    pub subject: Arc<str>,
    /// The caller's roles, such as `admin` (claim `roles`).
    pub roles: Arc<[String]>,
    /// The permissions of the token, such as `users.read` (claim `scope`, RFC 8693 section 4.2).
    pub scopes: Arc<[String]>,
}

impl Caller {
    /// A caller without roles and scopes.
    pub fn new(subject: impl Into<Arc<str>>) -> Self {
        Self {
            subject: subject.into(),
            roles: Arc::default(),
            scopes: Arc::default(),
        }
    }

    /// Whether the caller meets the policy of a method.
    ///
    /// # Errors
    /// The role or scope that the caller lacks.
    pub fn satisfies(&self, policy: &Policy) -> Result<(), Rejection> {
        let has = |owned: &[String], name: &str| owned.iter().any(|owned| owned == name);
        let roles = policy.any_role;
        if !roles.is_empty() && !roles.iter().any(|role| has(&self.roles, role)) {
            return Err(Rejection::NoRole);
        }
        match policy
            .all_scopes
            .iter()
            .all(|scope| has(&self.scopes, scope))
        {
            true => Ok(()),
            false => Err(Rejection::NoScope),
        }
    }
}

/// The caller of the request. Fails with UNAUTHENTICATED only if the contract makes the method public, or if it makes
/// it internal and the calling service acts for no user.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<&Caller, tonic::Status> {
    request
        .extensions()
        .get()
        .ok_or_else(|| Rejection::Missing.into())
}
