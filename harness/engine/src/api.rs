//! What a system offers to clients: one small trait an ability (locks, a counter, registers, views of who leads), so that
//! workloads and targets meet here and never know each other.

mod access;
mod attempts;
mod connection;
mod counter;
mod leader_writes;
mod locks;
mod program;
mod registers;
mod views;

use std::sync::Arc;

use dsjepsen_history::{Outcome, Reason};
use thiserror::Error;

pub use access::{Access, AccessError, Route};
pub use attempts::Repeat;
pub use connection::{Connection, Dialect, Request};
pub use counter::Counter;
pub use leader_writes::LeaderWrites;
pub use locks::{Attempt, HoldId, LeaseId, Locks, Presence};
pub use program::{ClientProgram, PROTOCOL};
pub use registers::Registers;
pub use views::{View, Views};

/// When a request must have ended, whatever happens.
pub type Deadline = tokio::time::Instant;

/// How a request ended without a result. The one place where `fail` and `info` part.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CallError {
    /// It definitely had no effect and never will have.
    #[error("{0}")]
    Definite(Reason),
    /// It may have had an effect, or have one later.
    #[error("{0}")]
    Indefinite(Reason),
}

impl CallError {
    /// Why.
    pub fn reason(&self) -> &Reason {
        match self {
            Self::Definite(reason) | Self::Indefinite(reason) => reason,
        }
    }

    /// The same of a request that only reads: whatever became of it, it had no effect.
    #[must_use]
    pub fn of_a_read(self) -> Self {
        match self {
            Self::Definite(reason) | Self::Indefinite(reason) => Self::Definite(reason),
        }
    }
}

impl<R> From<CallError> for Outcome<R> {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Definite(reason) => Self::Fail(reason),
            CallError::Indefinite(reason) => Self::Info(reason),
        }
    }
}

/// Makes a process's use of one ability from its access to a node.
pub type Serve<T> = Arc<dyn Fn(&Access) -> Result<Arc<T>, AccessError> + Send + Sync>;

/// The abilities of a target; a workload asks for those that it needs.
#[derive(Clone, Default)]
pub struct Abilities {
    /// Locks with leases.
    pub locks: Option<Serve<dyn Locks>>,
    /// A counter.
    pub counter: Option<Serve<dyn Counter>>,
    /// Registers by key.
    pub registers: Option<Serve<dyn Registers>>,
    /// Each node's view of who leads.
    pub views: Option<Serve<dyn Views>>,
    /// Writes that say which leader acknowledged them.
    pub leader_writes: Option<Serve<dyn LeaderWrites>>,
}
