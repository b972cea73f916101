//! Writes that say which leader acknowledged them, as the workload `election` uses them where a system has them.

use async_trait::async_trait;

use super::{CallError, Deadline};

/// A system's acknowledged writes with the term of the leader that acknowledged them, through one process's connection.
#[async_trait]
pub trait LeaderWrites: Send + Sync {
    /// Has the leader acknowledge a write, and says in which term it did. Ends by its deadline.
    async fn write(&self, deadline: Deadline) -> Result<u64, CallError>;
}
