//! What is wrong with operations that have no order, where it has a name.

use std::cmp::Reverse;

use dsjepsen_history::{Nanos, Outcome};

use super::RegisterCall;
use super::keys::{Key, Keys, RegisterOperation};
use super::model::{RegisterEntry, finds, leaves, misses};
use crate::linearizable::Entry;
use crate::words::{between, moment};

/// What is wrong.
pub(super) enum Contradiction<'a> {
    /// An operation found a value that nobody can have left by then.
    FromNowhere { found: u64, origin: Origin<'a> },
    /// An operation found a value after another was surely there, and the value did not come again.
    Stale { found: Option<u64>, newer: &'a RegisterEntry },
    /// Two operations found two values of which both had been there, each once, when both operations began.
    Both { found: u64, other: &'a RegisterEntry },
    /// Two cas swapped one value that was there once.
    SwappedTwice { value: u64, first: &'a RegisterEntry },
    /// A cas did not find the value that was surely there.
    Missed { value: u64, left: &'a RegisterEntry },
    /// None of these.
    Unnamed,
}

/// Where a value from nowhere does occur.
pub(super) enum Origin<'a> {
    /// Nowhere.
    None,
    /// In an operation that failed.
    Failed(&'a RegisterOperation),
    /// In an operation that began only later.
    Later(&'a RegisterOperation),
}

impl<'a> Contradiction<'a> {
    /// Names what is wrong with `proof`, the operations on a key that have no order once `last` has answered.
    pub(super) fn of(keys: &Keys<'a>, key: &Key, proof: &'a [RegisterEntry], last: &RegisterEntry) -> Self {
        if let Some(found) = finds(last) {
            // Before the first write there was no value, and never again.
            let times = found.map_or(1, |value| sources(proof, value, last));
            match (found, times) {
                (Some(found), 0) => return Self::FromNowhere { found, origin: origin(keys, key, found, last) },
                (_, 1) => {
                    if let Some(newer) = newer(proof, found, last) {
                        return Self::Stale { found, newer };
                    }
                    if let Some((found, other)) = found.and_then(|found| Some((found, both(proof, found, last)?))) {
                        return Self::Both { found, other };
                    }
                }
                _ => {}
            }
        }
        swapped_twice(proof, last).or_else(|| missed(proof, last)).unwrap_or(Self::Unnamed)
    }

    /// The sentence for the headline.
    pub(super) fn sentence(&self, keys: &Keys<'_>, key: u64, proof: usize, last: &RegisterEntry) -> String {
        let did = match keys.operation(last).call {
            RegisterCall::Cas { from, to, .. } if leaves(last).is_some() => {
                format!("A cas of key {key} from {from} to {to} succeeded")
            }
            RegisterCall::Cas { from, .. } => format!("A cas of key {key} found another value than {from}"),
            _ => match finds(last).flatten() {
                Some(found) => format!("A read of key {key} returned {found}"),
                None => format!("A read of key {key} found no value"),
            },
        };
        match self {
            Self::FromNowhere { found, origin: Origin::None } => format!("{did}, but nobody had written {found}."),
            Self::FromNowhere { found, origin: Origin::Failed(_) } => {
                format!("{did}, but every write of {found} by then had failed.")
            }
            Self::FromNowhere { found, origin: Origin::Later(write) } => {
                let read = keys.operation(last).completed.map_or(0, |completed| completed.time);
                format!("{did}, {} before anybody began to write {found}.", between(read, write.invoked.time))
            }
            Self::Stale { found, newer } => {
                let ago = keys.since(newer, last);
                let over = if found.is_some() { " over it" } else { "" };
                match (leaves(newer), finds(newer).flatten()) {
                    (Some(value), _) => format!("{did}, although {value} had been written{over} {ago} before."),
                    (None, Some(value)) => format!("{did}, although {value} had been read {ago} before."),
                    (None, None) => format!("{did}, although another value had been found {ago} before."),
                }
            }
            Self::Both { other, .. } => {
                let value = finds(other).flatten().unwrap_or_default();
                format!(
                    "{did} and another {value}, although both had been there before: only one of them was the last."
                )
            }
            Self::SwappedTwice { value, first } => {
                let times = leaves(first).zip(leaves(last)).map(|(one, other)| format!(", to {one} and to {other}"));
                format!("Two cas of key {key} from {value} succeeded{}: it was there once.", times.unwrap_or_default())
            }
            Self::Missed { value, left } => {
                let ago = keys.since(left, last);
                format!("{did}, although {value} had been written {ago} before and nothing over it.")
            }
            Self::Unnamed => format!("{did}, and no order of the {proof} operations shown explains it."),
        }
    }

    /// What had to be, for the argument.
    pub(super) fn then(&self, keys: &Keys<'_>, key: u64) -> String {
        match self {
            Self::FromNowhere { found, .. } => format!("key {key} cannot have had the value {found} yet."),
            Self::Stale { found, newer } => {
                let from = moment(keys.operation(newer).completed.map_or(keys.end, |completed| completed.time));
                match found {
                    Some(found) => format!(
                        "nothing that begins after {from} may find {found}: it has been replaced, and was written only once."
                    ),
                    None => format!("whatever begins after {from} must find a value."),
                }
            }
            Self::Both { found, other } => {
                let value = finds(other).flatten().unwrap_or_default();
                format!("one of {found} and {value} has replaced the other for ever: each was written only once.")
            }
            Self::SwappedTwice { value, .. } => {
                format!("{value} is gone for ever once it was swapped: it was written only once.")
            }
            Self::Missed { value, .. } => format!("key {key} must have the value {value}."),
            Self::Unnamed => {
                "there must be an order of them in which each finds what it was answered, and which puts no operation before one \
                 that had ended when it began."
                    .to_owned()
            }
        }
    }

    /// While the rule was broken, in ns: from the moment at which the newer value was known, or the length of the last operation.
    pub(super) fn interval(&self, keys: &Keys<'_>, last: &RegisterEntry) -> (Nanos, Nanos) {
        let operation = keys.operation(last);
        let end = operation.completed.map_or(keys.end, |completed| completed.time);
        let known = match self {
            Self::Stale { newer, .. } => keys.operation(newer).completed,
            Self::Missed { left, .. } => keys.operation(left).completed,
            _ => None,
        };
        (known.unwrap_or(operation.invoked).time, end)
    }

    /// The newer value's age when the last operation began, where an older one was found.
    pub(super) fn staleness(&self, keys: &Keys<'_>, last: &RegisterEntry) -> Option<String> {
        match self {
            Self::Stale { newer, .. } => Some(keys.since(newer, last)),
            _ => None,
        }
    }

    /// The same in ns.
    pub(super) fn age(&self, keys: &Keys<'_>, last: &RegisterEntry) -> Option<Nanos> {
        let Self::Stale { newer, .. } = self else { return None };
        let known = keys.operation(newer).completed?;
        Some(keys.operation(last).invoked.time.saturating_sub(known.time))
    }

    /// The operation that is none of the proof's, and yet tells where a value comes from; with a step about it.
    pub(super) fn origin(&self) -> Option<(&'a RegisterOperation, String)> {
        let Self::FromNowhere { found, origin } = self else { return None };
        match origin {
            Origin::None => None,
            Origin::Failed(write) => {
                let text = format!("process {} fail to write {found}: it surely had no effect.", write.process);
                Some((write, text))
            }
            Origin::Later(write) => {
                let text = format!(
                    "process {} be the only one to write {found}, and begin at {}.",
                    write.process,
                    moment(write.invoked.time)
                );
                Some((write, text))
            }
        }
    }
}

impl Keys<'_> {
    /// The time from the answer of one operation to the start of another, in words.
    fn since(&self, earlier: &RegisterEntry, later: &RegisterEntry) -> String {
        let later = self.operation(later).invoked.time;
        between(self.operation(earlier).completed.map_or(later, |completed| completed.time), later)
    }
}

/// An operation that shows that the value `found` had surely been replaced when `last` began: the earliest, changes first.
///
/// It found or left another value, and began when `found` had surely been there already.
fn newer<'a>(proof: &'a [RegisterEntry], found: Option<u64>, last: &RegisterEntry) -> Option<&'a RegisterEntry> {
    let shown = |entry: &RegisterEntry| found.is_none() || finds(entry) == Some(found) || leaves(entry) == found;
    let first_shown = match found {
        None => Some(0),
        Some(_) => {
            proof.iter().filter(|entry| shown(entry) && entry.invoked != last.invoked).filter_map(Entry::returned).min()
        }
    };
    let replaces = |entry: &&RegisterEntry| {
        let overwrites = leaves(entry).is_some() && leaves(entry) != found;
        // A swap from the value to another replaced it, whenever it came.
        let swaps_it = overwrites && found.is_some() && finds(entry) == Some(found);
        let other = match finds(entry) {
            Some(other) => other != found && (other.is_some() || found.is_none()),
            None => found.is_some() && misses(entry) == found,
        };
        let after = first_shown.is_some_and(|shown| found.is_none() || shown < entry.invoked);
        swaps_it || (after && (overwrites || other))
    };
    let surely = proof.iter().filter(|entry| entry.returned().is_some_and(|returned| returned < last.invoked));
    surely.filter(replaces).min_by_key(|entry| (Reverse(leaves(entry).is_some()), entry.returned()))
}

/// How many operations beside `last` leave this value.
fn sources(proof: &[RegisterEntry], value: u64, last: &RegisterEntry) -> usize {
    proof.iter().filter(|entry| entry.invoked != last.invoked && leaves(entry) == Some(value)).count()
}

/// Another operation that found another value, where both values had been there before both operations.
///
/// Each value was there from some moment before both began, and until one of the two found it: for a time both were (Gibbons and
/// Korach, 1997: their zones overlap).
fn both<'a>(proof: &'a [RegisterEntry], found: u64, last: &RegisterEntry) -> Option<&'a RegisterEntry> {
    let shown = |value: u64| {
        let shows = move |entry: &&RegisterEntry| finds(entry) == Some(Some(value)) || leaves(entry) == Some(value);
        proof.iter().filter(shows).filter_map(Entry::returned).min()
    };
    proof.iter().find(|other| {
        let Some(value) = finds(other).flatten().filter(|value| *value != found && other.answer.is_some()) else {
            return false;
        };
        let began = other.invoked.min(last.invoked);
        let once = sources(proof, value, last) == 1;
        once && [found, value].iter().all(|&value| shown(value).is_some_and(|shown| shown < began))
    })
}

