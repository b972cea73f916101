//! The slow and obvious way: tries every order of every choice of the operations without an answer.

use std::collections::HashSet;

use dsjepsen_checkers::linearizable::{EntryOf, Model};

/// How many ways may be tried where none is tried twice: a tenth of a second or so.
const MOST_TRIED: usize = 100_000;

/// Whether there is an order of these operations that keeps to real time and that the model allows.
pub(crate) fn has_an_order<M: Model>(model: &M, entries: &[EntryOf<M>]) -> bool {
    goes_on(model, entries, &mut vec![false; entries.len()], &model.initial(), &mut None)
}

/// The same, and never the same way twice: for more operations than there are orders of. `None` where there are too many ways.
pub(crate) fn has_an_order_of_many<M: Model>(model: &M, entries: &[EntryOf<M>]) -> Option<bool> {
    let mut tried = Some(HashSet::new());
    let found = goes_on(model, entries, &mut vec![false; entries.len()], &model.initial(), &mut tried);
    let is_full = tried.is_some_and(|tried| tried.len() >= MOST_TRIED);
    (found || !is_full).then_some(found)
}

type Tried<M> = Option<HashSet<(Vec<bool>, <M as Model>::State)>>;

fn goes_on<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    done: &mut [bool],
    state: &M::State,
    tried: &mut Tried<M>,
) -> bool {
    if tried.as_mut().is_some_and(|tried| tried.len() >= MOST_TRIED || !tried.insert((done.to_vec(), state.clone()))) {
        return false;
    }
    let waits = |done: &[bool], place: usize| !done[place] && entries[place].answer.is_some();
    if (0..entries.len()).all(|place| !waits(done, place)) {
        return true;
    }
    for place in (0..entries.len()).filter(|&place| !done[place]).collect::<Vec<_>>() {
        let entry = &entries[place];
        let is_too_early = (0..entries.len()).any(|other| {
            other != place
                && waits(done, other)
                && entries[other].returned().is_some_and(|returned| returned < entry.invoked)
        });
        if is_too_early {
            continue;
        }
        if let Some(after) = model.step(state, &entry.call, entry.reply()) {
            done[place] = true;
            let found = goes_on(model, entries, done, &after, tried);
            done[place] = false;
            if found {
                return true;
            }
        }
    }
    false
}
