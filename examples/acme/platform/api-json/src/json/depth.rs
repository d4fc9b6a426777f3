//! Limits the nesting of messages, so that no request can exhaust the stack.

use std::cell::Cell;

/// In a debug build, a level of a message with many fields takes some 20 KB of a thread's 2 MB of stack.
const LIMIT: u32 = 32;

thread_local! {
    static DEPTH: Cell<u32> = const { Cell::new(0) };
}

/// One level of nesting. Dropping it leaves the level.
pub(crate) struct Level(());

impl Level {
    /// # Errors
    /// A sentence, if the limit is reached.
    pub(crate) fn enter() -> Result<Self, &'static str> {
        let depth = DEPTH.get();
        if depth >= LIMIT {
            return Err("messages are nested too deeply, more than 32 levels");
        }
        DEPTH.set(depth + 1);
        Ok(Self(()))
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        DEPTH.set(DEPTH.get().saturating_sub(1));
    }
}
