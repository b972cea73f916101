//! A source of ids, which gives none twice.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Debug;
use std::hash::Hash;
use std::marker::PhantomData;

use crate::linearizable::{Decision, EntryOf, Model};

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

impl<V: Copy + Debug + Ord + Hash> Model for UniqueIds<V> {
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

    /// Always decides: any order will do unless an id was given twice. O(n).
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let mut given: HashMap<V, u32> = HashMap::with_capacity(entries.len());
        for (place, entry) in entries.iter().enumerate() {
            if let Some(id) = entry.reply()
                && let Some(first) = given.insert(*id, place as u32)
            {
                return Some(Decision::Impossible(vec![first as usize, place]));
            }
        }
        Some(Decision::Exists)
    }

    fn may_go(&self, _entries: &[EntryOf<Self>], _place: usize) -> bool {
        true
    }
}
