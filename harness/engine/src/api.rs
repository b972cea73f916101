//! What a system offers to clients: one small trait an ability (locks; counters, elections and registers follow), so that
//! workloads and targets meet here and never know each other.

mod connection;
mod locks;

use std::sync::Arc;

use dsjepsen_history::{Outcome, Reason};
use thiserror::Error;

pub use connection::{Connection, Deadline, Repeat, Request, Route};
pub use locks::{Attempt, HoldId, LeaseId, Locks, Presence};

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
}

impl<R> From<CallError> for Outcome<R> {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Definite(reason) => Self::Fail(reason),
            CallError::Indefinite(reason) => Self::Info(reason),
        }
    }
}

/// Makes a process's access to one ability from its connection.
pub type Serve<T> = Arc<dyn Fn(Arc<Connection>) -> Arc<T> + Send + Sync>;

/// The abilities of a target; a workload asks for the one that it needs.
#[derive(Clone, Default)]
pub struct Abilities {
    /// Locks with leases.
    pub locks: Option<Serve<dyn Locks>>,
}
