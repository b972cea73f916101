//! A register as an object of its own, and which operations a contradiction does not need.

use dsjepsen_history::Index;

use super::{RegisterCall, RegisterReply};
use crate::linearizable::{Entry, Model};

/// An operation on one register.
pub(super) type RegisterEntry = Entry<RegisterCall, RegisterReply>;

/// A register with its value, which is none at first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Register;

impl Model for Register {
    type State = Option<u64>;
    type Call = RegisterCall;
    type Reply = RegisterReply;

    fn initial(&self) -> Option<u64> {
        None
    }

    fn step(&self, state: &Option<u64>, call: &RegisterCall, reply: Option<&RegisterReply>) -> Option<Option<u64>> {
        match (call, reply) {
            (RegisterCall::Read { .. }, Some(RegisterReply::Read { value })) => (value == state).then_some(*state),
            (RegisterCall::Read { .. }, _) => Some(*state),
            (RegisterCall::Write { value, .. }, _) => Some(Some(*value)),
            (RegisterCall::Cas { from, .. }, Some(RegisterReply::Cas { swapped: false })) => {
                (*state != Some(*from)).then_some(*state)
            }
            (RegisterCall::Cas { from, to, .. }, _) => (*state == Some(*from)).then_some(Some(*to)),
        }
    }

    fn only_observes(&self, call: &RegisterCall, reply: &RegisterReply) -> bool {
        match (call, reply) {
            (RegisterCall::Read { .. }, _) | (RegisterCall::Cas { .. }, RegisterReply::Cas { swapped: false }) => true,
            (RegisterCall::Cas { from, to, .. }, _) => from == to,
            (RegisterCall::Write { .. }, _) => false,
        }
    }
}

/// The value that an operation leaves where it takes effect; `None` where it changes nothing.
pub(super) fn leaves(entry: &RegisterEntry) -> Option<u64> {
    match (&entry.call, entry.reply()) {
        (RegisterCall::Read { .. }, _) | (_, Some(RegisterReply::Cas { swapped: false })) => None,
        (RegisterCall::Write { value, .. }, _) => Some(*value),
        (RegisterCall::Cas { to, .. }, _) => Some(*to),
    }
}

/// What an operation must find where it takes effect: `Some(None)` is a register without a value.
pub(super) fn finds(entry: &RegisterEntry) -> Option<Option<u64>> {
    match (&entry.call, entry.reply()) {
        (RegisterCall::Read { .. }, Some(RegisterReply::Read { value })) => Some(*value),
        (RegisterCall::Read { .. } | RegisterCall::Write { .. }, _) => None,
        (RegisterCall::Cas { .. }, Some(RegisterReply::Cas { swapped: false })) => None,
        (RegisterCall::Cas { from, .. }, _) => Some(Some(*from)),
    }
}

/// The value that an operation must not find: that of a cas that did not swap.
pub(super) fn misses(entry: &RegisterEntry) -> Option<u64> {
    match (&entry.call, entry.reply()) {
        (RegisterCall::Cas { from, .. }, Some(RegisterReply::Cas { swapped: false })) => Some(*from),
        _ => None,
    }
}

/// Whether the operation at `chosen` may be left out: whether an order of `entries` would surely leave an order of the others.
///
/// What changes nothing may always go. What leaves a value may go if the others do as well with the value that was there before:
/// if none of them must find its value, and none that must *not* find another value can stand between it and the next change.
pub(super) fn may_go(entries: &[RegisterEntry], chosen: usize) -> bool {
    let entry = &entries[chosen];
    let Some(value) = leaves(entry) else { return true };
    let others = || entries.iter().enumerate().filter(|(place, _)| *place != chosen).map(|(_, other)| other);
    if others().any(|other| finds(other) == Some(Some(value))) {
        return false;
    }
    let replaced = replaced_by(entry, others());
    others().filter(|other| misses(other).is_some_and(|missed| missed != value)).all(|other| {
        let before = other.returned().is_some_and(|returned| returned < entry.invoked);
        before || replaced.is_some_and(|replaced| replaced < other.invoked)
    })
}

/// When the value that `entry` leaves was surely replaced: the first answer to a change that began after it had returned.
fn replaced_by<'a>(entry: &RegisterEntry, others: impl Iterator<Item = &'a RegisterEntry>) -> Option<Index> {
    let returned = entry.returned()?;
    let later = others.filter(|other| leaves(other).is_some() && other.invoked > returned);
    later.filter_map(Entry::returned).min()
}

/// Leaves out operations without an answer whose effect nobody can have seen.
///
/// That changes no verdict: an order of the others is an order of all, for nothing that is unanswered need have happened.
pub(super) fn without_unseen(mut entries: Vec<RegisterEntry>) -> Vec<RegisterEntry> {
    loop {
        let length = entries.len();
        for place in (0..length).rev() {
            if entries[place].answer.is_none() && may_go(&entries, place) {
                entries.remove(place);
            }
        }
        if entries.len() == length {
            return entries;
        }
    }
}
