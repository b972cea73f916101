//! Logical clocks: whether the stamps of recorded events show what came before what.
//!
//! What came before what (Lamport, Time, clocks, and the ordering of events, CACM 21(7), 1978) follows from the log alone: events of a
//! process come one after the other, and a message is sent before it is received. [`check_lamport`] asks of any stamps that they
//! rise along that order; [`check_hybrid`] asks it of hybrid clocks, and that they stay near the physical ones; [`check_vector`] asks
//! that stamps show exactly that order. Wall clocks are judged as Lamport's, and under skew shown to break the order.

mod hybrid;
mod lamport;
mod log;
mod vector;

use dsjepsen_history::Index;

pub use hybrid::{HybridOptions, HybridStamp, check_hybrid};
pub use lamport::check_lamport;
pub use vector::{VectorLog, check_vector};

/// An event of the message log. Messages are told by their numbers; one that was lost is never received, one that was duplicated more
/// than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockEvent<S> {
    /// Whose event it is: 0, 1, …
    pub process: u32,
    /// Its index. Events of one process are in the order of their indices; a message is sent at a smaller index than it is received.
    pub at: Index,
    /// What it is.
    pub kind: EventKind,
    /// What the clock said.
    pub stamp: S,
}

/// What an event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// Something of no other process's concern.
    Local,
    /// A message is sent, once.
    Send(u64),
    /// A message is received.
    Receive(u64),
}
