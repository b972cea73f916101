//! A queue: first in, first out.

mod order;

use std::fmt::Debug;
use std::marker::PhantomData;

use order::Fifo;

pub use super::containers::{Call, Reply};
use super::containers::{agrees, decide, only_observes, part, with, without};
use crate::linearizable::{Decision, EntryOf, Model};
use crate::models::Item;

/// A queue that is empty at first. A dequeue without an answer takes the first value, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Queue<V> {
    values: PhantomData<V>,
}

impl<V> Queue<V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { values: PhantomData }
    }
}

impl<V> Default for Queue<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Item> Model for Queue<V> {
    /// The first to leave comes first.
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
            Call::Put(value) => Some(with(state, state.len(), *value)),
            Call::Take => agrees(reply, state.first()).then(|| without(state, 0)),
            Call::Peek => agrees(reply, state.first()).then(|| state.clone()),
        }
    }

    fn only_observes(&self, call: &Call<V>, reply: &Reply<V>) -> bool {
        only_observes(call, reply)
    }

    fn part(&self, call: &Call<V>, reply: Option<&Reply<V>>) -> Option<u64> {
        part(call, reply)
    }

    /// Where each value is enqueued at most once; not always where dequeues have no answer.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        decide::<V, Fifo>(entries)
    }
}
