//! `lock.exclusion`: no lock is granted while another client surely holds it.

use dsjepsen_history::{Figure, Finding, Judgement, Moment, Nanos, SpanStyle, Step};

use super::LockCall;
use super::drawing::Drawing;
use super::foreign_release::ForeignRelease;
use super::hold::{Hold, Holds, Interval, Lease, Point};
use super::overlap::{overlaps, shared};
use crate::argument::Argument as _;
use crate::words::{between, count, duration, moment};

/// The id of the rule.
pub(super) const RULE: &str = "lock.exclusion";

/// While a client surely holds: from the grant until it asks to release, but no longer than its lease lasts at least.
///
/// This is the canonical placement of a grant as late and a release as early as they can be, so overlaps are no artefact of
/// delays: two such holds overlap only if no service that keeps its leases could have answered so.
pub(super) fn definite(holds: &Holds<'_>, hold: &Hold) -> Interval {
    let released = holds.release_asked(hold).map_or(Point::END, Point::event);
    Interval { start: Point::event(hold.granted), end: released.min(Point::instant(hold.lease.end)) }
}

/// Judges the rule.
///
/// It decides unless the target offers tokens *instead of* leases (etcd revokes leases that it has just renewed, and says so):
/// then its users rely on the tokens, and overlaps are counted only.
pub(super) fn judge(holds: &Holds<'_>) -> Judgement {
    let found = overlaps(holds, |hold| definite(holds, hold));
    let decides = holds.promises.leases || !holds.promises.fencing_tokens;
    let finding = found.first.filter(|_| decides).map(|(first, second)| Finding {
        count: found.count,
        ..Case::new(holds, &holds.holds[first], &holds.holds[second]).explain()
    });
    let judged = holds.judged(|call| !matches!(call, LockCall::Write { .. }));
    let mut judgement = Judgement::new(RULE, judged, finding.into_iter().collect());
    let late = holds.holds.iter().filter(|hold| hold.granted_too_late()).count() as u64;
    judgement.figures = vec![
        Figure::new("holds", count(holds.holds.len() as u64)),
        Figure::new("definite hold overlaps", count(found.count)),
        Figure::new("longest definite hold overlap", duration(found.longest)),
        Figure::new("grants later than their lease", count(late)),
        holds.acquires(),
        holds.renewals(),
    ];
    judgement.assumptions = holds.lease_assumptions();
    if !decides {
        let note = "Figure only: the target promises fencing tokens, and not that its leases are kept.";
        judgement.assumptions.push(note.to_owned());
    }
    judgement
}

/// A violation: the second hold was granted while the first surely lasted.
struct Case<'a> {
    holds: &'a Holds<'a>,
    first: &'a Hold,
    second: &'a Hold,
    /// When both surely lasted, in ns.
    conflict: (Nanos, Nanos),
    /// The lease of the first hold as it was known at the second grant, where that suffices; else as it was known at last.
    lease: Lease,
    /// The renewal sent later by which the conflict lasts beyond that lease.
    extension: Option<usize>,
    foreign: Option<ForeignRelease>,
}

impl<'a> Case<'a> {
    fn new(holds: &'a Holds<'a>, first: &'a Hold, second: &'a Hold) -> Self {
        let conflict = shared(definite(holds, first), definite(holds, second), holds.end);
        let lease = holds.lease_at(first, second.granted);
        Self {
            holds,
            first,
            second,
            conflict,
            lease,
            extension: first.lease.renewal.filter(|_| conflict.1 > lease.end),
            foreign: ForeignRelease::find(holds, first, second.granted),
        }
    }

