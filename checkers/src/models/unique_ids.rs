//! A source of ids, which gives none twice.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use crate::linearizable::{Decision, EntryOf, Model};
use crate::models::Item;

/// A source of ids.
#[derive(Debug, Clone, Copy)]
pub struct UniqueIds<V>(PhantomData<V>);

impl<V> Default for UniqueIds<V> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

/// What is asked of it: an id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generate;

impl<V: Item + Ord> Model for UniqueIds<V> {
    /// The ids that were given.
    type State = BTreeSet<V>;
    type Call = Generate;
    /// The id.
    type Reply = V;

    fn initial(&self) -> BTreeSet<V> {
        BTreeSet::new()
    }

    fn step(&self, given: &BTreeSet<V>, _call: &Generate, reply: Option<&V>) -> Option<BTreeSet<V>> {
        let mut given = given.clone();
        reply.is_none_or(|id| given.insert(*id)).then_some(given)
    }

    /// Always decides: any order will do unless an id was given twice. O(n log n), by sorting: a table of a million ids would be
    /// slower than that, for each look into it misses the caches.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let given = entries.iter().enumerate().filter_map(|(place, entry)| Some((*entry.reply()?, place as u32)));
        let mut given: Vec<(V, u32)> = given.collect();
        given.sort_unstable();
        let repeated = given.windows(2).filter(|pair| pair[0].0 == pair[1].0).map(|pair| (pair[1].1, pair[0].1));
        Some(repeated.min().map_or(Decision::Exists, |(second, first)| {
            Decision::Impossible(vec![first as usize, second as usize])
        }))
    }

    fn may_go(&self, _entries: &[EntryOf<Self>], _place: usize) -> bool {
        true
    }
}
