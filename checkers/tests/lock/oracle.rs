//! The rules again, as slow and as plain as they can be said: all pairs, all instants, no order kept, nothing shared with the
//! checkers. Each function counts the violations that its rule's checker must count.

use dsjepsen_checkers::{LockCall, LockReply, LockRule};
use dsjepsen_history::{Moment, Outcome, Plan};

use crate::script::LockOperation;

const SLACK_NS: i128 = 10_000_000;

pub(crate) struct Oracle<'a> {
    pub(crate) operations: &'a [LockOperation],
    pub(crate) plan: &'a Plan,
}

/// An acquire that was ok.
#[derive(Clone, Copy)]
pub(crate) struct Grant<'a> {
    operation: &'a LockOperation,
    pub(crate) at: Moment,
    token: Option<u64>,
    leased: u64,
}

impl<'a> Oracle<'a> {
    pub(crate) fn count(&self, rule: LockRule) -> u64 {
        match rule {
            LockRule::Exclusion => self.overlaps(|grant, now| self.surely_holds(grant, now)),
            LockRule::Belief => self.overlaps(|grant, now| self.believes(grant, now)),
            LockRule::Fencing => self.bad_tokens(),
            LockRule::StaleWrite => self.stale_writes(),
            LockRule::EarlyLoss => self.early_losses(),
        }
    }

    pub(crate) fn decides(&self, rule: LockRule) -> bool {
        let promises = &self.plan.promises;
        match rule {
            LockRule::Exclusion => promises.leases || !promises.fencing_tokens,
            LockRule::Fencing => promises.fencing_tokens,
            LockRule::StaleWrite => true,
            LockRule::Belief => !promises.fencing_tokens || !promises.enforcing_guard,
            LockRule::EarlyLoss => promises.leases,
        }
    }

