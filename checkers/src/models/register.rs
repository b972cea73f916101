//! A register that is read, written, and compared and set.

mod blocks;
mod layout;
mod misses;
mod zones;

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::Hash;

use dsjepsen_history::Index;

use crate::linearizable::{Decision, Entry, EntryOf, Model};
use crate::models::Item;

/// A register with the value that it has at first.
#[derive(Debug, Clone, Copy)]
pub struct Register<V> {
    /// The first value.
    pub initial: V,
}

/// What is asked of a register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Call<V> {
    /// Read the value.
    Read,
    /// Set the value.
    Write(V),
    /// Set the value to `to` if it is `from`.
    Cas {
        /// The value that it must have.
        from: V,
        /// The value that it is given then.
        to: V,
    },
}

/// What a register answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reply<V> {
    /// A read found this value.
    Found(V),
    /// The value was written.
    Done,
    /// Whether the value was `from`, and was set.
    Swapped(bool),
}

impl<V: Item> Model for Register<V> {
    type State = V;
    type Call = Call<V>;
    type Reply = Reply<V>;

    fn initial(&self) -> V {
        self.initial
    }

    fn step(&self, state: &V, call: &Call<V>, reply: Option<&Reply<V>>) -> Option<V> {
        match (call, reply) {
            (Call::Read, Some(Reply::Found(value))) => (value == state).then_some(*state),
            (Call::Read, _) => Some(*state),
            (Call::Write(value), _) => Some(*value),
            (Call::Cas { from, .. }, Some(Reply::Swapped(false))) => (state != from).then_some(*state),
            (Call::Cas { from, to }, _) => (state == from).then_some(*to),
        }
    }

    fn only_observes(&self, call: &Call<V>, reply: &Reply<V>) -> bool {
        match (call, reply) {
            (Call::Read, _) | (Call::Cas { .. }, Reply::Swapped(false)) => true,
            (Call::Cas { from, to }, _) => from == to,
            (Call::Write(_), _) => false,
        }
    }

    fn overwrites(&self, call: &Call<V>, _reply: Option<&Reply<V>>) -> bool {
        matches!(call, Call::Write(_))
    }

    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        blocks::decide(self.initial, entries)
    }

    /// What changes nothing may always go. What leaves a value may go if the others do as well with the value that was there
    /// before: if each of them that must find its value came before it, or after another change that came after it, and none that
    /// must *not* find another value can stand between it and the next change.
    fn may_go(&self, entries: &[EntryOf<Self>], place: usize) -> bool {
        may_go(entries, place)
    }

    /// All that leave a value rest on what they find, and who finds it on all of them. Who missed one rests on everything.
    fn grounds(&self, entries: &[EntryOf<Self>], place: usize) -> Option<Vec<usize>> {
        let mut writers: HashMap<V, Vec<usize>> = HashMap::new();
        for (writer, entry) in entries.iter().enumerate() {
            if let Some(value) = leaves(entry) {
                writers.entry(value).or_default().push(writer);
            }
        }
        let mut grounds = vec![place];
        let mut at = 0;
        while at < grounds.len() {
            let entry = &entries[grounds[at]];
            at += 1;
            if misses(entry).is_some() {
                return None;
            }
            // Of each value they are taken once.
            grounds.extend(finds(entry).and_then(|value| writers.remove(&value)).unwrap_or_default());
        }
        grounds.sort_unstable();
        grounds.dedup();
        Some(grounds)
    }
}

type RegisterEntry<V> = Entry<Call<V>, Reply<V>>;

/// The value that an operation leaves where it takes effect; `None` where it changes nothing.
pub fn leaves<V: Copy>(entry: &RegisterEntry<V>) -> Option<V> {
    match (&entry.call, entry.reply()) {
        (Call::Read, _) | (_, Some(Reply::Swapped(false))) => None,
        (Call::Write(value), _) => Some(*value),
        (Call::Cas { to, .. }, _) => Some(*to),
    }
}

/// The value that an operation must find where it takes effect.
pub fn finds<V: Copy>(entry: &RegisterEntry<V>) -> Option<V> {
    match (&entry.call, entry.reply()) {
        (Call::Read, Some(Reply::Found(value))) => Some(*value),
        (Call::Read | Call::Write(_), _) | (Call::Cas { .. }, Some(Reply::Swapped(false))) => None,
        (Call::Cas { from, .. }, _) => Some(*from),
    }
}

/// The value that an operation must not find: that of a cas that did not swap.
pub fn misses<V: Copy>(entry: &RegisterEntry<V>) -> Option<V> {
    match (&entry.call, entry.reply()) {
        (Call::Cas { from, .. }, Some(Reply::Swapped(false))) => Some(*from),
        _ => None,
    }
}

fn may_go<V: Copy + Eq>(entries: &[RegisterEntry<V>], chosen: usize) -> bool {
    let entry = &entries[chosen];
    let Some(value) = leaves(entry) else { return true };
    // Whoever found the value stands near the end, most often.
    let others = || entries.iter().enumerate().rev().filter(|(place, _)| *place != chosen).map(|(_, other)| other);
    let comes_before = |other: &RegisterEntry<V>| other.returned().is_some_and(|returned| returned < entry.invoked);
    let mut finders = others().filter(|other| finds(other) == Some(value) && !comes_before(other)).peekable();
    if finders.peek().is_some() {
        // Somebody who writes the value is left, so that all can see where it comes from.
        let mut later = others().filter(|other| leaves(other) == Some(value) && other.invoked >= entry.invoked);
        let is_last = later.all(|other| finds(other) == Some(value));
        let gone = replaced_by(entry, others().filter(|other| leaves(other) != Some(value)));
        if is_last || finders.any(|finder| gone.is_none_or(|gone| finder.invoked <= gone)) {
            return false;
        }
    }
    let replaced = replaced_by(entry, others());
    others().filter(|other| misses(other).is_some_and(|missed| missed != value)).all(|other| {
        comes_before(other) || replaced.is_some_and(|replaced| replaced < other.invoked)
    })
}

/// When the value that `entry` leaves was surely replaced: the first answer to a change that began after it had returned.
fn replaced_by<'a, V: Copy + 'a>(
    entry: &RegisterEntry<V>,
    others: impl Iterator<Item = &'a RegisterEntry<V>>,
) -> Option<Index> {
    let returned = entry.returned()?;
    let later = others.filter(|other| leaves(other).is_some() && other.invoked > returned);
    later.filter_map(Entry::returned).min()
}
