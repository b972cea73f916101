//! Knossos' mutex: acquired when it is free, released when it is held, by whomever.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dsjepsen_history::Index;

use crate::linearizable::{Decision, Entry, EntryOf, Model};

/// A mutex without an owner.
#[derive(Debug, Clone, Copy, Default)]
pub struct Mutex {
    /// Whether it is held at first.
    pub held: bool,
}

/// What is asked of a mutex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Take it; it must be free.
    Acquire,
    /// Free it; it must be held.
    Release,
}

impl Model for Mutex {
    /// Whether it is held.
    type State = bool;
    type Call = Call;
    type Reply = ();

    fn initial(&self) -> bool {
        self.held
    }

    fn step(&self, held: &bool, call: &Call, _reply: Option<&()>) -> Option<bool> {
        match call {
            Call::Acquire => (!held).then_some(true),
            Call::Release => held.then_some(false),
        }
    }

    /// Decides in O(n log n). The state says of which kind the next operation is, and operations of a kind differ in their
    /// times alone. So of those that may come next the one that must come first is taken: in any order that takes another the two
    /// can be exchanged. One without an answer need never come, so it is taken where no other is left.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let Some(stuck) = alternate(self.held, entries) else { return Some(Decision::Exists) };
        // What began by then is all that was looked at; mostly a short time is enough to see it.
        let end = entries[stuck].returned()?;
        let begun = || (0..entries.len()).filter(|&place| entries[place].invoked <= end).collect();
        Some(Decision::Impossible(crowd(self.held, entries, stuck).unwrap_or_else(begun)))
    }
}

type MutexEntry = Entry<Call, ()>;

/// Where no operation of the kind that must come next can: the place of the one that should have come by now.
fn alternate(mut held: bool, entries: &[MutexEntry]) -> Option<usize> {
    let mut order: Vec<u32> = (0..entries.len() as u32).collect();
    order.sort_by_key(|&place| entries[place as usize].invoked);
    let mut upcoming = order.into_iter().peekable();
    let mut left = entries.iter().filter(|entry| entry.answer.is_some()).count();
    // By kind. What has an answer at the end of time must come before what has none.
    let mut ready: [BinaryHeap<Reverse<(Index, bool, u32)>>; 2] = [BinaryHeap::new(), BinaryHeap::new()];
    while left > 0 {
        // What was invoked after something returned cannot come before it. What is not ready returns later still.
        let due = loop {
            let firsts = ready.iter().filter_map(|heap| heap.peek().map(|Reverse(first)| *first));
            let due = firsts.filter(|(_, is_open, _)| !is_open).min();
            let may_begin =
                |place: &u32| due.is_none_or(|(returned, ..)| entries[*place as usize].invoked <= returned);
            let Some(place) = upcoming.next_if(may_begin) else { break due };
            let entry = &entries[place as usize];
            let key = (entry.returned().unwrap_or(Index::MAX), entry.answer.is_none(), place);
            ready[usize::from(entry.call == Call::Release)].push(Reverse(key));
        };
        let Some(Reverse((_, is_open, _))) = ready[usize::from(held)].pop() else {
            return due.map(|(.., place)| place as usize);
        };
        left -= usize::from(!is_open);
        held = !held;
    }
    None
}

/// The operations of one kind that lie wholly within some time, and those of the other kind that may have come between them, which
/// are too few. The time ends where the operation at `stuck` does; the latest beginning is taken that makes it so.
fn crowd(held: bool, entries: &[MutexEntry], stuck: usize) -> Option<Vec<usize>> {
    let kind = entries[stuck].call;
    let end = entries[stuck].returned()?;
    let places = |is_wanted: &dyn Fn(&MutexEntry) -> bool| -> Vec<usize> {
        (0..entries.len()).filter(|&place| is_wanted(&entries[place])).collect()
    };
    let mut within = places(&|entry| entry.call == kind && entry.returned().is_some_and(|returned| returned <= end));
    let mut between = places(&|entry| entry.call != kind && entry.invoked <= end);
    within.sort_by_key(|&place| Reverse(entries[place].invoked));
    between.sort_by_key(|&place| Reverse(entries[place].returned().unwrap_or(Index::MAX)));
    let mut also = 0;
    for more in 1..=within.len() {
        let begin = entries[within[more - 1]].invoked;
        while between.get(also).is_some_and(|&place| entries[place].returned().is_none_or(|at| at >= begin)) {
            also += 1;
        }
        // Two of a kind need one of the other between them, and at the very first there may have to be one before.
        let is_end = more == within.len();
        let all = if is_end { between.len() } else { also };
        let first_waits = is_end && held == (kind == Call::Acquire);
        if more > also + 1 || is_end && more + usize::from(first_waits) > all + 1 {
            let others = if more > also + 1 { also } else { all };
            return Some(within[..more].iter().chain(&between[..others]).copied().collect());
        }
    }
    None
}
