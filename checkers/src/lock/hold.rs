//! The holds of a run, gathered from its operations: who was granted which lock, under which lease, and how it ended.

use std::collections::HashMap;
use std::ops::Range;

use dsjepsen_history::{Figure, Index, Moment, Nanos, NodeId, Operation, Outcome, Process, Promises};
use thiserror::Error;

use super::{HELD, LockCall, LockReply, NOT_HELD};
use crate::RunView;
use crate::argument::Argument;
use crate::words::{count, duration, moment};

/// What is taken off every lease, so that no verdict hangs on the accuracy of a timer.
pub(super) const SLACK: Nanos = 10_000_000;

const DEFAULT_TTL_MS: u64 = 2000;
const NANOS_PER_MILLI: Nanos = 1_000_000;

/// An operation of the lock workload.
pub(super) type LockOperation = Operation<LockCall, LockReply>;

/// A history that the rules cannot be applied to.
#[derive(Debug, Error)]
pub(super) enum Ambiguity {
    /// Two grants bear one number, so what was done under them cannot be told apart.
    #[error("Operations {first} and {second} were both granted as hold {hold}: a hold is one attempt to acquire.")]
    GrantedTwice { hold: u64, first: Index, second: Index },
}

/// How long clients believe in a hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holder {
    /// Until they release it or are told of its loss.
    Naive,
    /// Also at most until its lease may have ended.
    Careful,
}

/// A point on the line that events and ends of leases share.
///
/// Events are ordered by their index; their times never decrease with it. So they are also ordered by (time, index), and
/// with index 0 the end of a lease finds its place among them: before every event of its own nanosecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Point {
    pub(super) time: Nanos,
    index: Index,
}

impl Point {
    /// After everything.
    pub(super) const END: Self = Self { time: Nanos::MAX, index: Index::MAX };

    /// Where an event stands.
    pub(super) fn event(at: Moment) -> Self {
        Self { time: at.time, index: at.index }
    }

    /// Where a mere time stands.
    pub(super) fn instant(time: Nanos) -> Self {
        Self { time, index: 0 }
    }
}

/// From a grant to an end; empty where the end does not come after the grant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Interval {
    pub(super) start: Point,
    pub(super) end: Point,
}

impl Interval {
    pub(super) fn is_empty(self) -> bool {
        self.end <= self.start
    }
}

/// The end of a lease, and what proves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lease {
    /// When the request that proves it was sent.
    pub(super) base: Nanos,
    /// The renewal that proves it, as a position among the operations; the grant itself where absent.
    pub(super) renewal: Option<usize>,
    /// Until when the service must at least keep it.
    pub(super) end: Nanos,
}

/// An acquire that was ok, with everything done under it. Operations are given by their position in the history.
#[derive(Debug)]
pub(super) struct Hold {
    pub(super) lock: u32,
    pub(super) number: u64,
    pub(super) acquire: usize,
    /// When the client had the grant in hands.
    pub(super) granted: Moment,
    pub(super) token: Option<u64>,
    /// When the request that started the lease was first sent.
    pub(super) leased: Nanos,
    /// In the order of their invocations, as the writes and releases.
    pub(super) renewals: Vec<usize>,
    pub(super) writes: Vec<usize>,
    /// Whatever came of them.
    pub(super) releases: Vec<usize>,
    /// Renewals and releases that were answered `not-held`, in the order of the answers.
    pub(super) losses: Vec<usize>,
    pub(super) lease: Lease,
}

impl Hold {
    /// The first release that was asked for: it ends the hold, whatever comes of it.
    pub(super) fn release(&self) -> Option<usize> {
        self.releases.first().copied()
    }

    /// Whether the client had the grant only after the lease behind it may have ended.
    pub(super) fn granted_too_late(&self) -> bool {
        self.lease.end <= self.granted.time
    }
}

