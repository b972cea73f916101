//! Permits: semaphores, read-write locks and reentrant locks, without leases. (Locks with leases and fencing tokens are the lock
//! workload's: see [`crate::LockChecker`].)
//!
//! What is surely held is held from the completion of its acquire to the invocation of its release: an acquire takes effect as late, and
//! a release as early as they can. A history is linearizable iff these holds do not conflict, for that placement leaves most room to
//! all others. An acquire without an answer need not have happened, and a release without one may have happened at once; so indeterminate
//! operations cost nothing, and a holder that is never heard of again holds for ever.

mod holds;
mod read_write;
mod reentrant;
mod semaphore;

use dsjepsen_history::{Index, Process};

use crate::Outcome;

pub use read_write::{Access, check_read_write_lock};
pub use reentrant::check_reentrant_lock;
pub use semaphore::check_semaphore;

/// An operation on one semaphore or lock. Operations of one process do not overlap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PermitOperation<A> {
    /// Whose operation it is.
    pub process: Process,
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion; none where there was none.
    pub completed: Option<Index>,
    /// How it ended. A try that was refused failed, and is judged no further.
    pub outcome: Outcome,
    /// Whether it acquires or releases.
    pub call: PermitCall,
    /// How much: the weight of a semaphore, the [`Access`] of a read-write lock; `()` for a reentrant lock.
    pub amount: A,
}

/// What is done with permits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PermitCall {
    /// Take them.
    Acquire,
    /// Give them back.
    Release,
}
