//! A counting semaphore: raised at any time, and lowered where it is above 0, by whomever.

use dsjepsen_history::Index;

use crate::linearizable::{Decision, EntryOf, Model};

/// A semaphore.
#[derive(Debug, Clone, Copy, Default)]
pub struct Semaphore {
    /// Its value at first: the permits that are to be had.
    pub initial: u64,
}

/// What is asked of a semaphore.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Add 1: a release.
    Raise,
    /// Take 1 away: an acquire.
    Lower,
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// It was done.
    Done,
    /// It was not lowered, for it is 0.
    Empty,
}

impl Model for Semaphore {
    type State = u64;
    type Call = Call;
    type Reply = Reply;

    fn initial(&self) -> u64 {
        self.initial
    }

    fn step(&self, state: &u64, call: &Call, reply: Option<&Reply>) -> Option<u64> {
        match (call, reply) {
            (Call::Lower, Some(Reply::Empty)) => (*state == 0).then_some(0),
            (Call::Lower, _) => state.checked_sub(1),
            (Call::Raise, _) => state.checked_add(1),
        }
    }

    fn only_observes(&self, call: &Call, reply: &Reply) -> bool {
        (call, reply) == (&Call::Lower, &Reply::Empty)
    }

    /// What was found empty may always go, and what was lowered where nothing was; what was raised may have been needed.
    fn may_go(&self, entries: &[EntryOf<Self>], place: usize) -> bool {
        let found_empty = |entry: &EntryOf<Self>| entry.reply() == Some(&Reply::Empty);
        let entry = &entries[place];
        found_empty(entry) || entry.call == Call::Lower && !entries.iter().any(found_empty)
    }

    /// Raised as soon and lowered as late as can be, it is highest at all times: so there is an order if that one never falls below 0.
    /// What was found empty is not looked at: where there is any, only a contradiction of the others is told. O(n log n).
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let is_empty = |entry: &&EntryOf<Self>| entry.reply() == Some(&Reply::Empty);
        let mut raised: Vec<Index> =
            entries.iter().filter(|entry| entry.call == Call::Raise).map(|entry| entry.invoked).collect();
        let lowered = entries.iter().filter(|entry| entry.call == Call::Lower && !is_empty(entry));
        let mut lowered: Vec<Index> = lowered.filter_map(EntryOf::<Self>::returned).collect();
        raised.sort_unstable();
        lowered.sort_unstable();
        let mut above = 0;
        for (below, &at) in lowered.iter().enumerate() {
            while raised.get(above).is_some_and(|&raised| raised <= at) {
                above += 1;
            }
            if below as u64 >= self.initial.saturating_add(above as u64) {
                let counts = |entry: &EntryOf<Self>| match entry.call {
                    Call::Raise => entry.invoked <= at,
                    Call::Lower => !is_empty(&entry) && entry.returned().is_some_and(|returned| returned <= at),
                };
                return Some(Decision::Impossible(
                    (0..entries.len()).filter(|&place| counts(&entries[place])).collect(),
                ));
            }
        }
        (!entries.iter().any(|entry| is_empty(&entry))).then_some(Decision::Exists)
    }
}
