//! `lock.belief`: no two clients believe at one time that they hold the same lock.

use dsjepsen_history::{Figure, Finding, Judgement, Moment, Nanos, SpanStyle, Step};

use super::drawing::Drawing;
use super::hold::{Hold, Holder, Holds, Interval, Lease, Point};
use super::overlap::{overlaps, shared};
use crate::argument::Argument as _;
use crate::words::{between, count, duration, moment};

/// The id of the rule.
pub(super) const RULE: &str = "lock.belief";

/// What ends a belief.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// The client asked to release; the position of its release.
    Released(usize),
    /// It was told that the lock was lost; the position of the renewal or release that was told so.
    Told(usize),
    /// The lease may have ended, and the client is careful.
    Lapsed,
    /// The run ended.
    Open,
}

impl Ending {
    /// The operation that shows it.
    fn operation(self) -> Option<usize> {
        match self {
            Self::Released(position) | Self::Told(position) => Some(position),
            Self::Lapsed | Self::Open => None,
        }
    }
}

/// When a belief ends, and why.
///
/// What a client was told before it had its grant says nothing of that grant: the client took the grant, and believes.
fn ending(holds: &Holds<'_>, hold: &Hold) -> (Point, Ending) {
    let answered = |&position: &usize| {
        let at = holds.operations[position].completed?;
        (at.index > hold.granted.index).then(|| (Point::event(at), Ending::Told(position)))
    };
    let told = hold.losses.iter().find_map(answered);
    let released =
        hold.release().map(|position| (Point::event(holds.operations[position].invoked), Ending::Released(position)));
    let lapsed = (holds.holder == Holder::Careful).then(|| (Point::instant(hold.lease.end), Ending::Lapsed));
    [released, told, lapsed].into_iter().flatten().min_by_key(|&(end, _)| end).unwrap_or((Point::END, Ending::Open))
}

/// While a client believes.
pub(super) fn belief(holds: &Holds<'_>, hold: &Hold) -> Interval {
    Interval { start: Point::event(hold.granted), end: ending(holds, hold).0 }
}

/// Whether the client did something as a holder after its lease may have ended: a write, or as a naive client a release.
fn outlived(holds: &Holds<'_>, hold: &Hold) -> bool {
    let release = hold.release().filter(|_| holds.holder == Holder::Naive);
    let mut acts = hold.writes.iter().copied().chain(release);
    acts.any(|act| holds.operations[act].invoked.time > hold.lease.end)
}

/// Judges the rule. It decides where users rely on the lock alone; behind tokens and a guard that enforces them it is a figure.
pub(super) fn judge(holds: &Holds<'_>) -> Judgement {
    let found = overlaps(holds, |hold| belief(holds, hold));
    let decides = !(holds.promises.fencing_tokens && holds.promises.enforcing_guard);
    // A grant on which no lease stood any more tells most: no renewal in time would have helped.
    let late = found.longest_late.map(|(first, second, _)| (first, second));
    let finding = late.or(found.first).filter(|_| decides).map(|(first, second)| Finding {
        count: found.count,
        ..Case::new(holds, &holds.holds[first], &holds.holds[second]).explain()
    });
    let judged = holds.judged(|_| true);
    let mut judgement = Judgement::new(RULE, judged, finding.into_iter().collect());
    let outlived = holds.holds.iter().filter(|hold| outlived(holds, hold)).count() as u64;
    judgement.figures = vec![
        Figure::new("belief overlaps", count(found.count)),
        Figure::new("longest belief overlap", duration(found.longest)),
        Figure::new("holds that outlived their lease", count(outlived)),
    ];
    judgement.assumptions = vec![match holds.holder {
        Holder::Naive => "A client believes that it holds from its grant until it asks to release or is told of the loss.",
        Holder::Careful => {
            "A client believes that it holds from its grant until it asks to release, is told of the loss, or its lease may \
             have ended."
        }
    }
    .to_owned()];
    judgement.assumptions.push(holds.guard_assumption());
    if !decides {
        let note = "Figure only: an overlap of beliefs is contained by the fencing tokens and the guard.";
        judgement.assumptions.push(note.to_owned());
    }
    judgement
}

/// A violation: the second hold was granted while the first client still believed.
struct Case<'a> {
    holds: &'a Holds<'a>,
    first: &'a Hold,
    second: &'a Hold,
    conflict: (Nanos, Nanos),
    ending: Ending,
    /// The lease of the first hold that decides whose fault it is.
    lease: Lease,
    /// Which of the two was granted only after its own lease may have ended.
    late: Option<&'a Hold>,
}

impl<'a> Case<'a> {
    fn new(holds: &'a Holds<'a>, first: &'a Hold, second: &'a Hold) -> Self {
        Self {
            holds,
            first,
            second,
            conflict: shared(belief(holds, first), belief(holds, second), holds.end),
            ending: ending(holds, first).1,
            lease: holds.lease_at(first, second.granted),
            late: [second, first].into_iter().find(|hold| hold.granted_too_late()),
        }
    }

