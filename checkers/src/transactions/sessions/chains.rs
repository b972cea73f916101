//! Chains: transactions of which each surely comes before the next, so that one number a chain says how much of it comes before.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dsjepsen_history::Index;

use crate::transactions::edges::in_order;
use crate::transactions::history::Outcome;
use crate::transactions::registers::versions::Versions;

/// Chains of one transaction each.
pub(super) fn alone(versions: &Versions<'_>) -> Vec<Vec<u32>> {
    taking_part(versions).map(|number| vec![number]).collect()
}

/// The sessions; where the order within one is not known, it is cut there.
pub(super) fn by_session(versions: &Versions<'_>) -> Vec<Vec<u32>> {
    let numbers = taking_part(versions).collect();
    sessions(versions, numbers)
}

/// As few chains as real time allows. What has no place in real time stays with its session.
pub(super) fn by_real_time(versions: &Versions<'_>) -> Vec<Vec<u32>> {
    let history = versions.history;
    let ends = ends(versions);
    let (mut timed, mut bare) = (Vec::new(), Vec::new());
    for number in taking_part(versions) {
        match history.interval(number) {
            Some((invoked, _)) => timed.push((invoked, number)),
            None => bare.push(number),
        }
    }
    timed.sort_unstable();
    let mut chains: Vec<Vec<u32>> = Vec::new();
    let mut free: BinaryHeap<Reverse<(Index, usize)>> = BinaryHeap::new();
    for (invoked, number) in timed {
        let chain = match free.peek() {
            Some(&Reverse((end, chain))) if end < invoked => {
                free.pop();
                chain
            }
            _ => {
                chains.push(Vec::new());
                chains.len() - 1
            }
        };
        chains[chain].push(number);
        free.extend(ends[number as usize].map(|end| Reverse((end, chain))));
    }
    chains.extend(sessions(versions, bare));
    chains
}

/// For each transaction an index by which it surely took effect: that of its completion, or where it never answered, that of the
/// first answer that shows what it wrote.
pub(super) fn ends(versions: &Versions<'_>) -> Vec<Option<Index>> {
    let history = versions.history;
    let end = |number: u32| history.interval(number).and_then(|(_, end)| end);
    let mut ends: Vec<Option<Index>> = history.numbers().map(end).collect();
    for access in &versions.accesses {
        let Some((writer, _)) = access.read.and_then(|read| versions.writer(read)) else { continue };
        if let (Outcome::Info, Some(shown)) = (history.outcome(writer), end(access.transaction)) {
            let known = &mut ends[writer as usize];
            *known = Some(known.map_or(shown, |known| known.min(shown)));
        }
    }
    ends
}

fn taking_part<'a>(versions: &'a Versions<'_>) -> impl Iterator<Item = u32> + 'a {
    versions.history.numbers().filter(|&number| versions.takes_part[number as usize])
}

fn sessions(versions: &Versions<'_>, mut numbers: Vec<u32>) -> Vec<Vec<u32>> {
    let history = versions.history;
    numbers.sort_by_key(|&number| history.process(number));
    let mut chains: Vec<Vec<u32>> = Vec::new();
    for number in numbers {
        let goes_on = |chain: &&mut Vec<u32>| {
            chain.last().is_some_and(|&last| {
                history.process(last) == history.process(number) && in_order(history, last, number)
            })
        };
        match chains.last_mut().filter(goes_on) {
            Some(chain) => chain.push(number),
            None => chains.push(vec![number]),
        }
    }
    chains
}