    pub(crate) fn grants(&self) -> Vec<Grant<'a>> {
        let granted = |operation: &'a LockOperation| match operation.outcome {
            Outcome::Ok(LockReply::Acquire { token, leased_ns }) => {
                Some(Grant { operation, at: operation.completed.unwrap(), token, leased: leased_ns })
            }
            _ => None,
        };
        self.operations.iter().filter_map(granted).collect()
    }

    fn of_hold(&self, grant: Grant<'a>) -> impl Iterator<Item = &'a LockOperation> {
        let call = &grant.operation.call;
        let operations = self.operations;
        operations.iter().filter(move |other| other.call.hold() == call.hold() && other.call.lock() == call.lock())
    }

    fn released_by(&self, grant: Grant<'a>, now: Moment) -> bool {
        let release = |operation: &LockOperation| matches!(operation.call, LockCall::Release { .. });
        self.of_hold(grant).any(|operation| release(operation) && operation.invoked.index <= now.index)
    }

    fn lease_runs(&self, base: u64, now: Moment) -> bool {
        let ttl = i128::from(self.plan.options.number("lease-ttl-ms", 2000)) * 1_000_000;
        i128::from(now.time) < i128::from(base) + ttl - SLACK_NS
    }

    fn under_lease(&self, grant: Grant<'a>, now: Moment) -> bool {
        let renewed = |operation: &LockOperation| {
            matches!(operation.outcome, Outcome::Ok(LockReply::Renew))
                && !self.released_by(grant, operation.invoked)
                && self.lease_runs(operation.invoked.time, now)
        };
        self.lease_runs(grant.leased, now) || self.of_hold(grant).any(renewed)
    }

    fn surely_holds(&self, grant: Grant<'a>, now: Moment) -> bool {
        grant.at.index <= now.index && !self.released_by(grant, now) && self.under_lease(grant, now)
    }

    fn believes(&self, grant: Grant<'a>, now: Moment) -> bool {
        let careful = self.plan.options.word("holder", "naive") == "careful";
        let told = self.of_hold(grant).any(|operation| {
            let answered = operation.completed.unwrap_or(Moment { index: u64::MAX, time: 0 }).index;
            says_lost(operation) && grant.at.index < answered && answered <= now.index
        });
        let released = self.released_by(grant, now);
        grant.at.index <= now.index && !released && !told && (!careful || self.under_lease(grant, now))
    }

    fn instants(&self) -> Vec<Moment> {
        let both = |operation: &LockOperation| [Some(operation.invoked), operation.completed];
        self.operations.iter().flat_map(both).flatten().collect()
    }

    /// The grants that, at some instant, hold together with one that was granted before.
    fn overlaps(&self, holds: impl Fn(Grant<'a>, Moment) -> bool) -> u64 {
        let grants = self.grants();
        let instants = self.instants();
        let meets = |later: &&Grant<'a>| {
            grants.iter().any(|earlier| {
                earlier.operation.call.lock() == later.operation.call.lock()
                    && earlier.at.index < later.at.index
                    && instants.iter().any(|&now| holds(*earlier, now) && holds(**later, now))
            })
        };
        grants.iter().filter(meets).count() as u64
    }

    fn bad_tokens(&self) -> u64 {
        let grants = self.grants();
        let bad = |later: &&Grant<'a>| {
            grants.iter().any(|earlier| {
                let (Some(before), Some(after)) = (earlier.token, later.token) else {
                    return false;
                };
                let repeated = before == after && earlier.at.index < later.at.index;
                let falling = before >= after && earlier.at.index < later.operation.invoked.index;
                earlier.operation.call.lock() == later.operation.call.lock() && (repeated || falling)
            })
        };
        grants.iter().filter(bad).count() as u64
    }

    fn grant_of(&self, operation: &LockOperation) -> Option<Grant<'a>> {
        self.grants().into_iter().find(|grant| {
            grant.operation.call.hold() == operation.call.hold() && grant.operation.call.lock() == operation.call.lock()
        })
    }

    /// Whether the hold of one write is surely newer than that of the other.
    fn newer(&self, one: &LockOperation, other: &LockOperation) -> bool {
        let promises = &self.plan.promises;
        let token = |operation: &LockOperation| match operation.call {
            LockCall::Write { token, .. } if promises.fencing_tokens || promises.enforcing_guard => {
                token.or(self.grant_of(operation).and_then(|grant| grant.token))
            }
            _ => None,
        };
        if let (Some(one), Some(other)) = (token(one), token(other)) {
            return one > other;
        }
        let (Some(one), Some(other)) = (self.grant_of(one), self.grant_of(other)) else {
            return false;
        };
        other.at.index < one.operation.invoked.index || other.at.time < one.leased
    }

    fn stale_writes(&self) -> u64 {
        let accepted: Vec<_> = self
            .operations
            .iter()
            .filter_map(|operation| match operation.outcome {
                Outcome::Ok(LockReply::Write { position, accepted: true }) => Some((position, operation)),
                _ => None,
            })
            .collect();
        let stale = |&&(position, write): &&(u64, &LockOperation)| {
            accepted.iter().any(|&(before, other)| {
                other.call.lock() == write.call.lock() && before < position && self.newer(other, write)
            })
        };
        accepted.iter().filter(stale).count() as u64
    }

    fn early_losses(&self) -> u64 {
        let early = |grant: &&Grant<'a>| self.of_hold(**grant).any(|told| self.lost_early(**grant, told));
        self.grants().iter().filter(early).count() as u64
    }

    pub(crate) fn lost_early(&self, grant: Grant<'a>, told: &LockOperation) -> bool {
        let (true, Some(answered)) = (says_lost(told), told.completed) else {
            return false;
        };
        let releases: Vec<_> =
            self.of_hold(grant).filter(|operation| matches!(operation.call, LockCall::Release { .. })).collect();
        let ours =
            releases.iter().any(|release| release.invoked != told.invoked && release.invoked.index < answered.index);
        let promised = self.of_hold(grant).any(|operation| {
            let Some(known) = operation.completed else {
                return false;
            };
            let base = match operation.outcome {
                Outcome::Ok(LockReply::Acquire { leased_ns, .. }) => leased_ns,
                Outcome::Ok(LockReply::Renew) => operation.invoked.time,
                _ => return false,
            };
            let after_release = releases.iter().any(|release| release.invoked.index < operation.invoked.index);
            known.index < told.invoked.index && !after_release && self.lease_runs(base, answered)
        });
        promised && !ours
    }
}

fn says_lost(operation: &LockOperation) -> bool {
    matches!(operation.call, LockCall::Renew { .. } | LockCall::Release { .. })
        && matches!(&operation.outcome, Outcome::Fail(reason) if reason.kind() == "not-held")
}
