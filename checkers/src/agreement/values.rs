//! Which values are decided: one a slot, and none that was not proposed.

use std::fmt::Display;

use dsjepsen_history::{Finding, Index};

use super::{Proposal, Seen};
use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, proven};
use crate::words::counted;

const DIFFERENT: &str = "agreement.different-decisions";
const NOT_PROPOSED: &str = "agreement.not-proposed";
const REPEATED: &str = "agreement.repeated";

/// Sorts what was seen by slot, and looks for slots with several values. A slot counts once for each value too many.
pub(super) fn different<V: Ord + Display>(seen: &mut [Seen<'_, V>], broken: &mut Broken) {
    seen.sort_unstable_by_key(|one| (one.slot, one.at));
    for slot in seen.chunk_by(|one, other| one.slot == other.slot) {
        let first = &slot[0];
        for other in slot.iter().filter(|other| other.value != first.value) {
            broken.note(DIFFERENT, other.at, || tell_different(first, other));
        }
    }
}

fn tell_different<V: Display>(first: &Seen<'_, V>, other: &Seen<'_, V>) -> Finding {
    let slot = first.slot;
    let sentence = format!("Slot {slot} was decided twice: as {} and as {}.", first.value, other.value);
    let detail = format!("The two were seen at indices {} and {}.", first.at, other.at);
    let steps = vec![
        step("Let", first.told("see", "be told"), Some(first.operation)),
        step("Then", format!("slot {slot} holds {} for everybody.", first.value), None),
        step("However", other.told("saw", "was told"), Some(other.operation)),
    ];
    proven(DIFFERENT, sentence, detail, steps)
}

/// Sorts what was seen by value, and holds it against the proposals of that value.
pub(super) fn judge<V: Ord + Display>(
    seen: &mut [Seen<'_, V>],
    proposals: &[Proposal<V>],
    once: bool,
    broken: &mut Broken,
) {
    seen.sort_unstable_by(|one, other| one.value.cmp(other.value).then(one.at.cmp(&other.at)));
    let mut proposed: Vec<&Proposal<V>> = proposals.iter().collect();
    proposed.sort_unstable_by(|one, other| one.value.cmp(&other.value).then(one.invoked.cmp(&other.invoked)));
    let mut rest = proposed.as_slice();
    for group in seen.chunk_by_mut(|one, other| one.value == other.value) {
        let value = group[0].value;
        let passed = rest.iter().take_while(|proposal| proposal.value < *value).count();
        let equal = rest[passed..].iter().take_while(|proposal| proposal.value == *value).count();
        let (same, later) = rest[passed..].split_at(equal);
        rest = later;
        let first = same.iter().find(|proposal| proposal.outcome != Outcome::Fail).map(|proposal| proposal.invoked);
        let early = group.iter().take_while(|one| first.is_none_or(|first| one.at < first)).count();
        for one in &group[..early] {
            broken.note(NOT_PROPOSED, one.at, || tell_not_proposed(one, same));
        }
        if once {
            repeated(group, same, broken);
        }
    }
}

fn tell_not_proposed<V: Display>(seen: &Seen<'_, V>, same: &[&Proposal<V>]) -> Finding {
    let value = seen.value;
    let sentence = format!("{value} was decided in slot {}, though nobody had proposed it.", seen.slot);
    let failed = same.iter().find(|proposal| proposal.outcome == Outcome::Fail);
    let later = same.iter().find(|proposal| proposal.outcome != Outcome::Fail);
    let (detail, proposal) = match (later, failed) {
        (Some(later), _) => (format!("It was first proposed later, at index {}.", later.invoked), Some(later.invoked)),
        (None, Some(failed)) => {
            (format!("The proposal at index {} surely failed.", failed.invoked), Some(failed.invoked))
        }
        (None, None) => ("It was never proposed.".to_owned(), None),
    };
    let steps = vec![
        step("Let", seen.told("see", "be told"), Some(seen.operation)),
        step("Then", format!("somebody had proposed {value} before index {}.", seen.at), None),
        step("However", format!("nobody had. {detail}"), proposal),
    ];
    proven(NOT_PROPOSED, sentence, detail, steps)
}

/// More slots hold this value than proposals of it can account for.
fn repeated<V: Display>(group: &mut [Seen<'_, V>], same: &[&Proposal<V>], broken: &mut Broken) {
    let possible: Vec<Index> =
        same.iter().filter(|proposal| proposal.outcome != Outcome::Fail).map(|proposal| proposal.invoked).collect();
    group.sort_unstable_by_key(|one| (one.slot, one.at));
    let slots: Vec<&Seen<'_, V>> = group.chunk_by(|one, other| one.slot == other.slot).map(|same| &same[0]).collect();
    if slots.len() <= possible.len().max(1) {
        return;
    }
    let shown = &slots[..=possible.len().max(1)];
    let at = shown.iter().map(|one| one.at).max().unwrap_or_default();
    broken.note(REPEATED, at, || {
        let value = shown[0].value;
        let sentence = format!(
            "{value} was decided in {}, though it was proposed {}.",
            counted(slots.len() as u64, "slot"),
            counted(possible.len() as u64, "time"),
        );
        let mut steps: Vec<_> =
            possible.iter().map(|&at| step("Let", format!("{value} be proposed at index {at}."), Some(at))).collect();
        let then = format!("{value} is decided in at most {}.", counted(possible.len().max(1) as u64, "slot"));
        steps.push(step("Then", then, None));
        steps.extend(shown.iter().map(|one| step("However", one.told("saw", "was told"), Some(one.operation))));
        proven(REPEATED, sentence, "Each proposal may be decided once.".to_owned(), steps)
    });
}
