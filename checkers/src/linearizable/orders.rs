//! The orders of a few operations, by plain code that shares nothing with the search: whether those that are shown as a contradiction
//! have none indeed, and how far the orders come that they have; the latter is what Knossos calls the last configurations.

use dsjepsen_history::{Finding, UnknownReason};
use rustc_hash::FxHashSet;

use super::{Entry, EntryOf, Model};

/// How many configurations are looked at.
const MOST_LOOKED_AT: usize = 20_000;

/// Of how many operations an order is looked for.
const MOST_ORDERED: usize = 64;

/// The operations that can take effect next after those at `done`, without `but`: the place of each, and the state that it leaves.
fn next<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    done: &[usize],
    state: &M::State,
    but: Option<usize>,
) -> Vec<(usize, M::State)> {
    let waits = |place: &usize| Some(*place) != but && !done.contains(place);
    let waiting: Vec<usize> = (0..entries.len()).filter(waits).collect();
    let may_come = |place: usize| {
        let invoked = entries[place].invoked;
        let comes_first = |other: &Entry<_, _>| other.returned().is_some_and(|returned| returned < invoked);
        !waiting.iter().any(|&other| comes_first(&entries[other]))
    };
    let takes_effect = |&place: &usize| {
        let entry = &entries[place];
        Some((place, model.step(state, &entry.call, entry.reply())?))
    };
    waiting.iter().filter(|&&place| may_come(place)).filter_map(takes_effect).collect()
}

fn sorted(order: &[usize]) -> Vec<usize> {
    let mut places = order.to_vec();
    places.sort_unstable();
    places
}

/// An order of all that was answered, and of some that were not: their places, first to last. `None` where there is none, or where
/// there are too many operations, or ways, to look at.
fn order<M: Model>(model: &M, entries: &[EntryOf<M>]) -> Option<Vec<usize>> {
    if entries.len() > MOST_ORDERED {
        return None;
    }
    let mut todo = vec![(Vec::new(), model.initial())];
    let mut seen: FxHashSet<(Vec<usize>, M::State)> = FxHashSet::default();
    while let Some((order, state)) = todo.pop() {
        if (0..entries.len()).all(|place| entries[place].answer.is_none() || order.contains(&place)) {
            return Some(order);
        }
        if seen.len() > MOST_LOOKED_AT {
            return None;
        }
        for (place, after) in next(model, entries, &order, &state, None) {
            let longer = [order.as_slice(), &[place]].concat();
            if seen.insert((sorted(&longer), after.clone())) {
                todo.push((longer, after));
            }
        }
    }
    None
}

/// What is to be said of operations that were decided to have no order, and have one: nothing of the object, for then it is the
/// decision that is wrong. `None` where none is found, as it should be.
pub(crate) fn objection<M: Model>(model: &M, entries: &[EntryOf<M>]) -> Option<Finding> {
    let order = order(model, entries)?;
    let calls: Vec<String> = order.iter().map(|&place| format!("{:?}", entries[place].call)).collect();
    let sentence =
        "The checkers contradict each other: an order was found of operations that were decided to have none.";
    let detail =
        format!("This is a flaw of dsjepsen; please report it with the history. The order: {}.", calls.join(", "));
    Some(Finding { detail, ..Finding::unknown(UnknownReason::CheckerError, sentence) })
}

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
    let is_over =
        |place: usize| entries[place].returned() < entries[last].returned() && entries[place].answer.is_some();
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
        if (0..entries.len()).all(|place| !is_over(place) || order.contains(&place))
            && found.iter().all(|other| other.state != state)
        {
            found.push(Ending { order: order.clone(), state: state.clone() });
        }
        for (place, after) in next(model, entries, &order, &state, Some(last)) {
            let longer = [order.as_slice(), &[place]].concat();
            if seen.insert((sorted(&longer), after.clone())) {
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

    #[test]
    fn an_order_is_found_where_there_is_one() {
        let entry = |position, call, reply, invoked, returned| Entry {
            position,
            call,
            invoked,
            answer: Some((reply, returned)),
        };
        let open = Entry { position: 0, call: Call::Write(2), invoked: 0, answer: None };
        let write = entry(1, Call::Write(1), Reply::Done, 1, 2);
        let read = |value| entry(2, Call::Read, Reply::Found(value), 3, 4);
        // The write without an answer is needed after the other, or not at all.
        assert_eq!(order(&REGISTER, &[open.clone(), write.clone(), read(2)]), Some(vec![1, 0, 2]));
        assert_eq!(
            order(&REGISTER, &[open.clone(), write.clone(), read(1)]).map(|order| order.ends_with(&[1, 2])),
            Some(true)
        );
        assert_eq!(order(&REGISTER, &[open, write.clone(), read(0)]), None);
        assert_eq!(order(&REGISTER, &[write, read(2)]), None);
    }
}
