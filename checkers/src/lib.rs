//! Pure judges of recorded histories: no cluster, no clock, no network. What they are given decides what they say, so a stored
//! run can be judged again at any time, and always in the same way.
//!
//! Every judge of a workload is a [`Checker`]. [`judge`] runs those of a workload and merges what they say into one verdict.
//!
//! The public modules judge typed observations by themselves, without a plan or a workload: [`agreement`], [`barrier`],
//! [`failure_detector`], [`logical_clocks`], [`message_log`], [`permits`], [`publish`], [`transactions`] and [`unique_ids`].

pub mod agreement;
mod argument;
mod assignment;
pub mod barrier;
mod broken;
mod checker;
mod counter;
mod election;
pub mod failure_detector;
pub mod foreign;
mod interrupt;
mod judge;
pub mod linearizable;
mod lock;
pub mod logical_clocks;
pub mod message_log;
pub mod models;
mod outcome;
pub mod permits;
pub mod publish;
mod real_time;
mod register;
mod stats;
pub mod transactions;
pub mod unique_ids;
mod vacuity;
mod words;

pub use checker::{Checker, RunView};
pub use counter::{
    CounterCall, CounterChecker, CounterReply, CounterRule, CounterValues, ReadValue, counter_checkers, counter_values,
};
pub use election::{
    Claim, ElectionCall, ElectionChecker, ElectionReply, ElectionRule, Leadership, claims, election_checkers,
    leaderships,
};
pub use interrupt::Interrupt;
pub use judge::judge;
pub use lock::{LockCall, LockChecker, LockHold, LockReply, LockRule, lock_checkers, lock_holds};
pub use outcome::Outcome;
pub use register::{RegisterCall, RegisterChecker, RegisterReply, register_checkers};
pub use stats::Stats;
pub use vacuity::Vacuity;
