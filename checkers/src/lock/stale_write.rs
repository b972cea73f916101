//! `lock.stale-write`: the guarded resource accepts no write of an older holder after one of a newer holder.

use dsjepsen_history::{Figure, Finding, Judgement, Step};

use super::drawing::Drawing;
use super::hold::{Hold, Holds, Point};
use super::{LockCall, LockReply};
use crate::argument::Argument as _;
use crate::words::{between, count, moment};

/// The id of the rule.
pub(super) const RULE: &str = "lock.stale-write";

/// A write that the resource took.
#[derive(Debug, Clone, Copy)]
struct Accepted {
    lock: u32,
    /// The resource's own order.
    position: u64,
    /// Its position among the operations.
    write: usize,
    /// The token by which it is placed, where tokens count.
    token: Option<u64>,
    /// Before when the service granted the hold, and after when; absent where no grant is known.
    granted: Option<(Point, Point)>,
}

/// A stale write, after the newer holder's write that it follows; as positions among the operations.
#[derive(Debug, Clone, Copy)]
struct Violation {
    newer: usize,
    stale: usize,
}

/// When the service granted a hold: after the first point, and not after the second.
///
/// The grant lies before the event by which the client had it, and after that of its invocation. A waiting client asks long
/// before, but its lock needs its lease, and the lease was asked for at `leased`: so the grant is also later than that.
/// Two holds are surely granted one after the other iff the second of one lies before the first of the other. Equal times say
/// nothing, so a bare time stands before all events of its nanosecond; and a lease said to start after its grant says no more
/// than the grant.
fn granted_within(holds: &Holds<'_>, hold: &Hold) -> (Point, Point) {
    let asked = Point::event(holds.operations[hold.acquire].invoked);
    let leased = Point::instant(hold.leased.min(hold.granted.time));
    (asked.max(leased), Point::event(hold.granted))
}

/// Judges the rule: behind an enforcing guard a stale write shows that the guard is broken, without one it is the harm itself.
pub(super) fn judge(holds: &Holds<'_>) -> Judgement {
    let mut refused = 0;
    let mut accepted = Vec::new();
    for (write, operation) in holds.operations.iter().enumerate() {
        match (&operation.call, operation.outcome.ok()) {
            (&LockCall::Write { lock, token, .. }, Some(&LockReply::Write { position, accepted: true })) => {
                let hold = holds.holding(operation);
                accepted.push(Accepted {
                    lock,
                    position,
                    write,
                    token: token.or(hold.and_then(|hold| hold.token)).filter(|_| tokens_count(holds)),
                    granted: hold.map(|hold| granted_within(holds, hold)),
                });
            }
            (LockCall::Write { .. }, Some(LockReply::Write { accepted: false, .. })) => refused += 1,
            _ => {}
        }
    }
    accepted.sort_unstable_by_key(|write| (write.lock, write.position));
    let violations: Vec<_> = accepted.chunk_by(|one, next| one.lock == next.lock).flat_map(violations).collect();
    let first =
        violations.iter().min_by_key(|violation| holds.operations[violation.stale].completed.map(|at| at.index));
    let finding = first.map(|violation| Finding { count: violations.len() as u64, ..explain(holds, violation) });
    let judged = holds.judged(|call| matches!(call, LockCall::Write { .. }));
    let mut judgement = Judgement::new(RULE, judged, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("writes accepted", count(accepted.len() as u64)),
        Figure::new("stale writes refused", count(refused)),
        Figure::new("stale writes accepted", count(violations.len() as u64)),
    ];
    judgement.assumptions = vec![
        holds.guard_assumption(),
        if tokens_count(holds) {
            "Of two holds with tokens, the one with the larger token is the newer.".to_owned()
        } else {
            "Without promised tokens, a hold is newer only if it was asked for after the other was granted.".to_owned()
        },
        "A write without an answer proves nothing.".to_owned(),
    ];
    judgement
}

/// Whether tokens tell which hold is newer. Where nobody promises anything of them, they may be any numbers.
fn tokens_count(holds: &Holds<'_>) -> bool {
    holds.promises.fencing_tokens || holds.promises.enforcing_guard
}

