//! A set: elements are inserted, removed and looked for, or all of them read.

mod elements;
mod reads;

use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use crate::linearizable::{Decision, EntryOf, Model};
use crate::models::Item;

/// A set that is empty at first.
#[derive(Debug, Clone, Copy)]
pub struct Set<V> {
    values: PhantomData<V>,
}

impl<V> Set<V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { values: PhantomData }
    }
}

impl<V> Default for Set<V> {
    fn default() -> Self {
        Self::new()
    }
}

/// What is asked of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call<V> {
    /// Insert this element.
    Insert(V),
    /// Remove this element.
    Remove(V),
    /// Whether this element is there.
    Contains(V),
    /// Read all elements.
    Read,
}

/// What a set answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Reply<V> {
    /// It is as was asked, and perhaps it was before.
    Done,
    /// Whether the element was inserted, removed or there.
    Answer(bool),
    /// All elements, sorted, each once.
    All(Box<[V]>),
}

impl<V: Item + Ord> Model for Set<V> {
    /// The elements, sorted.
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
        let (place, answer) = match call {
            Call::Insert(element) => split(state.binary_search(element), false),
            Call::Remove(element) | Call::Contains(element) => split(state.binary_search(element), true),
            Call::Read => (0, true),
        };
        let agrees = match (reply, call) {
            (None | Some(Reply::Done), _) => true,
            (Some(Reply::Answer(answered)), _) => *answered == answer,
            (Some(Reply::All(all)), _) => **all == **state,
        };
        agrees.then(|| {
            let mut after = state.clone();
            match call {
                Call::Insert(element) if answer => after.insert(place, *element),
                Call::Remove(_) if answer => drop(after.remove(place)),
                _ => {}
            }
            after
        })
    }

    fn only_observes(&self, call: &Call<V>, reply: &Reply<V>) -> bool {
        matches!(call, Call::Contains(_) | Call::Read) || matches!(reply, Reply::Answer(false))
    }

    /// Where nobody reads all elements, each element by itself; else where elements are only inserted, each at most once.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        if entries.iter().any(|entry| matches!(entry.call, Call::Read)) {
            reads::decide(entries)
        } else {
            elements::decide(self, entries)
        }
    }

    /// What changes nothing may go, and an addition that no read shows and of which nothing else speaks.
    fn may_go(&self, entries: &[EntryOf<Self>], place: usize) -> bool {
        let entry = &entries[place];
        match (&entry.call, &entry.answer) {
            (Call::Insert(value), None | Some((Reply::Done, _))) => entries.iter().all(|other| match other.reply() {
                Some(Reply::All(all)) => all.binary_search(value).is_err(),
                Some(Reply::Answer(_)) => false,
                Some(Reply::Done) | None => true,
            }),
            (call, Some((reply, _))) => self.only_observes(call, reply),
            _ => false,
        }
    }
}

/// Where an element is or belongs, and whether its being there is `wanted`.
fn split(found: Result<usize, usize>, wanted: bool) -> (usize, bool) {
    match found {
        Ok(place) => (place, wanted),
        Err(place) => (place, !wanted),
    }
}
