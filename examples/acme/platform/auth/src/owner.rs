//! The owner that the policy of a method demands.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use platform_base::status;
use tonic::{Code, Request, Status};

use crate::caller::Caller;

/// The caller of a method whose policy names an owner, and whether the method has called [`owner()`]. Clones share
/// both.
#[derive(Clone)]
pub struct Owner {
    subject: Arc<str>,
    asked_for: Arc<AtomicBool>,
}

impl Owner {
    /// Demands this caller as the owner.
    pub fn new(caller: &Caller) -> Self {
        Self {
            subject: caller.subject.clone(),
            asked_for: Arc::default(),
        }
    }

    /// Whether the method has called [`owner()`].
    pub fn was_asked_for(&self) -> bool {
        self.asked_for.load(Ordering::Relaxed)
    }
}

/// The caller's subject. The policy names a field as `owner`, and that field must hold this subject. A method with such
/// a policy that succeeds without a call of this function is answered INTERNAL.
///
/// # Errors
/// INTERNAL, with a line in the log, if the policy names no owner.
pub fn owner<T>(request: &Request<T>) -> Result<Arc<str>, Status> {
    match request.extensions().get::<Owner>() {
        Some(owner) => {
            owner.asked_for.store(true, Ordering::Relaxed);
            Ok(owner.subject.clone())
        }
        None => {
            tracing::error!("the code asks for an owner, and the policy of the method names none");
            Err(internal())
        }
    }
}

/// Replaces an answer that might show or change another user's data, because the method did not call [`owner()`].
pub fn forgotten(rpc: &str) -> Status {
    tracing::error!(
        rpc,
        "the policy names an owner, and the code never asked `auth::owner`"
    );
    internal()
}

fn internal() -> Status {
    status(Code::Internal, "INTERNAL", "internal error")
}
