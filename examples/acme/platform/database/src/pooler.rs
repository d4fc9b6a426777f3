//! What stands between a service and its PostgreSQL.

use platform_base::config::{Setting, Value, choice};

/// What stands between a service and PostgreSQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pooler {
    /// Nothing, or what leaves a connection to its client.
    None,
    /// A pooler that may lead each transaction to another connection of the server.
    Transaction,
}

impl Setting for Pooler {
    const KIND: &'static str = "none or transaction";

    fn read(value: &Value) -> Result<Self, String> {
        let choices = [("none", Self::None), ("transaction", Self::Transaction)];
        choice(value, &choices)
    }
}
