//! What an order of all transactions, or that there is none, says beside the anomalies.

use dsjepsen_history::Figure;

use super::registers::versions::Versions;
use super::sessions::{Decided, Older, decide};
use super::verdict::{Options, Ordered, TransactionVerdict};
use crate::words::count;

/// Adds what a search for an order comes to. What is known of the order of writes holds in it.
pub(super) fn in_order(
    versions: &Versions<'_>,
    known: &[Older],
    mut verdict: TransactionVerdict,
    options: &Options,
) -> TransactionVerdict {
    let (mut states, mut ordered) = (0, Ordered::Found);
    for &level in &options.levels {
        match decide(versions, known, level, options.states_max, &options.interrupt) {
            Some((Decided::Broken(finding), searched)) => {
                states += searched;
                ordered = Ordered::None(level, finding);
                break;
            }
            Some((Decided::Holds, searched)) => states += searched,
            Some((Decided::Open, searched)) => {
                states += searched;
                ordered = Ordered::Open;
            }
            None => ordered = Ordered::Open,
        }
    }
    if options.levels.is_empty() {
        ordered = Ordered::Open;
    }
    if states > 0 {
        verdict.figures.push(Figure::new("states searched", count(states as u64)));
    }
    verdict.with_order(ordered)
}