    fn explain(&self) -> Finding {
        let Self { holds, first, second, conflict, .. } = *self;
        let overlap = between(conflict.0, conflict.1);
        let proof = self.proof();
        let mut drawing = Drawing::new(holds);
        for hold in [first, second] {
            drawing.lease(hold).hold(hold, definite(holds, hold), SpanStyle::Definite);
        }
        for &position in &proof {
            drawing.operation(position);
        }
        let sentence = format!("Two clients held lock {} at the same time, for {overlap}.", first.lock);
        Finding {
            detail: self.detail(),
            steps: self.steps(),
            figures: vec![
                Figure::new("overlap of two definite holds", overlap),
                Figure::new(
                    "left on the earlier lease at the later grant",
                    between(second.granted.time, self.lease.end),
                ),
            ],
            timeline: Some(drawing.finish(Some(conflict))),
            ..Finding::invalid(RULE, sentence, holds.proof(proof))
        }
    }

    /// The operations without which the conflict, or its length, would not follow.
    fn proof(&self) -> Vec<usize> {
        let Self { holds, first, second, conflict, .. } = *self;
        let mut proof = vec![first.acquire];
        proof.extend(self.lease.renewal);
        proof.extend(self.extension);
        proof.extend(self.foreign.map(|foreign| foreign.position));
        proof.push(second.acquire);
        proof.extend(second.lease.renewal.filter(|_| holds.lease_end(second.leased) <= conflict.1));
        proof.extend(first.release());
        let ends_it = |&asked: &Moment| asked.time == conflict.1;
        proof.extend(holds.release_asked(second).filter(ends_it).and(second.release()));
        proof
    }

    fn detail(&self) -> String {
        let Self { holds, first, second, lease, .. } = *self;
        let now = second.granted.time;
        let left = between(now, lease.end);
        let lease = match lease.renewal {
            Some(_) if lease.base <= now => {
                format!("that it had renewed {} before and that had {left} left", between(lease.base, now))
            }
            Some(_) => format!("that it renewed again {} later", between(now, lease.base)),
            None => format!("asked for {} before, which had {left} left", between(lease.base, now)),
        };
        let grant = format!(
            "{} granted the lock to process {} while process {} still held it under a lease {lease}.",
            holds.service,
            holds.process(second),
            holds.process(first),
        );
        match self.foreign {
            Some(foreign) => format!("{} Then {grant}", foreign.detail(holds)),
            None => grant,
        }
    }

    fn steps(&self) -> Vec<Step> {
        let Self { holds, first, second, conflict, lease, .. } = *self;
        let (owner, lock) = (holds.process(first), first.lock);
        let acquired = format!(
            "process {owner} acquire lock {lock}{} at {}.",
            holds.with_token(first),
            moment(first.granted.time)
        );
        let mut steps = vec![
            holds.step("Let", acquired, Some(first.acquire)),
            holds.step("And let", holds.lease_in_words(lease), lease.renewal.or(Some(first.acquire))),
        ];
        if let Some(renewal) = self.extension {
            let text = format!(
                "{} acknowledge a later renewal too, sent at {}: the lease lasts until at least {}.",
                holds.service,
                moment(first.lease.base),
                moment(first.lease.end)
            );
            steps.push(holds.step("And let", text, Some(renewal)));
        }
        if let Some(foreign) = self.foreign {
            steps.push(holds.step("And let", foreign.step(holds, first), Some(foreign.position)));
        }
        let until = match holds.release_asked(first) {
            Some(asked) if asked.time <= first.lease.end => {
                format!("before process {owner} asks to release it, at {}", moment(asked.time))
            }
            _ => format!("before the lease of process {owner} may end, at {}", moment(first.lease.end)),
        };
        let excluded = format!("no other client may be granted lock {lock} {until}.");
        steps.push(holds.step("Then", excluded, first.release()));
        let granted = format!(
            "{} granted lock {lock} to process {}{} at {}. From {} to {} both held it: a contradiction.",
            holds.service,
            holds.process(second),
            second.token.map(|token| format!(", with token {token},")).unwrap_or_default(),
            moment(second.granted.time),
            moment(conflict.0),
            moment(conflict.1)
        );
        steps.push(holds.step("However", granted, Some(second.acquire)));
        steps
    }
}