    /// What was wrong, for the end of the sentence, and whose fault it is.
    fn blame(&self) -> (String, String) {
        let Self { holds, first, second, lease, .. } = *self;
        if let Some(late) = self.late {
            let process = holds.process(late);
            let after = between(late.lease.end, late.granted.time);
            let wrong = format!("process {process} had its grant {after} after the lease behind it had ended");
            let detail = format!(
                "No lease stood behind the grant any more when process {process} had it in hand, so {} was free to grant the \
                 lock to others. A client must look at its lease, or at what stands for its grant, before it believes.",
                holds.service
            );
            return (wrong, detail);
        }
        let granted = second.granted.time;
        let lapsed = lease.end <= granted;
        let state = if lapsed {
            format!("had run out {} before", between(lease.end, granted))
        } else if lease.base <= granted {
            format!("still had {} to run", between(granted, lease.end))
        } else {
            format!("was renewed again {} later", between(granted, lease.base))
        };
        let (service, successor) = (&holds.service, holds.process(second));
        let detail = if lapsed {
            format!(
                "A hazard of the client, not a fault of {service}: the lock was free to be granted to process {successor}. \
                 Only a guard that refuses old fencing tokens contains it."
            )
        } else {
            format!(
                "A fault of {service}: it granted the lock to process {successor} before that lease could have ended."
            )
        };
        (format!("the lease of process {} {state}", holds.process(first)), detail)
    }

    fn explain(&self) -> Finding {
        let Self { holds, first, second, conflict, .. } = *self;
        let overlap = between(conflict.0, conflict.1);
        let (wrong, detail) = self.blame();
        let sentence = format!(
            "Two clients believed at the same time that they held lock {}, for {overlap}: {wrong}.",
            first.lock
        );
        let proof = self.proof();
        let mut drawing = Drawing::new(holds);
        for hold in [first, second] {
            drawing.lease(hold).hold(hold, belief(holds, hold), SpanStyle::Belief);
        }
        for &position in &proof {
            drawing.operation(position);
        }
        Finding {
            detail,
            steps: self.steps(),
            figures: vec![Figure::new("overlap of two beliefs", overlap)],
            timeline: Some(drawing.finish(Some(conflict))),
            ..Finding::invalid(RULE, sentence, holds.proof(proof))
        }
    }

    /// Both grants, what proves the lease that the sentence speaks of, and what ends the overlap.
    fn proof(&self) -> Vec<usize> {
        let Self { holds, first, second, .. } = *self;
        let mut proof = vec![first.acquire];
        proof.extend(self.lease.renewal);
        proof.push(second.acquire);
        proof.extend(self.ending.operation());
        let (end, ending) = ending(holds, second);
        if end < belief(holds, first).end {
            proof.extend(ending.operation());
        }
        // A careful client's belief lasts no longer than the lease that its last renewal proves.
        let last_renewals =
            [first.lease.renewal.filter(|&last| Some(last) != self.lease.renewal), second.lease.renewal];
        proof.extend(last_renewals.into_iter().flatten().filter(|_| holds.holder == Holder::Careful));
        // Whether a lease stood behind the second grant hangs on its renewals, where it was not fresh.
        let was_waiting = holds.lease_end(second.leased) <= second.granted.time;
        proof.extend(second.lease.renewal.filter(|_| was_waiting));
        proof
    }

    fn steps(&self) -> Vec<Step> {
        let Self { holds, first, second, conflict, ending, .. } = *self;
        let (owner, lock) = (holds.process(first), first.lock);
        let acquired = format!(
            "process {owner} acquire lock {lock}{} at {}.",
            holds.with_token(first),
            moment(first.granted.time)
        );
        let at = |when: Option<Moment>| moment(when.map_or(holds.end, |when| when.time));
        let until = match ending {
            Ending::Released(release) => {
                format!("asks to release it, at {}", at(Some(holds.operations[release].invoked)))
            }
            Ending::Told(loss) => format!("is told that it is lost, at {}", at(holds.operations[loss].completed)),
            Ending::Lapsed => format!("knows that its lease may have ended, at {}", moment(first.lease.end)),
            Ending::Open => format!("is cut off by the end of the run, at {}", at(None)),
        };
        let granted = format!(
            "{} granted lock {lock} to process {}{} at {}. From {} to {} both believed to hold it.",
            holds.service,
            holds.process(second),
            second.token.map(|token| format!(", with token {token},")).unwrap_or_default(),
            moment(second.granted.time),
            moment(conflict.0),
            moment(conflict.1)
        );
        let leased = self.lease.renewal.or(Some(first.acquire));
        let believes = format!("process {owner} believes that it holds lock {lock} until it {until}.");
        let mut steps = vec![
            holds.step("Let", acquired, Some(first.acquire)),
            holds.step("And let", holds.lease_in_words(self.lease), leased),
            holds.step("Then", believes, ending.operation()),
            holds.step("However", granted, Some(second.acquire)),
        ];
        if second.granted_too_late() {
            let ended =
                format!("for the lease of process {}, {}", holds.process(second), holds.lease_in_words(second.lease));
            steps.insert(2, holds.step("And let", ended, second.lease.renewal.or(Some(second.acquire))));
        }
        steps
    }
}
