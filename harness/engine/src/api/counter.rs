//! A counter, as the workload `counter` needs it.

use async_trait::async_trait;

use super::{CallError, Deadline};

/// A system's one counter, which begins at 0, through one process's connection.
///
/// Every method ends by its deadline.
#[async_trait]
pub trait Counter: Send + Sync {
    /// Adds `delta`, and says the new value where the system tells it with the acknowledgement.
    ///
    /// `key` names the addition in the whole run. Where the system promises idempotency keys, any number of calls under one
    /// key counts once, and a later call is answered with the first one's value; so attempts are repeated inside until the
    /// deadline. Elsewhere the key is of no use, and only attempts that surely had no effect are repeated.
    async fn add(&self, key: &str, delta: i64, deadline: Deadline) -> Result<Option<i64>, CallError>;

    /// The value.
    async fn read(&self, deadline: Deadline) -> Result<i64, CallError>;
}