/// The holds of a run, by lock and then in the order of their grants.
#[derive(Debug)]
pub(super) struct Holds<'a> {
    pub(super) operations: &'a [LockOperation],
    pub(super) holds: Vec<Hold>,
    pub(super) promises: &'a Promises,
    pub(super) holder: Holder,
    /// The length of a lease.
    pub(super) ttl: Nanos,
    /// What is taken off it: the slack, and the clock rate error.
    pub(super) allowance: Nanos,
    /// The end of the run.
    pub(super) end: Nanos,
    /// The system under test, as sentences call it.
    pub(super) service: String,
    clock_rate_error_ppm: u64,
    by_number: HashMap<u64, usize>,
}

impl<'a> Holds<'a> {
    /// Gathers the holds of a run.
    pub(super) fn of(run: &RunView<'a, LockCall, LockReply>, clock_rate_error_ppm: u64) -> Result<Self, Ambiguity> {
        let plan = run.plan;
        let ttl = plan.options.number("lease-ttl-ms", DEFAULT_TTL_MS).saturating_mul(NANOS_PER_MILLI);
        let drift = u128::from(ttl) * u128::from(clock_rate_error_ppm) / 1_000_000;
        let mut holds = Self {
            operations: &run.history.operations,
            holds: Vec::new(),
            promises: &plan.promises,
            holder: match plan.options.word("holder", "naive") {
                "careful" => Holder::Careful,
                _ => Holder::Naive,
            },
            ttl,
            allowance: SLACK.saturating_add(Nanos::try_from(drift).unwrap_or(Nanos::MAX)),
            end: run.history.end.time,
            service: match plan.target.split(':').next() {
                Some(name) if !name.is_empty() => name.to_owned(),
                _ => "the service".to_owned(),
            },
            clock_rate_error_ppm,
            by_number: HashMap::new(),
        };
        holds.gather_grants()?;
        holds.gather_the_rest();
        for position in 0..holds.holds.len() {
            holds.settle(position);
        }
        Ok(holds)
    }

    fn gather_grants(&mut self) -> Result<(), Ambiguity> {
        for (position, operation) in self.operations.iter().enumerate() {
            let (
                &LockCall::Acquire { lock, hold },
                &Outcome::Ok(LockReply::Acquire { token, leased_ns }),
                Some(granted),
            ) = (&operation.call, &operation.outcome, operation.completed)
            else {
                continue;
            };
            self.holds.push(Hold {
                lock,
                number: hold,
                acquire: position,
                granted,
                token,
                leased: leased_ns,
                renewals: Vec::new(),
                writes: Vec::new(),
                releases: Vec::new(),
                losses: Vec::new(),
                lease: Lease { base: leased_ns, renewal: None, end: 0 },
            });
        }
        self.holds.sort_unstable_by_key(|hold| (hold.lock, hold.granted.index));
        self.by_number.reserve(self.holds.len());
        for (position, hold) in self.holds.iter().enumerate() {
            if let Some(first) = self.by_number.insert(hold.number, position) {
                return Err(Ambiguity::GrantedTwice {
                    hold: hold.number,
                    first: self.operations[self.holds[first].acquire].invoked.index,
                    second: self.operations[hold.acquire].invoked.index,
                });
            }
        }
        Ok(())
    }

    fn gather_the_rest(&mut self) {
        for (position, operation) in self.operations.iter().enumerate() {
            let Some(&at) = self.by_number.get(&operation.call.hold()) else {
                continue;
            };
            let hold = &mut self.holds[at];
            if hold.lock != operation.call.lock() {
                continue;
            }
            match operation.call {
                LockCall::Acquire { .. } | LockCall::GiveUp { .. } => {}
                LockCall::Renew { .. } => hold.renewals.push(position),
                LockCall::Write { .. } => hold.writes.push(position),
                LockCall::Release { .. } => hold.releases.push(position),
            }
            if is_loss(operation) {
                hold.losses.push(position);
            }
        }
    }

    /// What follows from all operations of a hold together.
    fn settle(&mut self, position: usize) {
        let operations = self.operations;
        let lease = self.lease_known(&self.holds[position], |_| true);
        let hold = &mut self.holds[position];
        hold.lease = lease;
        hold.losses.sort_unstable_by_key(|&loss| operations[loss].completed.map(|at| at.index));
    }

