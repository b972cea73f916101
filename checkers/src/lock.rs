//! Locks with leases, fencing tokens and a guarded resource: the workload's calls, and one checker for each rule.
//!
//! The rules are those of the semantics of locks: exclusion, fencing, stale writes, beliefs and early losses. Each is judged
//! by itself, so that a report can say which of them holds: an overlap of leases behind an intact guard is contained.

mod belief;
mod drawing;
mod early_loss;
mod exclusion;
mod fencing;
mod foreign_release;
mod hold;
mod overlap;
mod shown;
mod stale_write;

use dsjepsen_history::{Call, Finding, Judgement, Nanos, UnknownReason};
use serde::{Deserialize, Serialize};

use crate::{Checker, RunView, words};
use hold::Holds;

pub use shown::{LockHold, lock_holds};

/// What a client of the lock workload asks for. `hold` is the unique number of one attempt to acquire and of everything done
/// under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum LockCall {
    /// Take the lock under a lease. It fails with the kind `held` where it was not granted in time.
    Acquire {
        /// The lock.
        lock: u32,
        /// The attempt.
        hold: u64,
    },
    /// Renew the lease, in the background. It fails with the kind `not-held` where the service says that the lease is gone.
    Renew {
        /// The lock.
        lock: u32,
        /// The attempt.
        hold: u64,
    },
    /// Write to the resource that the lock guards.
    Write {
        /// The lock.
        lock: u32,
        /// The attempt.
        hold: u64,
        /// The fencing token shown to the resource.
        token: Option<u64>,
    },
    /// Give the lock back. It fails with the kind `not-held` where the service says that it was not held.
    Release {
        /// The lock.
        lock: u32,
        /// The attempt.
        hold: u64,
    },
    /// Give back what an attempt may have taken that was not granted, in the background. It fails with the kind `not-held`
    /// where the service says that there was nothing.
    GiveUp {
        /// The lock.
        lock: u32,
        /// The attempt.
        hold: u64,
    },
}

impl LockCall {
    /// The lock that the call is about.
    pub fn lock(&self) -> u32 {
        match *self {
            Self::Acquire { lock, .. }
            | Self::Renew { lock, .. }
            | Self::Write { lock, .. }
            | Self::Release { lock, .. }
            | Self::GiveUp { lock, .. } => lock,
        }
    }

    /// The attempt to acquire that the call belongs to.
    pub fn hold(&self) -> u64 {
        match *self {
            Self::Acquire { hold, .. }
            | Self::Renew { hold, .. }
            | Self::Write { hold, .. }
            | Self::Release { hold, .. }
            | Self::GiveUp { hold, .. } => hold,
        }
    }
}

impl Call for LockCall {
    fn kind(&self) -> &'static str {
        match self {
            Self::Acquire { .. } => "acquire",
            Self::Renew { .. } => "renew",
            Self::Write { .. } => "write",
            Self::Release { .. } => "release",
            Self::GiveUp { .. } => "give-up",
        }
    }

    fn is_background(&self) -> bool {
        matches!(self, Self::Renew { .. } | Self::GiveUp { .. })
    }

    fn is_answered_by_target(&self) -> bool {
        !matches!(self, Self::Write { .. })
    }

    fn may_never_succeed(&self) -> bool {
        matches!(self, Self::GiveUp { .. })
    }
}

/// What a client of the lock workload is answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
pub enum LockReply {
    /// The lock was granted.
    Acquire {
        /// The fencing token of the grant.
        token: Option<u64>,
        /// The controller's time, in ns, at which the request that started the lease was first sent.
        leased_ns: Nanos,
    },
    /// The lease was renewed.
    Renew,
    /// The write reached the resource.
    Write {
        /// The resource's own order of arrivals; strictly increasing over the writes of one lock.
        position: u64,
        /// Whether it was taken, rather than refused because of its token.
        accepted: bool,
    },
    /// The lock was given back.
    Release,
    /// What the attempt had taken was given back.
    GiveUp,
}

