//! A queue that gives its values back in any order, each as often as it was put in: a bag.

use super::containers::{Certainty, ContainerEntry, Discipline, Due, Lives, Look, container, dues, uncovered};
pub use super::containers::{Call, Reply};
use crate::models::Item;

container! {
    /// A bag that is empty at first; what it holds is sorted.
    ///
    /// A take without an answer takes the smallest value. That is no loss: whatever it took, nobody saw it later, so it may as well
    /// have been taken right before somebody found the bag empty, and then everything must go.
    UnorderedQueue<V: Item Ord> by AnyOrder
}

/// Only who found nothing can contradict others.
struct AnyOrder;

impl<V: Ord> Discipline<V> for AnyOrder {
    fn place(held: &[V], value: &V) -> usize {
        held.partition_point(|other| other < value)
    }

    fn next(held: &[V], reply: Option<&Reply<V>>) -> Option<usize> {
        match reply {
            Some(Reply::Found(value)) => held.binary_search(value).ok(),
            _ => (!held.is_empty()).then_some(0),
        }
    }

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