    /// The lease that a hold's grant, and the acknowledged renewals among those that `counts` lets pass, prove.
    pub(super) fn lease_known(&self, hold: &Hold, counts: impl Fn(&LockOperation) -> bool) -> Lease {
        let renewed = self.lease_renewed(hold, counts);
        renewed.filter(|lease| lease.base > hold.leased).unwrap_or(Lease {
            base: hold.leased,
            renewal: None,
            end: self.lease_end(hold.leased),
        })
    }

    /// The lease that acknowledged renewals prove by themselves.
    ///
    /// An acknowledged renewal proves that the lease lived at some instant after the renewal was sent, and so, however late
    /// the acknowledgement came, until a whole lease after that sending. A renewal sent after the release was asked for
    /// proves nothing of the lock: from that request on the service may free it at any time, also where the lease lives on
    /// (as etcd's does until it is revoked). Order is by index: a renewal in flight when the release is asked for counts.
    pub(super) fn lease_renewed(&self, hold: &Hold, counts: impl Fn(&LockOperation) -> bool) -> Option<Lease> {
        let released = self.release_asked(hold).map_or(Index::MAX, |asked| asked.index);
        let proves = |operation: &LockOperation| {
            operation.outcome.ok().is_some() && operation.invoked.index < released && counts(operation)
        };
        // Invocations are in order, so the last sent is the one that proves most.
        let last = hold.renewals.iter().rev().find(|&&renewal| proves(&self.operations[renewal]))?;
        let base = self.operations[*last].invoked.time;
        Some(Lease { base, renewal: Some(*last), end: self.lease_end(base) })
    }

    /// The lease of a hold as it was known at a moment, where it still lasted then; else as it was known at last.
    pub(super) fn lease_at(&self, hold: &Hold, moment: Moment) -> Lease {
        let known = self.lease_known(hold, |renewal| renewal.invoked.index < moment.index);
        if known.end > moment.time { known } else { hold.lease }
    }

    /// Until when a lease lasts at least, whose request was sent at `base`.
    pub(super) fn lease_end(&self, base: Nanos) -> Nanos {
        base.saturating_add(self.ttl).saturating_sub(self.allowance)
    }

    /// The hold under which an operation was done, if it was granted.
    pub(super) fn holding(&self, operation: &LockOperation) -> Option<&Hold> {
        self.by_number
            .get(&operation.call.hold())
            .map(|&position| &self.holds[position])
            .filter(|hold| hold.lock == operation.call.lock())
    }

    /// Whether leases stand apart from locks, as a renewal without a grant shows. Then an attempt gives back its own lease,
    /// and nobody else's lock.
    pub(super) fn has_leases_apart(&self) -> bool {
        self.operations.iter().any(|operation| {
            matches!(operation.call, LockCall::Renew { .. })
                && self.holding(operation).is_none_or(|hold| operation.invoked.index < hold.granted.index)
        })
    }

    /// The positions of the holds of each lock.
    pub(super) fn by_lock(&self) -> impl Iterator<Item = Range<usize>> {
        let mut start = 0;
        self.holds.chunk_by(|one, next| one.lock == next.lock).map(move |group| {
            let range = start..start + group.len();
            start = range.end;
            range
        })
    }

    /// When the release of a hold was first asked for.
    pub(super) fn release_asked(&self, hold: &Hold) -> Option<Moment> {
        hold.release().map(|release| self.operations[release].invoked)
    }

    /// Who holds.
    pub(super) fn process(&self, hold: &Hold) -> Process {
        self.operations[hold.acquire].process
    }

    /// Through which node.
    pub(super) fn node(&self, hold: &Hold) -> Option<NodeId> {
        self.operations[hold.acquire].node
    }

    /// `with fencing token 453`, or nothing where there is none.
    pub(super) fn with_token(&self, hold: &Hold) -> String {
        hold.token.map(|token| format!(" with fencing token {token}")).unwrap_or_default()
    }

