//! A search of its own: in order of real time, remembering only what led nowhere (Wing and Gong, 1993, with the memory of Lowe, 2017).

use std::collections::HashSet;

use dsjepsen_checkers::linearizable::{EntryOf, Model};

/// Whether there is an order of these operations, at most 128, that keeps to real time and that the model allows.
pub(crate) fn has_an_order<M: Model>(model: &M, entries: &[EntryOf<M>]) -> bool {
    assert!(entries.len() <= 128, "{} operations are too many", entries.len());
    let answered =
        (0..entries.len()).filter(|&place| entries[place].answer.is_some()).map(|place| 1_u128 << place).sum();
    goes_on(model, entries, answered, (0, model.initial()), &mut HashSet::new())
}

fn goes_on<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    answered: u128,
    (done, state): (u128, M::State),
    seen: &mut HashSet<(u128, M::State)>,
) -> bool {
    if answered & !done == 0 {
        return true;
    }
    if !seen.insert((done, state.clone())) {
        return false;
    }
    let waits = (0..entries.len()).filter(|place| done & (1 << place) == 0);
    let first_answer = waits.clone().filter_map(|place| entries[place].returned()).min();
    waits.filter(|&place| first_answer.is_none_or(|first| entries[place].invoked <= first)).any(|place| {
        let entry = &entries[place];
        let after = model.step(&state, &entry.call, entry.reply());
        after.is_some_and(|after| goes_on(model, entries, answered, (done | (1 << place), after), seen))
    })
}
