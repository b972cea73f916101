//! Pure judges of recorded histories: no cluster, no clock, no network. What they are given decides what they say, so a stored
//! run can be judged again at any time, and always in the same way.
//!
//! Every judge is a [`Checker`]. [`judge`] runs those of a workload and merges what they say into one verdict.

mod argument;
mod assignment;
mod checker;
mod counter;
mod election;
pub mod foreign;
mod judge;
pub mod linearizable;
mod lock;
pub mod models;
mod register;
mod stats;
pub mod transactions;
mod vacuity;
mod words;

pub use checker::{Checker, RunView};
pub use counter::{CounterCall, CounterChecker, CounterReply, CounterRule, counter_checkers};
pub use election::{ElectionCall, ElectionChecker, ElectionReply, ElectionRule, election_checkers};
pub use judge::judge;
pub use lock::{LockCall, LockChecker, LockReply, LockRule, lock_checkers};
pub use register::{RegisterCall, RegisterChecker, RegisterReply, register_checkers};
pub use stats::Stats;
pub use vacuity::Vacuity;