fn swapped_twice<'a>(proof: &'a [RegisterEntry], last: &RegisterEntry) -> Option<Contradiction<'a>> {
    let swapped = |entry: &RegisterEntry| {
        finds(entry)
            .flatten()
            .filter(|found| entry.answer.is_some() && leaves(entry).is_some_and(|left| left != *found))
    };
    let value = swapped(last)?;
    let first = proof.iter().find(|entry| entry.invoked != last.invoked && swapped(entry) == Some(value))?;
    let once = proof.iter().filter(|entry| leaves(entry) == Some(value)).count() == 1;
    once.then_some(Contradiction::SwappedTwice { value, first })
}

fn missed<'a>(proof: &'a [RegisterEntry], last: &RegisterEntry) -> Option<Contradiction<'a>> {
    let value = misses(last)?;
    let left = proof
        .iter()
        .filter(|entry| {
            leaves(entry) == Some(value) && entry.returned().is_some_and(|returned| returned < last.invoked)
        })
        .max_by_key(|entry| entry.returned())?;
    let surely_before = |other: &RegisterEntry| other.returned().is_some_and(|returned| returned < left.invoked);
    let others = proof.iter().filter(|entry| leaves(entry).is_some_and(|other| other != value));
    let alone = others.into_iter().all(surely_before);
    alone.then_some(Contradiction::Missed { value, left })
}

fn origin<'a>(keys: &Keys<'a>, key: &Key, found: u64, last: &RegisterEntry) -> Origin<'a> {
    let would_leave = |operation: &&RegisterOperation| match operation.call {
        RegisterCall::Read { .. } => false,
        RegisterCall::Write { key: of, value } | RegisterCall::Cas { key: of, to: value, .. } => {
            of == key.key && value == found && operation.invoked.index != last.invoked
        }
    };
    let writes = || keys.operations.iter().filter(would_leave);
    let later = |operation: &&RegisterOperation| last.returned().is_some_and(|end| operation.invoked.index > end);
    let failed = writes().find(|operation| matches!(operation.outcome, Outcome::Fail(_)) && !later(operation));
    failed.map(Origin::Failed).or_else(|| writes().find(later).map(Origin::Later)).unwrap_or(Origin::None)
}
