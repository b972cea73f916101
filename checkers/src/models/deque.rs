//! A queue with two ends.

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

pub use super::containers::Reply;
use super::containers::{agrees, with, without};
use crate::linearizable::Model;
use crate::models::Item;

/// A deque that is empty at first. A pop without an answer takes the value at its end, if there is one.
#[derive(Debug, Clone, Copy)]
pub struct Deque<V> {
    values: PhantomData<V>,
}

/// An end of a deque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum End {
    /// The first value's.
    Front,
    /// The last value's.
    Back,
}

/// What is asked of a deque.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call<V> {
    /// Put this value in at an end.
    Push(End, V),
    /// Take the value at an end.
    Pop(End),
    /// Look at the value at an end.
    Peek(End),
}

impl<V> Deque<V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { values: PhantomData }
    }
}

impl<V> Default for Deque<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Item> Model for Deque<V> {
    /// Front first.
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
        let place = |end| if end == End::Front { 0 } else { state.len().saturating_sub(1) };
        match *call {
            Call::Push(End::Front, value) => Some(with(state, 0, value)),
            Call::Push(End::Back, value) => Some(with(state, state.len(), value)),
            Call::Pop(end) => agrees(reply, state.get(place(end))).then(|| without(state, place(end))),
            Call::Peek(end) => agrees(reply, state.get(place(end))).then(|| state.clone()),
        }
    }

    fn only_observes(&self, call: &Call<V>, reply: &Reply<V>) -> bool {
        match call {
            Call::Push(..) => false,
            Call::Pop(_) => matches!(reply, Reply::Empty),
            Call::Peek(_) => true,
        }
    }
}
