//! A counter that is added to, and read.

use std::borrow::Borrow;

use super::fetch_add::by_values;
use crate::assignment::{Known, Unknown};
use crate::linearizable::{Decision, EntryOf, Model};

/// A counter.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counter {
    /// Its value at first.
    pub initial: i64,
}

/// What is asked of a counter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call {
    /// Add this; it may be negative.
    Add(i64),
    /// Read the value.
    Read,
}

/// What it answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply {
    /// It was added.
    Done,
    /// The value.
    Found(i64),
}

impl Model for Counter {
    type State = i128;
    type Call = Call;
    type Reply = Reply;

    fn initial(&self) -> i128 {
        self.initial.into()
    }

    fn step(&self, state: &i128, call: &Call, reply: Option<&Reply>) -> Option<i128> {
        match (call, reply) {
            (Call::Add(amount), _) => state.checked_add(i128::from(*amount)),
            (Call::Read, Some(Reply::Found(value))) => (*state == i128::from(*value)).then_some(*state),
            (Call::Read, _) => Some(*state),
        }
    }

    fn only_observes(&self, call: &Call, _reply: &Reply) -> bool {
        matches!(call, Call::Read | Call::Add(0))
    }

    /// Decides where all additions add the same; where they add different amounts, but all up or all down, it tells some
    /// contradictions, as that a read went back, and no more. O(n log n).
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        self.decide_each(entries.iter())
    }
}

impl Counter {
    /// As [`Model::decide`], with entries that need not be held all at once; the decision names their places.
    pub(crate) fn decide_each<E: Borrow<EntryOf<Self>>>(
        &self,
        entries: impl Iterator<Item = E> + Clone,
    ) -> Option<Decision> {
        by_values(entries, |entry, sign| {
            let (invoked, returned) = (entry.invoked, entry.returned());
            match (&entry.call, entry.reply()) {
                (Call::Read, Some(Reply::Found(value))) => {
                    let value = sign * (i128::from(*value) - i128::from(self.initial));
                    Some(Ok(Known { before: value, after: value, invoked, returned: returned? }))
                }
                (Call::Read, _) => None,
                (Call::Add(amount), _) => Some(Err(Unknown { delta: amount.unsigned_abs(), invoked, returned })),
            }
        }, |call| match call {
            Call::Add(amount) => *amount,
            Call::Read => 0,
        })
    }
}
