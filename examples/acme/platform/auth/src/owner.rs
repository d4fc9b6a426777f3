//! Who must own what a method is about.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use platform_base::status;
use tonic::{Code, Request, Status};

use crate::caller::Caller;

/// The caller of a method whose policy names an owner, and whether the method asked for it; clones share that.
#[derive(Clone)]
pub struct Owner {
    subject: Arc<str>,
    asked_for: Arc<AtomicBool>,
}

impl Owner {
    /// The owner that this caller must be.
    pub fn new(caller: &Caller) -> Self {
        Self {
            subject: caller.subject.clone(),
            asked_for: Arc::default(),
        }
    }

    /// Whether the method asked for it.
    pub fn was_asked_for(&self) -> bool {
        self.asked_for.load(Ordering::Relaxed)
    }
}

/// The subject that must be in the field which the policy of the method names as `owner`: the caller's. A method with
/// such a policy that succeeds without having asked for it is answered INTERNAL.
///
/// # Errors
/// INTERNAL, with a line in the log, where the policy names no owner.
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

/// The answer in the place of one that may show or change what is another's.
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
