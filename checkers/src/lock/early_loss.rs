//! `lock.early-loss`: no lease is said to be gone before its time.

use dsjepsen_history::{Figure, Finding, Judgement, Moment, Step};

use super::LockCall;
use super::drawing::Drawing;
use super::foreign_release::ForeignRelease;
use super::hold::{Hold, Holds, Lease, LockOperation};
use crate::argument::Argument as _;
use crate::words::{between, count, moment};

/// The id of the rule.
pub(super) const RULE: &str = "lock.early-loss";

/// A hold that was said to be lost before its time.
struct Loss<'a> {
    hold: &'a Hold,
    /// The renewal or release that was answered `not-held`; its position among the operations.
    told: usize,
    /// When the answer was there.
    at: Moment,
    /// The lease as it had been promised before the question was sent.
    lease: Lease,
    /// Whether the grant had been acknowledged by then, and is part of the proof.
    granted: bool,
}

impl<'a> Loss<'a> {
    /// Whether this answer came too early.
    ///
    /// It contradicts what the service had acknowledged before the question was *sent*: an answer may speak of any instant
    /// since then, so a grant or a renewal that was still in flight may have come after that instant. A renewal acknowledged
    /// while the client still waits for the lock promises the lease just as well. A release of our own, asked for before the
    /// answer was there, may be what ended the hold; the release that is itself so answered is the question.
    fn of(holds: &Holds<'_>, hold: &'a Hold, told: usize) -> Option<Self> {
        let operation = &holds.operations[told];
        let (sent, at) = (operation.invoked, operation.completed?);
        let before = |&release: &usize| release != told && holds.index(release) < at.index;
        let ours = hold.releases.iter().any(before);
        let acknowledged = |moment: Option<Moment>| moment.is_some_and(|moment| moment.index < sent.index);
        let granted = acknowledged(Some(hold.granted));
        let counts = |renewal: &LockOperation| acknowledged(renewal.completed);
        let lease = if granted { holds.lease_known(hold, counts) } else { holds.lease_renewed(hold, counts)? };
        let early = !ours && at.time < lease.end;
        early.then_some(Self { hold, told, at, lease, granted })
    }
}

/// Judges the rule where the target promises leases.
pub(super) fn judge(holds: &Holds<'_>) -> Judgement {
    let mut first: Option<Loss<'_>> = None;
    let mut losses = 0;
    let mut told = 0;
    for hold in &holds.holds {
        told += u64::from(!hold.losses.is_empty());
        let Some(loss) = hold.losses.iter().find_map(|&told| Loss::of(holds, hold, told)) else {
            continue;
        };
        losses += 1;
        if first.as_ref().is_none_or(|known| loss.at.index < known.at.index) {
            first = Some(loss);
        }
    }
    let decides = holds.promises.leases;
    let finding = first.filter(|_| decides).map(|loss| Finding { count: losses, ..explain(holds, &loss) });
    let judged = holds.judged(|call| matches!(call, LockCall::Renew { .. } | LockCall::Release { .. }));
    let mut judgement = Judgement::new(RULE, judged, finding.into_iter().collect());
    judgement.figures = vec![
        Figure::new("holds told of their loss", count(told)),
        Figure::new("holds lost before their lease could end", count(losses)),
    ];
    judgement.assumptions = holds.lease_assumptions();
    if !decides {
        let note = "Figure only: the target does not promise that its leases are kept.";
        judgement.assumptions.push(note.to_owned());
    }
    judgement
}

fn explain(holds: &Holds<'_>, loss: &Loss<'_>) -> Finding {
    let hold = loss.hold;
    let operation = &holds.operations[loss.told];
    let foreign = ForeignRelease::find(holds, hold, loss.at);
    let left = between(loss.at.time, loss.lease.end);
    let sentence = format!(
        "Process {} was told that it did not hold lock {}, {left} before its lease could have ended.",
        operation.process, hold.lock
    );
    let proof_of_lease = loss.lease.renewal.or(Some(hold.acquire));
    let mut proof = vec![hold.acquire];
    proof.extend(loss.lease.renewal);
    proof.extend(foreign.map(|foreign| foreign.position));
    proof.push(loss.told);
    let mut drawing = Drawing::new(holds);
    drawing.lease(hold);
    for &position in &proof {
        drawing.operation(position);
    }
    let question = match operation.call {
        LockCall::Release { .. } => "release",
        _ => "renewal",
    };
    let detail = match foreign {
        Some(foreign) => foreign.detail(holds),
        None => format!(
            "No release of its own came before, and no release of another client explains it ({question} refused)."
        ),
    };
    let grant = format!(
        "process {} acquire lock {}{} at {}.",
        holds.process(hold),
        hold.lock,
        holds.with_token(hold),
        moment(hold.granted.time)
    );
    let mut steps = vec![
        holds.step("Let", grant, Some(hold.acquire)),
        holds.step("And let", holds.lease_in_words(loss.lease), proof_of_lease),
    ];
    steps.extend(foreign.map(|foreign| holds.step("And let", foreign.step(holds, hold), Some(foreign.position))));
    steps.extend(closing_steps(holds, loss, question));
    Finding {
        detail,
        steps,
        figures: vec![Figure::new("left on the lease", left)],
        timeline: Some(drawing.finish(Some((loss.at.time, loss.lease.end)))),
        ..Finding::invalid(RULE, sentence, holds.proof(proof))
    }
}

fn closing_steps(holds: &Holds<'_>, loss: &Loss<'_>, question: &str) -> [Step; 2] {
    let process = holds.operations[loss.told].process;
    let then = format!(
        "{} may not call it lost before {}, unless process {process} gave it back before.",
        holds.service,
        moment(loss.lease.end)
    );
    let waiting = if loss.granted { "" } else { ", while it still waited for the lock" };
    let however = format!(
        "{} answered its {question} at {} that it did not hold the lock{waiting}: a contradiction.",
        holds.service,
        moment(loss.at.time)
    );
    [holds.step("Then", then, None), holds.step("However", however, Some(loss.told))]
}
