//! How far the orders of a few operations come that have none of all: what Knossos calls the last configurations.

use rustc_hash::FxHashSet;

use super::{Entry, EntryOf, Model};

/// How many configurations are looked at.
const MOST_LOOKED_AT: usize = 20_000;

/// An order of all operations that ended before the last one, and of some that were under way then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ending<S> {
    /// Their places, first to last.
    pub(crate) order: Vec<usize>,
    /// What they lead to.
    pub(crate) state: S,
}

/// The endings of operations that have no order: one for each state that is reached, by a shortest order, the shortest first. In
/// none of them can the operation that was answered last take effect. Empty where there are too many to look at.
pub(crate) fn endings<M: Model>(model: &M, entries: &[EntryOf<M>]) -> Vec<Ending<M::State>> {
    let answered = (0..entries.len()).filter(|&place| entries[place].answer.is_some());
    let Some(last) = answered.max_by_key(|&place| entries[place].returned()) else { return Vec::new() };
    let mut todo = vec![Ending { order: Vec::new(), state: model.initial() }];
    let mut seen: FxHashSet<(Vec<usize>, M::State)> = FxHashSet::default();
    let mut found: Vec<Ending<M::State>> = Vec::new();
    let mut at = 0;
    while at < todo.len() {
        let Ending { order, state } = todo[at].clone();
        at += 1;
        if seen.len() > MOST_LOOKED_AT {
            return Vec::new();
        }
        let waits = |place: usize| place != last && !order.contains(&place);
        let is_over =
            |place: usize| entries[place].returned() < entries[last].returned() && entries[place].answer.is_some();
        if !(0..entries.len()).any(|place| waits(place) && is_over(place))
            && found.iter().all(|other| other.state != state)
        {
            found.push(Ending { order: order.clone(), state: state.clone() });
        }
        for place in (0..entries.len()).filter(|&place| waits(place)) {
            let entry = &entries[place];
            let comes_first = |other: &Entry<_, _>| other.returned().is_some_and(|returned| returned < entry.invoked);
            if (0..entries.len()).any(|other| waits(other) && comes_first(&entries[other])) {
                continue;
            }
            let Some(after) = model.step(&state, &entry.call, entry.reply()) else { continue };
            let longer: Vec<usize> = order.iter().copied().chain([place]).collect();
            let mut done = longer.clone();
            done.sort_unstable();
            if seen.insert((done, after.clone())) {
                todo.push(Ending { order: longer, state: after });
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::models::register::{Call, Register, Reply};

    const REGISTER: Register<u8> = Register { initial: 0 };

    #[test]
    fn an_ending_is_shown_for_each_state() {
        let entry = |position, call, reply, invoked, returned| Entry {
            position,
            call,
            invoked,
            answer: Some((reply, returned)),
        };
        // Two writes at once, a read of one of them, and then of what was before.
        let mut entries = vec![
            entry(0, Call::Write(1), Reply::Done, 0, 10),
            entry(1, Call::Write(2), Reply::Done, 0, 10),
            entry(2, Call::Read, Reply::Found(2), 11, 12),
            entry(3, Call::Read, Reply::Found(0), 13, 14),
        ];
        entries.push(Entry { position: 4, call: Call::Write(3), invoked: 12, answer: None });
        let found = endings(&REGISTER, &entries);
        let expected = [(vec![0, 1, 2], 2), (vec![0, 1, 2, 4], 3)];
        assert_eq!(found, expected.map(|(order, state)| Ending { order, state }));
        for Ending { state, .. } in found {
            assert_eq!(REGISTER.step(&state, &Call::Read, Some(&Reply::Found(0))), None);
        }
    }

    #[test]
    fn an_answer_that_is_wrong_whatever_happened_leaves_the_beginning() {
        let read = Entry { position: 0, call: Call::Read, invoked: 0, answer: Some((Reply::Found(9), 1)) };
        assert_eq!(endings(&REGISTER, &[read]), [Ending { order: Vec::new(), state: 0 }]);
    }
}