/// A clock rate error by which nothing is left of a lease.
const WHOLE_LEASE_PPM: u64 = 1_000_000;

/// The kind of failure by which the service says that a lease is gone or a lock not held.
const NOT_HELD: &str = "not-held";

/// The kind of failure of an acquire that found the lock held by another.
const HELD: &str = "held";

/// A rule of locks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LockRule {
    /// No lock is granted while another client surely holds it under a lease that cannot have ended.
    Exclusion,
    /// Fencing tokens of one lock are distinct and rise with real time.
    Fencing,
    /// The guarded resource accepts no write of an older holder after one of a newer holder.
    StaleWrite,
    /// No two clients believe at one time that they hold the same lock.
    Belief,
    /// No lease is said to be gone before its time.
    EarlyLoss,
}

impl LockRule {
    /// All rules, in the order in which they are shown.
    pub const ALL: [Self; 5] = [Self::Exclusion, Self::Fencing, Self::StaleWrite, Self::Belief, Self::EarlyLoss];

    /// The stable id of the rule.
    pub fn id(self) -> &'static str {
        match self {
            Self::Exclusion => exclusion::RULE,
            Self::Fencing => fencing::RULE,
            Self::StaleWrite => stale_write::RULE,
            Self::Belief => belief::RULE,
            Self::EarlyLoss => early_loss::RULE,
        }
    }
}

/// Judges one rule of locks.
#[derive(Debug, Clone, Copy)]
pub struct LockChecker {
    rule: LockRule,
    clock_rate_error_ppm: u64,
}

impl LockChecker {
    /// A checker of this rule for a run whose clocks went at their right rate.
    pub fn new(rule: LockRule) -> Self {
        Self { rule, clock_rate_error_ppm: 0 }
    }

    /// Takes this much off every lease, in parts per million of its length: the most by which faults made a node's monotonic
    /// clock go too fast. One that goes too slowly makes leases last longer.
    #[must_use]
    pub fn with_clock_rate_error(mut self, parts_per_million: u64) -> Self {
        self.clock_rate_error_ppm = parts_per_million;
        self
    }
}

impl Checker<LockCall, LockReply> for LockChecker {
    fn name(&self) -> &'static str {
        self.rule.id()
    }

    fn check(&self, run: &RunView<'_, LockCall, LockReply>) -> Judgement {
        let holds = match Holds::of(run, self.clock_rate_error_ppm) {
            Ok(holds) => holds,
            Err(problem) => {
                let finding = Finding::unknown(UnknownReason::CheckerError, problem.to_string());
                return Judgement::new(self.name(), 0, vec![finding]);
            }
        };
        let speaks_of_leases = matches!(self.rule, LockRule::Exclusion | LockRule::EarlyLoss);
        if speaks_of_leases && self.clock_rate_error_ppm >= WHOLE_LEASE_PPM && !holds.holds.is_empty() {
            let sentence = format!(
                "No lease can be judged: faults made clocks go too fast by {} parts per million, so a lease may have ended at once.",
                words::count(self.clock_rate_error_ppm)
            );
            let finding = Finding::unknown(UnknownReason::NoObservations, sentence);
            return Judgement::new(self.name(), 0, vec![finding]);
        }
        match self.rule {
            LockRule::Exclusion => exclusion::judge(&holds),
            LockRule::Fencing => fencing::judge(&holds),
            LockRule::StaleWrite => stale_write::judge(&holds),
            LockRule::Belief => belief::judge(&holds),
            LockRule::EarlyLoss => early_loss::judge(&holds),
        }
    }
}

/// One checker for each rule of locks, for a run with this [clock rate error](LockChecker::with_clock_rate_error).
pub fn lock_checkers(clock_rate_error_ppm: u64) -> Vec<Box<dyn Checker<LockCall, LockReply>>> {
    let checker = |rule| LockChecker::new(rule).with_clock_rate_error(clock_rate_error_ppm);
    LockRule::ALL.into_iter().map(|rule| Box::new(checker(rule)) as Box<dyn Checker<LockCall, LockReply>>).collect()
}
