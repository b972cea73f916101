//! Where operations that missed a value, cas that did not swap, fit into an order of the others.
//!
//! In an order laid out in time ([`super::layout`]) every value is held from one moment to another, and only once. A cas that missed
//! it fits before or after unless it was invoked after the one and answered before the other: at the moment of a change it may
//! stand on either side. It changes nothing, so all that fit do so together. Which layout leaves room for all is searched for by
//! moving one block at a time, and what is found is gone over once more. Whatever was not found is left to the search.

use std::collections::HashMap;
use std::hash::Hash;

use dsjepsen_history::Index;

use super::blocks::{Chains, changes};
use super::layout::Layout;
use super::{leaves, misses};
use crate::linearizable::Decision;

/// Decides a history whose blocks have an order; `None` where none was found that the missed values fit.
pub(super) fn decide<V: Copy + Eq + Hash>(initial: V, chains: &Chains<'_, V>) -> Option<Decision> {
    let missed = Missed::of(chains);
    if missed.lists.is_empty() {
        return Some(Decision::Exists);
    }
    for is_late in [false, true] {
        let mut layout = Layout::new(&missed.lists, chains, &missed.numbers);
        let contradiction = layout.take_blocks(initial, chains, &missed.numbers);
        if let Some(places) = contradiction.or_else(|| layout.never_left(chains)) {
            return Some(Decision::Impossible(places));
        }
        if missed.are_left_twice(initial, chains) {
            return None;
        }
        layout.place_all(is_late);
        if layout.mend() && layout.is_an_order() {
            return Some(Decision::Exists);
        }
    }
    None
}

/// An operation that missed a value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Miss {
    pub(super) invoked: Index,
    pub(super) returned: Index,
    pub(super) place: usize,
}

/// The operations that missed each value.
struct Missed<V> {
    numbers: HashMap<V, u32>,
    lists: Vec<Misses>,
}

impl<V: Copy + Eq + Hash> Missed<V> {
    fn of(chains: &Chains<'_, V>) -> Self {
        let mut numbers = HashMap::new();
        let mut lists: Vec<Vec<Miss>> = Vec::new();
        for (place, entry) in chains.entries.iter().enumerate() {
            let Some(value) = misses(entry) else { continue };
            let number = *numbers.entry(value).or_insert(lists.len() as u32) as usize;
            if number == lists.len() {
                // Mostly each value is missed once.
                lists.push(Vec::with_capacity(1));
            }
            let (invoked, returned) = chains.span(place);
            lists[number].push(Miss { invoked, returned, place });
        }
        Self { numbers, lists: lists.into_iter().map(Misses::of).collect() }
    }

    /// Whether a value that was missed may be held more than once.
    fn are_left_twice(&self, initial: V, chains: &Chains<'_, V>) -> bool {
        let mut is_left = vec![false; self.lists.len()];
        let left = chains.entries.iter().filter(|entry| changes(entry)).filter_map(leaves);
        [initial].into_iter().chain(left).filter_map(|value| self.numbers.get(&value)).any(|&number| std::mem::replace(&mut is_left[number as usize], true))
    }
}

/// The operations that missed a value, as they were invoked.
pub(super) struct Misses {
    invoked: Vec<Index>,
    /// Of those from here on, the one that returned first.
    first_answered: Vec<Miss>,
}

impl Misses {
    fn of(mut misses: Vec<Miss>) -> Self {
        misses.sort_unstable_by_key(|miss| miss.invoked);
        let invoked = misses.iter().map(|miss| miss.invoked).collect();
        for at in (1..misses.len()).rev() {
            if misses[at].returned < misses[at - 1].returned {
                misses[at - 1] = misses[at];
            }
        }
        Self { invoked, first_answered: misses }
    }

    /// One that has no room where the value is held from one moment, or from the beginning, to another, or for ever.
    pub(super) fn without_room(&self, from: Option<Index>, to: Option<Index>) -> Option<Miss> {
        let later = from.map_or(0, |from| self.invoked.partition_point(|&invoked| invoked <= from));
        self.first_answered.get(later).copied().filter(|miss| to.is_none_or(|to| miss.returned < to))
    }
}
