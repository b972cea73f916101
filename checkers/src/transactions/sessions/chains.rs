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

/// As few chains as real time allows. What has no place in real time stays with its session, or alone.
pub(super) fn by_real_time(versions: &Versions<'_>, times: &Times, in_sessions: bool) -> Vec<Vec<u32>> {
    let (mut timed, mut bare) = (Vec::new(), Vec::new());
    for number in taking_part(versions) {
        match times.invoked(number) {
            Some(invoked) => timed.push((invoked, number)),
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
        free.extend(times.end(number).map(|end| Reverse((end, chain))));
    }
    if in_sessions {
        chains.extend(sessions(versions, bare));
    } else {
        chains.extend(bare.into_iter().map(|number| vec![number]));
    }
    chains
}

/// The places of transactions in real time.
#[derive(Debug)]
pub(super) struct Times {
    /// When each was invoked; [`Index::MAX`] where it has no place in real time.
    invoked: Vec<Index>,
    /// By when it surely took effect: when it completed, or where it never answered, the first answer that shows what it wrote.
    /// [`Index::MAX`] where it never surely did.
    ends: Vec<Index>,
}

impl Times {
    /// Of all but some; the list of those is empty or has one entry a transaction.
    pub(super) fn of(versions: &Versions<'_>, untimed: &[bool]) -> Self {
        let history = versions.history;
        let is_timed = |number: u32| !untimed.get(number as usize).copied().unwrap_or_default();
        let interval = |number: u32| history.interval(number).filter(|_| is_timed(number));
        let (invoked, ends) = history
            .numbers()
            .map(|number| {
                interval(number).map_or((Index::MAX, Index::MAX), |(at, end)| (at, end.unwrap_or(Index::MAX)))
            })
            .unzip();
        let mut times = Self { invoked, ends };
        for access in &versions.accesses {
            let Some((writer, _)) = access.read.and_then(|read| versions.writer(read)) else { continue };
            if history.outcome(writer) == Outcome::Info && times.invoked(writer).is_some() {
                let shown = times.ends[access.transaction as usize];
                let known = &mut times.ends[writer as usize];
                *known = shown.min(*known);
            }
        }
        times
    }

    pub(super) fn invoked(&self, number: u32) -> Option<Index> {
        Some(self.invoked[number as usize]).filter(|&invoked| invoked != Index::MAX)
    }

    pub(super) fn end(&self, number: u32) -> Option<Index> {
        Some(self.ends[number as usize]).filter(|&end| end != Index::MAX)
    }

    /// Whether one comes before another by its times alone.
    pub(super) fn precedes(&self, first: u32, second: u32) -> bool {
        self.end(first).zip(self.invoked(second)).is_some_and(|(end, invoked)| end < invoked)
    }
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
