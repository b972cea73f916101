//! Registers, as the workload `register` needs them.

use async_trait::async_trait;

use super::{CallError, Deadline};

/// A system's registers, one a key, each without a value at first; through one process's connection.
///
/// Every method ends by its deadline. Retries happen inside, under one idempotency key, where the system has such keys.
#[async_trait]
pub trait Registers: Send + Sync {
    /// The value under `key`; `None` where nothing was written.
    async fn read(&self, key: u64, deadline: Deadline) -> Result<Option<u64>, CallError>;

    /// Sets the value under `key`.
    async fn write(&self, key: u64, value: u64, deadline: Deadline) -> Result<(), CallError>;

    /// Sets the value under `key` to `to` if it is `from`, and says whether it was.
    async fn compare_and_set(&self, key: u64, from: u64, to: u64, deadline: Deadline) -> Result<bool, CallError>;
}
