//! Agreement: a log whose slots are decided once, as its proposers were answered and as its observers saw it.
//!
//! Agreement and validity are those of consensus (Chandra and Toueg, Unreliable failure detectors, JACM 43(2), 1996). What a log
//! adds is judged where it is promised: see [`AgreementOptions`].

mod order;
mod values;

use std::fmt::Display;

use dsjepsen_history::{Index, Judgement, Process};

use crate::Outcome;
use crate::broken::{Broken, counting, impossible, malformed};

const CHECKER: &str = "agreement";

/// A value that somebody proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal<V> {
    /// Who proposed it.
    pub process: Process,
    /// The index of the invocation.
    pub invoked: Index,
    /// The index of the completion; none where there was none.
    pub completed: Option<Index>,
    /// How it ended: ok where the proposer was told that the value is decided.
    pub outcome: Outcome,
    /// The value.
    pub value: V,
    /// The slot in which it was decided, where an ok answer says so.
    pub slot: Option<u64>,
}

/// A decided slot that somebody saw.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision<V> {
    /// Who saw it: one incarnation of a node, or one reader. A node that starts again is another observer.
    pub observer: u32,
    /// The index at which it was seen. It names the observation.
    pub at: Index,
    /// The slot; 0 for an agreement on one value.
    pub slot: u64,
    /// The value decided there.
    pub value: V,
}

/// What a log promises beyond agreement and validity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct AgreementOptions {
    /// Each observer sees the slots in order and without a gap, from where it begins: so logs are prefixes of one another.
    pub in_order: bool,
    /// A value that was proposed `k` times is decided in at most `k` slots.
    pub once: bool,
    /// Slots rise with real time: who proposes after another was answered is decided in no earlier slot.
    pub real_time: bool,
}

/// Judges `agreement.different-decisions` and `agreement.not-proposed`, and, where it is promised, `agreement.out-of-order`,
/// `agreement.repeated` and `agreement.real-time`. O(n log n).
///
/// An ok answer that tells a slot is a decision too. Proposals that failed decide nothing.
pub fn check_agreement<V: Ord + Display>(
    proposals: &[Proposal<V>],
    decisions: &[Decision<V>],
    options: AgreementOptions,
) -> Judgement {
    let spans = proposals.iter().map(|proposal| (proposal.invoked, proposal.completed, proposal.outcome));
    if let Some(problem) = impossible(spans) {
        return malformed(CHECKER, problem);
    }
    let mut seen: Vec<Seen<'_, V>> = decisions.iter().map(Seen::decision).collect();
    let answered = proposals.iter().filter(|proposal| proposal.outcome == Outcome::Ok).filter_map(Seen::answer);
    seen.extend(answered);
    let mut broken = Broken::default();
    values::different(&mut seen, &mut broken);
    let slots = seen.chunk_by(|one, other| one.slot == other.slot).count() as u64;
    values::judge(&mut seen, proposals, options.once, &mut broken);
    if options.in_order {
        order::contiguous(decisions, &mut broken);
    }
    if options.real_time {
        order::real_time(proposals, &mut broken);
    }
    let figures = vec![
        counting("proposals", proposals.len() as u64),
        counting("observed decisions", decisions.len() as u64),
        counting("decided slots", slots),
    ];
    let nothing = seen.is_empty().then(|| "No decision was observed, so nothing was judged.".to_owned());
    broken.judgement(CHECKER, (proposals.len() + decisions.len()) as u64, nothing, figures)
}

/// A slot with its value, as an observer or a proposer learned it.
struct Seen<'a, V> {
    slot: u64,
    value: &'a V,
    /// When it was learned.
    at: Index,
    /// The operation that shows it.
    operation: Index,
    by: Witness,
}

#[derive(Clone, Copy)]
enum Witness {
    Observer(u32),
    Proposer(Process),
}

impl<'a, V> Seen<'a, V> {
    fn decision(seen: &'a Decision<V>) -> Self {
        let by = Witness::Observer(seen.observer);
        Self { slot: seen.slot, value: &seen.value, at: seen.at, operation: seen.at, by }
    }

    fn answer(proposal: &'a Proposal<V>) -> Option<Self> {
        let by = Witness::Proposer(proposal.process);
        Some(Self {
            slot: proposal.slot?,
            value: &proposal.value,
            at: proposal.completed?,
            operation: proposal.invoked,
            by,
        })
    }

    /// `observer 2 see 7 in slot 3 at index 12.`
    fn told(&self, see: &str, tell: &str) -> String
    where
        V: Display,
    {
        let (value, slot, at) = (self.value, self.slot, self.at);
        match self.by {
            Witness::Observer(observer) => format!("observer {observer} {see} {value} in slot {slot} at index {at}."),
            Witness::Proposer(process) => {
                format!("process {process} {tell} that {value} is in slot {slot}, at index {at}.")
            }
        }
    }
}
