//! Pure judges of recorded histories: no cluster, no clock, no network. What they are given decides what they say, so a stored
//! run can be judged again at any time, and always in the same way.
//!
//! Every judge is a [`Checker`]. [`judge`] runs those of a workload and merges what they say into one verdict.

mod checker;
mod judge;
mod lock;
mod stats;
pub mod transactions;
mod vacuity;
mod words;

pub use checker::{Checker, RunView};
pub use judge::judge;
pub use lock::{LockCall, LockChecker, LockReply, LockRule, lock_checkers};
pub use stats::Stats;
pub use vacuity::Vacuity;
