//! A queue that gives its largest value back first.

mod order;

use std::fmt::Debug;
use std::marker::PhantomData;

use order::Largest;

pub use super::containers::{Call, Reply};
use super::containers::{agrees, decide, only_observes, part, with, without};
use crate::linearizable::{Decision, EntryOf, Model};
use crate::models::Item;

/// A priority queue that is empty at first. A poll without an answer takes the largest value, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct PriorityQueue<V> {
    values: PhantomData<V>,
}

impl<V> PriorityQueue<V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { values: PhantomData }
    }
}

impl<V> Default for PriorityQueue<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Item + Ord> Model for PriorityQueue<V> {
    /// Sorted: the largest comes last.
    type State = Vec<V>;
    type Call = Call<V>;
    type Reply = Reply<V>;

    fn initial(&self) -> Vec<V> {
        Vec::new()
    }

    fn bytes_held(&self, state: &Vec<V>) -> usize {
        size_of_val(state.as_slice())
    }

    fn step(&self, state: &Vec<V>, call: &Call<V>, reply: Option<&Reply<V>>) -> Option<Vec<V>> {
        match call {
            Call::Put(value) => Some(with(state, state.partition_point(|held| held < value), *value)),
            Call::Take => agrees(reply, state.last()).then(|| without(state, state.len().saturating_sub(1))),
            Call::Peek => agrees(reply, state.last()).then(|| state.clone()),
        }
    }

    fn only_observes(&self, call: &Call<V>, reply: &Reply<V>) -> bool {
        only_observes(call, reply)
    }

    fn part(&self, call: &Call<V>, reply: Option<&Reply<V>>) -> Option<u64> {
        part(call, reply)
    }

    /// Where each value is inserted at most once; not always where polls have no answer.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        decide::<V, Largest>(entries)
    }
}
