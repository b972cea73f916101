//! In which order slots are decided and seen.

use std::fmt::Display;

use dsjepsen_history::Finding;

use super::{Decision, Proposal};
use crate::Outcome;
use crate::argument::step;
use crate::broken::{Broken, proven};
use crate::real_time::{Keyed, falls};

const OUT_OF_ORDER: &str = "agreement.out-of-order";
const REAL_TIME: &str = "agreement.real-time";

/// Each observer sees slot after slot.
pub(super) fn contiguous<V: Display>(decisions: &[Decision<V>], broken: &mut Broken) {
    let mut order: Vec<&Decision<V>> = decisions.iter().collect();
    order.sort_unstable_by_key(|seen| (seen.observer, seen.at));
    for pair in order.windows(2) {
        let (before, after) = (pair[0], pair[1]);
        if before.observer == after.observer && before.slot.checked_add(1) != Some(after.slot) {
            broken.note(OUT_OF_ORDER, after.at, || tell_out_of_order(before, after));
        }
    }
}

fn tell_out_of_order<V: Display>(before: &Decision<V>, after: &Decision<V>) -> Finding {
    let observer = before.observer;
    let sentence = format!("Observer {observer} saw slot {} next after slot {}.", after.slot, before.slot);
    let what = if after.slot > before.slot { "a gap" } else { "a step back" };
    let detail = format!("Slots are applied one after the other: this is {what}.");
    let steps = vec![
        step("Let", format!("observer {observer} see slot {} at index {}.", before.slot, before.at), Some(before.at)),
        step("Then", format!("the next that it sees is slot {}.", u128::from(before.slot) + 1), None),
        step("However", format!("it saw slot {} next, at index {}.", after.slot, after.at), Some(after.at)),
    ];
    proven(OUT_OF_ORDER, sentence, detail, steps)
}

/// Slots rise with real time.
pub(super) fn real_time<V: Display>(proposals: &[Proposal<V>], broken: &mut Broken) {
    let answered: Vec<(&Proposal<V>, u64)> = proposals
        .iter()
        .filter(|proposal| proposal.outcome == Outcome::Ok)
        .filter_map(|proposal| Some((proposal, proposal.slot?)))
        .collect();
    let keyed = |position: usize| {
        let (proposal, key) = answered[position];
        Keyed { invoked: proposal.invoked, completed: proposal.completed, key }
    };
    falls(
        answered.len(),
        keyed,
        |high, low| high > low,
        |earlier, later| {
            let ((first, high), (second, low)) = (answered[earlier], answered[later]);
            broken.note(REAL_TIME, second.completed.unwrap_or(second.invoked), || {
                let sentence = format!(
                    "{} was decided in slot {low}, before {} in slot {high}, which had been acknowledged earlier.",
                    second.value, first.value
                );
                let acknowledged = first.completed.unwrap_or_default();
                let detail =
                    format!("It was proposed at index {}, after that answer of {acknowledged}.", second.invoked);
                let let_first = format!("{} be acknowledged in slot {high} at index {acknowledged}.", first.value);
                let then = format!("what is proposed after that is decided in a slot above {high}.");
                let however =
                    format!("{}, proposed at index {}, was decided in slot {low}.", second.value, second.invoked);
                let steps = vec![
                    step("Let", let_first, Some(first.invoked)),
                    step("Then", then, None),
                    step("However", however, Some(second.invoked)),
                ];
                proven(REAL_TIME, sentence, detail, steps)
            });
        },
    );
}
