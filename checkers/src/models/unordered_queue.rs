//! A queue that gives its values back in any order, each as often as it was put in: a bag.

use std::fmt::Debug;
use std::marker::PhantomData;

pub use super::containers::{Call, Reply};
use super::containers::{
    Certainty, ContainerEntry, Discipline, Due, Lives, Look, decide, dues, only_observes, part, uncovered, with, without,
};
use crate::linearizable::{Decision, EntryOf, Model};
use crate::models::Item;

/// A bag that is empty at first.
///
/// A take without an answer takes the smallest value. That is no loss: whatever it took, nobody saw it later, so it may as well have
/// been taken right before somebody found the bag empty, and then everything must go.
#[derive(Debug, Clone, Copy)]
pub struct UnorderedQueue<V> {
    values: PhantomData<V>,
}

impl<V> UnorderedQueue<V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self { values: PhantomData }
    }
}

impl<V> Default for UnorderedQueue<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: Item + Ord> Model for UnorderedQueue<V> {
    /// Sorted: equal contents are equal states.
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
        if let Call::Put(value) = call {
            return Some(with(state, state.partition_point(|held| held < value), *value));
        }
        let place = match reply {
            None => 0,
            Some(Reply::Found(value)) => state.binary_search(value).ok()?,
            Some(Reply::Empty) if state.is_empty() => 0,
            Some(Reply::Empty | Reply::Done) => return None,
        };
        Some(if matches!(call, Call::Take) { without(state, place) } else { state.clone() })
    }

    fn only_observes(&self, call: &Call<V>, reply: &Reply<V>) -> bool {
        only_observes(call, reply)
    }

    fn part(&self, call: &Call<V>, reply: Option<&Reply<V>>) -> Option<u64> {
        part(call, reply)
    }

    /// Where each value is put in at most once: then only who found nothing can contradict others. Not always where some did, and
    /// others took something without an answer.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        decide::<V, AnyOrder>(entries)
    }
}

struct AnyOrder;

impl<V> Discipline<V> for AnyOrder {
    fn stuck(_: &[ContainerEntry<V>], lives: &Lives) -> Option<Vec<usize>> {
        uncovered(lives).map(|_| (0..lives.lives.len()).collect())
    }

    fn proof(_: &[ContainerEntry<V>], lives: &Lives) -> Vec<usize> {
        uncovered(lives).unwrap_or_default()
    }

    /// What was there before somebody began who found nothing must have gone before the answer.
    fn dues(_: &[ContainerEntry<V>], lives: &Lives, certainty: Certainty) -> Vec<Due> {
        let left = (0..).zip(&lives.lives).filter(|(_, life)| life.take().is_none());
        let there = left.map(|(number, life)| (1, certainty.of(life.there, life.begun), number));
        dues(Look::nothings(lives, certainty, 0).collect(), there.collect())
    }
}
