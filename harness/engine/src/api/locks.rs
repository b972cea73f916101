//! Locks with leases, as the workload `lock` needs them.

use std::time::Duration;

use async_trait::async_trait;

use super::{CallError, Deadline};

/// A lease as its system names it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LeaseId(pub String);

/// One attempt to hold a lock, and everything done under it: the lock, the lease that it hangs on, the length of the lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HoldId {
    /// The number of the lock.
    pub lock: u32,
    /// The lease; where the system has none apart from the lock, a name of the holder that is unique in the run.
    pub lease: LeaseId,
    /// How long the lease lasts from its start or its last renewal.
    pub ttl: Duration,
}

/// What an attempt to acquire came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// The lock is ours, under this fencing token where the system issues one.
    Granted {
        /// Larger than the token of every grant before.
        token: Option<u64>,
    },
    /// Somebody else has it; nothing was changed.
    Held,
    /// The lease on which the attempt hangs is gone; nothing was changed, and no further attempt can succeed.
    LeaseGone,
}

/// What the system says of a hold that is to be renewed or released.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// It was there, and what was asked was done.
    Held,
    /// It is gone: expired, revoked, or never there.
    Gone,
}

/// A system's locks, through one process's connection.
///
/// Every method ends by its deadline. Retries happen inside, under one idempotency key, where the system has such keys; a
/// result then stands for the first attempt.
#[async_trait]
pub trait Locks: Send + Sync {
    /// Starts a lease of its own, apart from any lock. `None` where the system starts the lease with the grant of the lock.
    async fn start_lease(&self, ttl: Duration, deadline: Deadline) -> Result<Option<LeaseId>, CallError>;

    /// Whether an attempt for a lock that somebody else has waits for it; then it is given the whole time that the client
    /// has for the lock, instead of one attempt after the other.
    fn waits_for_the_lock(&self) -> bool {
        false
    }

    /// Tries to acquire, once: answers [`Attempt::Held`] rather than wait longer than `deadline`.
    async fn try_acquire(&self, hold: &HoldId, deadline: Deadline) -> Result<Attempt, CallError>;

    /// Renews the lease of a hold, or of a waiting attempt.
    async fn renew(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError>;

    /// Releases the lock and gives the lease back.
    async fn release(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError>;

    /// Gives back what an attempt may have taken that is not wanted any more: its lease, with whatever hangs on it; where the
    /// system has no lease of its own, the lock, which nobody knows whether the attempt has got.
    async fn give_up(&self, hold: &HoldId, deadline: Deadline) -> Result<Presence, CallError>;
}
