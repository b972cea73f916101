//! Releases of a lock by someone who does not hold it: a cause that a violation may have.
//!
//! A service whose release does not look at the owner lets a client that outlived its lease free the lock of its successor.
//! The rules do not need the cause, but a reader does.

use std::cmp::Reverse;

use dsjepsen_history::{Moment, Nanos, Outcome};

use super::LockCall;
use super::hold::{Hold, Holds};
use crate::words::{between, moment};

/// A release of a lock that its sender did not hold.
#[derive(Debug, Clone, Copy)]
pub(super) struct ForeignRelease {
    /// Its position among the operations.
    pub(super) position: usize,
    /// When the sender's own lease had ended; absent where it had no grant.
    ended: Option<Nanos>,
}

impl ForeignRelease {
    /// The release that may have taken the lock from `victim` before `until`, if there is one: the last sent among those that
    /// can have taken effect after the victim's grant.
    ///
    /// A release that failed took no effect. What an attempt gives back is the lock itself only where it has no lease of its own. One that was answered before the victim had its grant may have freed the lock
    /// *for* the victim. Whether the sender still held the lock is judged at the sending, by its own lease.
    pub(super) fn find(holds: &Holds<'_>, victim: &Hold, until: Moment) -> Option<Self> {
        let wanted = holds.operations[victim.acquire].invoked;
        let leases_apart = holds.has_leases_apart();
        let candidates = holds.operations.iter().enumerate().filter_map(|(position, operation)| {
            let (LockCall::Release { lock, hold } | LockCall::GiveUp { lock, hold }) = operation.call else {
                return None;
            };
            if leases_apart && matches!(operation.call, LockCall::GiveUp { .. }) {
                return None;
            }
            let in_time = wanted.index < operation.invoked.index && operation.invoked.index < until.index;
            let after_grant = operation.returned().is_none_or(|returned| returned.index > victim.granted.index);
            if lock != victim.lock || hold == victim.number || operation.outcome.is_fail() || !in_time || !after_grant {
                return None;
            }
            let own = holds.holding(operation).filter(|own| own.granted.index < operation.invoked.index);
            let ended = own.map(|own| own.lease.end);
            let held = ended.is_some_and(|ended| ended > operation.invoked.time);
            (!held).then_some((operation.invoked.index, Self { position, ended }))
        });
        candidates.min_by_key(|&(sent, _)| (sent < victim.granted.index, Reverse(sent))).map(|(_, found)| found)
    }

    /// For the detail of a finding: `Process 4 released lock 2, which it no longer held: …`.
    pub(super) fn detail(self, holds: &Holds<'_>) -> String {
        let operation = &holds.operations[self.position];
        let (process, lock) = (operation.process, operation.call.lock());
        let act = match (&operation.call, &operation.outcome) {
            (LockCall::GiveUp { .. }, Outcome::Info(_)) => "asked to give back",
            (LockCall::GiveUp { .. }, _) => "gave back",
            (_, Outcome::Info(_)) => "asked to release",
            (_, Outcome::Ok(_) | Outcome::Fail(_)) => "released",
        };
        match self.ended {
            Some(ended) => format!(
                "Process {process} {act} lock {lock}, which it no longer held: its lease had ended {} before.",
                between(ended, operation.invoked.time)
            ),
            None => format!("Process {process} {act} lock {lock}, which it had not been granted."),
        }
    }

    /// For an argument, after `And let`.
    pub(super) fn step(self, holds: &Holds<'_>, victim: &Hold) -> String {
        let operation = &holds.operations[self.position];
        let process = operation.process;
        let why = match self.ended {
            Some(ended) => format!("its own lease ended at {}", moment(ended)),
            None => "it had no grant".to_owned(),
        };
        format!(
            "process {process} ask at {} to release lock {}, which it does not hold: {why}, and process {} has been \
             granted the lock. {}",
            moment(operation.invoked.time),
            victim.lock,
            holds.process(victim),
            match operation.outcome {
                Outcome::Ok(_) => format!("{} answers that it was released.", holds.service),
                Outcome::Fail(_) | Outcome::Info(_) => "No answer came, and it may have taken effect.".to_owned(),
            }
        )
    }
}