    /// Why the lease of a hold lasts as long as it does, as a step of an argument.
    pub(super) fn lease_in_words(&self, lease: Lease) -> String {
        let less = match self.clock_rate_error_ppm {
            0 => format!("{} of slack", duration(SLACK)),
            ppm => format!("{} of slack and {} parts per million of drift", duration(SLACK), count(ppm)),
        };
        let proof = match lease.renewal {
            Some(_) => format!("{} acknowledge its renewal sent at {}", self.service, moment(lease.base)),
            None => format!("its lease be the one asked for at {}", moment(lease.base)),
        };
        format!(
            "{proof}. A lease is {} long, so less {less} {} must keep it until at least {}.",
            duration(self.ttl),
            self.service,
            moment(lease.end)
        )
    }

    /// What every rule that speaks of leases takes for granted.
    pub(super) fn lease_assumptions(&self) -> Vec<String> {
        vec![
            "Order and times are the controller's; no node's clock is trusted.".to_owned(),
            format!(
                "A lease lasts {} from the sending of the request that started or renewed it, less {} of slack.",
                duration(self.ttl),
                duration(SLACK)
            ),
            match self.clock_rate_error_ppm {
                0 => "No node's monotonic clock went at a wrong rate (clock rate error 0).".to_owned(),
                ppm => {
                    format!("Node clocks went wrong by at most {} parts per million (clock rate error).", count(ppm))
                }
            },
        ]
    }

    /// How the guarded resource treats old tokens.
    pub(super) fn guard_assumption(&self) -> String {
        if self.promises.enforcing_guard {
            "The guarded resource refuses tokens below the largest accepted.".to_owned()
        } else {
            "The guarded resource accepts every write, whatever its token.".to_owned()
        }
    }

    /// How many operations a rule looked at.
    pub(super) fn judged(&self, counts: impl Fn(&LockCall) -> bool) -> u64 {
        self.operations.iter().filter(|operation| counts(&operation.call)).count() as u64
    }

    /// What came of all acquires.
    pub(super) fn acquires(&self) -> Figure {
        let mut held = 0;
        let outcomes = Outcomes::of(self.operations.iter().filter(|operation| {
            let acquire = matches!(operation.call, LockCall::Acquire { .. });
            let lost = matches!(&operation.outcome, Outcome::Fail(reason) if reason.kind() == HELD);
            held += u64::from(acquire && lost);
            acquire
        }));
        let text = format!(
            "{} ok, {} held by another, {} failed otherwise, {} indeterminate",
            count(outcomes.ok),
            count(held),
            count(outcomes.fail - held),
            count(outcomes.info)
        );
        Figure::new("acquires", text)
    }

    /// What came of all renewals.
    pub(super) fn renewals(&self) -> Figure {
        let outcomes =
            Outcomes::of(self.operations.iter().filter(|operation| matches!(operation.call, LockCall::Renew { .. })));
        let text = format!(
            "{} ok, {} failed, {} indeterminate",
            count(outcomes.ok),
            count(outcomes.fail),
            count(outcomes.info)
        );
        Figure::new("renewals", text)
    }
}

impl Argument for Holds<'_> {
    type Call = LockCall;
    type Reply = LockReply;

    fn operations(&self) -> &[Operation<LockCall, LockReply>] {
        self.operations
    }
}

/// Whether the service answered that the lease was gone or the lock not held.
fn is_loss(operation: &LockOperation) -> bool {
    matches!(operation.call, LockCall::Renew { .. } | LockCall::Release { .. })
        && operation.completed.is_some()
        && matches!(&operation.outcome, Outcome::Fail(reason) if reason.kind() == NOT_HELD)
}

#[derive(Default)]
struct Outcomes {
    ok: u64,
    fail: u64,
    info: u64,
}

impl Outcomes {
    fn of<'a>(operations: impl Iterator<Item = &'a LockOperation>) -> Self {
        operations.fold(Self::default(), |mut outcomes, operation| {
            match operation.outcome {
                Outcome::Ok(_) => outcomes.ok += 1,
                Outcome::Fail(_) => outcomes.fail += 1,
                Outcome::Info(_) => outcomes.info += 1,
            }
            outcomes
        })
    }
}
