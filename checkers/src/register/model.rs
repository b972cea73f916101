//! A register as an object of its own, and which operations a contradiction does not need.

use dsjepsen_history::Index;

use super::{RegisterCall, RegisterReply};
use crate::linearizable::{Entry, Model};

/// An operation on one register.
pub(crate) type RegisterEntry = Entry<RegisterCall, RegisterReply>;

/// A register with its value, which is none at first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Register;

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
pub(crate) fn may_go(entries: &[RegisterEntry], chosen: usize) -> bool {
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
pub(crate) fn without_unseen(mut entries: Vec<RegisterEntry>) -> Vec<RegisterEntry> {
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

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;
    use crate::linearizable::{Answer, Budget, search};

    fn has_an_order(entries: &[RegisterEntry]) -> bool {
        search(&Register, entries, &mut Budget::new(1_000_000)) == Answer::Exists
    }

    /// Operations that begin one after the other, every second event.
    fn entries(drawn: &[(u8, u64, u64, u64)]) -> Vec<RegisterEntry> {
        let entry = |(position, &(kind, one, other, length)): (usize, &(u8, u64, u64, u64))| {
            let invoked = 2 * position as u64;
            let (call, reply) = match kind {
                0 => (RegisterCall::Read { key: 7 }, RegisterReply::Read { value: other.checked_sub(1) }),
                1 | 2 => (RegisterCall::Write { key: 7, value: one }, RegisterReply::Write),
                _ => (RegisterCall::Cas { key: 7, from: one, to: other }, RegisterReply::Cas { swapped: kind == 3 }),
            };
            let answer = (length < 9).then_some((reply, invoked + 2 * length + 1));
            Entry { position, call, invoked, answer }
        };
        drawn.iter().enumerate().map(entry).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn what_may_go_leaves_an_order(drawn in vec((0..6_u8, 0..3_u64, 0..3_u64, 0..10_u64), 2..8)) {
            let entries = entries(&drawn);
            if !has_an_order(&entries) {
                return Ok(());
            }
            for chosen in (0..entries.len()).filter(|&chosen| may_go(&entries, chosen)) {
                let mut rest = entries.clone();
                rest.remove(chosen);
                prop_assert!(has_an_order(&rest), "without {:?} of {:#?}", chosen, entries);
            }
        }
    }
}