/// The stale writes of one lock, whose accepted writes come in the resource's order.
///
/// Two writes with tokens are compared by these, all others by the time of their grants; so for each way the newest write
/// so far is enough to know.
fn violations(writes: &[Accepted]) -> Vec<Violation> {
    let mut found = Vec::new();
    let mut by_token: Option<(u64, usize)> = None;
    let mut by_time: Option<(Point, usize)> = None;
    let mut by_time_without_token: Option<(Point, usize)> = None;
    for write in writes {
        let over_token = by_token.filter(|&(newest, _)| write.token.is_some_and(|token| token < newest));
        let comparable = if write.token.is_some() { by_time_without_token } else { by_time };
        let over_time = comparable.filter(|&(newest, _)| write.granted.is_some_and(|(_, before)| before < newest));
        let newer = over_token.map(|(_, newer)| newer).or(over_time.map(|(_, newer)| newer));
        found.extend(newer.map(|newer| Violation { newer, stale: write.write }));
        if let Some(token) = write.token {
            raise(&mut by_token, token, write.write);
        }
        if let Some((after, _)) = write.granted {
            raise(&mut by_time, after, write.write);
            if write.token.is_none() {
                raise(&mut by_time_without_token, after, write.write);
            }
        }
    }
    found
}

/// Keeps the largest, and of equal ones the first.
fn raise<T: Ord>(largest: &mut Option<(T, usize)>, value: T, write: usize) {
    if largest.as_ref().is_none_or(|(known, _)| *known < value) {
        *largest = Some((value, write));
    }
}

fn explain(holds: &Holds<'_>, violation: &Violation) -> Finding {
    let (newer, stale) = (&holds.operations[violation.newer], &holds.operations[violation.stale]);
    let lock = stale.call.lock();
    let after = match (newer.completed, stale.completed) {
        (Some(first), Some(second)) if first.time <= second.time => {
            format!("{} after", between(first.time, second.time))
        }
        _ => "after".to_owned(),
    };
    let sentence = format!(
        "The resource guarded by lock {lock} accepted a stale write of process {}, {after} one of process {}, the newer holder.",
        stale.process, newer.process
    );
    let old_hold = holds.holding(stale);
    let lease = old_hold.map(|hold| {
        let sent = stale.invoked;
        // Renewals that were sent later are no part of what it wrote under.
        let end = holds.lease_known(hold, |renewal| renewal.invoked.index < sent.index).end;
        let when = if end <= sent.time {
            format!("had ended {} before it sent the write", between(end, sent.time))
        } else {
            format!("still had {} to run when it sent the write", between(sent.time, end))
        };
        format!("The lease of process {} {when}. ", stale.process)
    });
    let guard = if holds.promises.enforcing_guard {
        "The guard had to refuse it: it promises to refuse every token below the largest accepted."
    } else {
        "Nothing stood in its way: the resource does not look at tokens."
    };
    let grants = [newer, stale].map(|write| holds.holding(write).map(|hold| hold.acquire));
    let proof = || grants.into_iter().flatten().chain([violation.newer, violation.stale]);
    let mut drawing = Drawing::new(holds);
    if let Some(hold) = old_hold {
        drawing.lease(hold);
    }
    for position in proof() {
        drawing.operation(position);
    }
    Finding {
        detail: format!("{}{guard}", lease.unwrap_or_default()),
        steps: steps(holds, violation),
        timeline: Some(drawing.finish(None)),
        ..Finding::invalid(RULE, sentence, holds.proof(proof()))
    }
}

fn steps(holds: &Holds<'_>, violation: &Violation) -> Vec<Step> {
    let (newer, stale) = (&holds.operations[violation.newer], &holds.operations[violation.stale]);
    let mut steps = Vec::new();
    for (lead, write) in [("Let", stale), ("And let", newer)] {
        if let Some(hold) = holds.holding(write) {
            let text = format!(
                "process {} acquire lock {}{} at {}; its lease was asked for at {}.",
                holds.process(hold),
                hold.lock,
                holds.with_token(hold),
                moment(hold.granted.time),
                moment(hold.leased)
            );
            steps.push(holds.step(lead, text, Some(hold.acquire)));
        }
    }
    let arrival = |write: usize| match holds.operations[write].outcome.ok() {
        Some(LockReply::Write { position, .. }) => count(*position),
        _ => "unknown".to_owned(),
    };
    let under = |call: &LockCall| match call {
        LockCall::Write { token: Some(token), .. } => format!(" under token {token}"),
        _ => String::new(),
    };
    let text = format!(
        "the resource accept a write of process {}{} as its arrival {}.",
        newer.process,
        under(&newer.call),
        arrival(violation.newer)
    );
    steps.push(holds.step("And let", text, Some(violation.newer)));
    let text = format!("every later write of process {} is stale and must not take effect.", stale.process);
    steps.push(holds.step("Then", text, None));
    let text =
        format!("the resource accepted its write{} as arrival {}.", under(&stale.call), arrival(violation.stale));
    steps.push(holds.step("However", text, Some(violation.stale)));
    steps
}
