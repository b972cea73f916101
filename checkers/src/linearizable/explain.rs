//! What a history that has no order is reduced to before it is shown: the first completion that contradicts, then the fewest
//! operations that still do.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

use dsjepsen_history::Index;

use super::{Answer, Budget, Decision, Entry, EntryOf, Found, Model, find, look};

/// What was known at the moment `at`: what was invoked later is absent, what was answered later is without an answer.
fn until<C: Clone, R: Clone>(entries: &[Entry<C, R>], at: Index) -> Vec<Entry<C, R>> {
    let known = entries.iter().filter(|entry| entry.invoked <= at);
    known
        .map(|entry| Entry { answer: entry.answer.clone().filter(|(_, returned)| *returned <= at), ..entry.clone() })
        .collect()
}

/// A completion at which there is no order any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    /// When it was.
    pub(crate) at: Index,
    /// Whether there is an order before it; else the budget ran out before that was known.
    pub(crate) is_first: bool,
}

/// The first completion at which no order of the operations begun by then exists any more, in a history that has none.
///
/// Each beginning of a history that has an order has one, so it is found by bisection, which begins at the moment by which what is
/// known of the whole leaves no order: at most a few answers that came later are needed to know it. `None` where nothing is answered.
pub(crate) fn first_contradiction<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Option<Moment> {
    let mut completions: Vec<Index> = entries.iter().filter_map(Entry::returned).collect();
    completions.sort_unstable();
    let (mut fine, mut broken) = (0, completions.len().checked_sub(1)?);
    let mut known = entries.to_vec();
    let mut near = broken;
    let mut away = 1;
    while fine < broken {
        match look(model, &known, budget) {
            Found::Order => {
                fine = near + 1;
                near += away;
            }
            Found::NoneBy(at) => {
                broken = near;
                near = completions.partition_point(|&completion| completion < at).min(near.saturating_sub(away));
            }
            Found::Exhausted => return Some(Moment { at: completions[broken], is_first: false }),
        }
        away *= 2;
        if !(fine..broken).contains(&near) {
            near = usize::midpoint(fine, broken);
        }
        known = until(entries, completions[near]);
    }
    Some(Moment { at: completions[broken], is_first: true })
}

/// Operations without an order.
#[derive(Debug)]
pub(crate) struct Proof<M: Model> {
    /// As they were known at the last of their answers.
    pub(crate) operations: Vec<EntryOf<M>>,
    /// Whether they have an order without that answer; else that was not found out.
    pub(crate) needs_last: bool,
}

/// The fewest operations without an order, as they were known at the last of their answers, of a history that has none at the
/// moment `at`. Where the budget runs out they may be more.
///
/// What is left may contradict itself before: then everything later goes too, and so on.
pub(crate) fn proof<M: Model>(model: &M, entries: &[EntryOf<M>], mut at: Index, budget: &mut Budget) -> Proof<M> {
    let mut operations = entries.to_vec();
    loop {
        operations = until(&operations, at);
        operations = grounds(model, operations, at, budget);
        if let Some(Decision::Impossible(places)) = model.decide(&operations) {
            operations = with_support(model, &operations, &places, budget);
        }
        operations = smallest(model, operations, budget);
        match first_contradiction(model, &operations, budget) {
            Some(earlier) if earlier.at < at => at = earlier.at,
            first => {
                let last =
                    |first: &Moment| operations.iter().filter(|entry| entry.returned() == Some(first.at)).count();
                let needs_last = first.is_some_and(|first| first.is_first && last(&first) == 1);
                return Proof { operations, needs_last };
            }
        }
    }
}

/// What the operation that was answered at this moment rests on, if that has no order; else all.
fn grounds<M: Model>(model: &M, entries: Vec<EntryOf<M>>, at: Index, budget: &mut Budget) -> Vec<EntryOf<M>> {
    let last = entries.iter().position(|entry| entry.returned() == Some(at));
    let Some(places) = last.and_then(|last| model.grounds(&entries, last)) else { return entries };
    let grounds: Vec<EntryOf<M>> = places.iter().map(|&place| entries[place].clone()).collect();
    if find(model, &grounds, budget) == Answer::Impossible { grounds } else { entries }
}

/// How many operations a history may have for each to be held against all others: for those to be looked for on which others rest, and
/// for those that change something to be left out one by one.
const MOST_COMPARED: usize = 10_000;

/// The operations at these places, which have no order by themselves, with those on which they rest: a read of a value is no
/// contradiction without the write that it needs. Where that needs others again that explain it, all.
fn with_support<M: Model>(model: &M, entries: &[EntryOf<M>], places: &[usize], budget: &mut Budget) -> Vec<EntryOf<M>> {
    let alone = || places.iter().map(|&place| entries[place].clone()).collect();
    if entries.len() > MOST_COMPARED {
        return alone();
    }
    let suspects: HashSet<usize> = places.iter().map(|&place| entries[place].position).collect();
    let is_other = |entry: &EntryOf<M>| !suspects.contains(&entry.position);
    let observes = |entry: &EntryOf<M>| entry.reply().is_some_and(|reply| model.only_observes(&entry.call, reply));
    let needed = entries.iter().filter(|entry| !(is_other(entry) && observes(entry))).cloned().collect::<Vec<_>>();
    let supported = without(model, &needed, 0..needed.len(), &is_other, budget);
    match find(model, &supported, budget) {
        Answer::Impossible => supported,
        Answer::Exists => entries.to_vec(),
        Answer::Exhausted => alone(),
    }
}

/// Leaves out operations from a history that has no order as long as the rest has none. Ever smaller parts are tried, single
/// operations at last, until none can be spared (after Zeller's ddmin). First those that change nothing, which are the most and
/// can always go: without them others can go too.
///
/// Where the budget runs out, what is left by then is returned; it has no order either.
pub(crate) fn smallest<M: Model>(model: &M, entries: Vec<EntryOf<M>>, budget: &mut Budget) -> Vec<EntryOf<M>> {
    let observes = |entry: &EntryOf<M>| entry.reply().is_some_and(|reply| model.only_observes(&entry.call, reply));
    let entries = shrink_parts(model, entries, budget);
    let entries = shrink(model, entries, observes, budget);
    if entries.len() > MOST_COMPARED { entries } else { shrink(model, entries, |_| true, budget) }
}

/// Leaves out all operations on one part of the object, and on another.
fn shrink_parts<M: Model>(model: &M, mut entries: Vec<EntryOf<M>>, budget: &mut Budget) -> Vec<EntryOf<M>> {
    let part = |entry: &EntryOf<M>| model.part(&entry.call, entry.reply());
    let mut parts: Vec<u64> = entries.iter().filter_map(part).collect();
    parts.sort_unstable();
    parts.dedup();
    let mut size = parts.len().div_ceil(2);
    while size > 0 {
        let mut end = parts.len();
        while end > 0 {
            let start = end.saturating_sub(size);
            let gone = &parts[start..end];
            let stays = |entry: &&EntryOf<M>| part(entry).is_none_or(|part| gone.binary_search(&part).is_err());
            let rest: Vec<_> = entries.iter().filter(stays).cloned().collect();
            match find(model, &rest, budget) {
                Answer::Impossible => {
                    entries = rest;
                    parts.drain(start..end);
                }
                Answer::Exists => {}
                Answer::Exhausted => return entries,
            }
            end = start;
        }
        size /= 2;
    }
    entries
}

/// As [`smallest`], but leaves out none but those that are meant.
fn shrink<M: Model>(
    model: &M,
    mut entries: Vec<EntryOf<M>>,
    is_meant: impl Fn(&EntryOf<M>) -> bool,
    budget: &mut Budget,
) -> Vec<EntryOf<M>> {
    let mut size = entries.len().div_ceil(2);
    while size > 0 {
        let before = entries.len();
        let mut end = before;
        while end > 0 {
            let start = end.saturating_sub(size);
            let rest = without(model, &entries, start..end, &is_meant, budget);
            if rest.len() < entries.len() {
                match find(model, &rest, budget) {
                    Answer::Impossible => entries = rest,
                    Answer::Exists => {}
                    Answer::Exhausted => return entries,
                }
            }
            end = start;
        }
        if entries.len() == before || size > 1 {
            size /= 2;
        }
    }
    entries
}

/// The entries without those of a range that are meant and may go one after the other, last first; without time for it, any of
/// these.
fn without<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    mut range: Range<usize>,
    is_meant: &impl Fn(&EntryOf<M>) -> bool,
    budget: &Budget,
) -> Vec<EntryOf<M>> {
    let mut rest = entries.to_vec();
    loop {
        let before = rest.len();
        for place in range.clone().rev().take_while(|_| !budget.is_interrupted()) {
            if is_meant(&rest[place]) && model.may_go(&rest, place) {
                rest.remove(place);
                range.end -= 1;
            }
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// How many operations without an answer there are whose effect nobody can have seen.
pub(crate) fn unseen<M: Model>(model: &M, entries: &[EntryOf<M>]) -> usize {
    entries.len() - without_unseen(model, entries, &Budget::new(0)).len()
}

/// Leaves out operations without an answer whose effect nobody can have seen; some of them, where time runs out.
///
/// That changes no verdict: an order of the others is an order of all, for nothing that is unanswered need have happened.
pub(super) fn without_unseen<'a, M: Model>(
    model: &M,
    entries: &'a [EntryOf<M>],
    budget: &Budget,
) -> Cow<'a, [EntryOf<M>]> {
    let mut rest = Cow::Borrowed(entries);
    loop {
        let length = rest.len();
        for place in (0..length).rev().take_while(|_| !budget.is_interrupted()) {
            if rest[place].answer.is_none() && model.may_go(&rest, place) {
                rest.to_mut().remove(place);
            }
        }
        if rest.len() == length {
            return rest;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::super::explore;
    use super::*;
    use crate::interrupt::Interrupt;
    use crate::models::register::{Call, Register, Reply};

    const REGISTER: Register<u8> = Register { initial: 0 };

    /// One after another: writes of 1, each with a read of it, and at last a read of 9, which nobody wrote.
    fn history(writes: usize) -> Vec<EntryOf<Register<u8>>> {
        let mut entries = Vec::new();
        let mut add = |call, reply| {
            let (position, at) = (entries.len(), 2 * entries.len() as Index);
            entries.push(Entry { position, call, invoked: at, answer: Some((reply, at + 1)) });
        };
        for _ in 0..writes {
            add(Call::Write(1), Reply::Done);
            add(Call::Read, Reply::Found(1));
        }
        add(Call::Read, Reply::Found(9));
        entries
    }

    /// Any operations, most of them answered.
    fn operations() -> impl Strategy<Value = Vec<EntryOf<Register<u8>>>> {
        let drawn = (0..3_u8, 0..3_u8, 0..3_u8, 0..20_u64, 0..6_u64, 0..6_u8);
        vec(drawn, 1..8).prop_map(|drawn| {
            let entry = |(position, (kind, one, other, invoked, length, lost))| {
                let (call, reply) = match kind {
                    0 => (Call::Read, Reply::Found(one)),
                    1 => (Call::Write(one), Reply::Done),
                    _ => (Call::Cas { from: one, to: other }, Reply::Swapped(length % 2 == 0)),
                };
                let answer = (lost > 0).then_some((reply, invoked + 1 + length));
                Entry { position, call, invoked, answer }
            };
            drawn.into_iter().enumerate().map(entry).collect()
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 2_000, max_global_rejects: 20_000, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_completion_before_the_first_contradiction_contradicts(entries in operations()) {
            let mut completions: Vec<Index> = entries.iter().filter_map(Entry::returned).collect();
            completions.sort_unstable();
            let has_order = |at: &Index| explore(&REGISTER, &until(&entries, *at), 10_000) == Answer::Exists;
            let first = completions.into_iter().find(|at| !has_order(at));
            prop_assume!(first.is_some());
            let expected = first.map(|at| Moment { at, is_first: true });
            prop_assert_eq!(first_contradiction(&REGISTER, &entries, &mut Budget::new(100_000)), expected);
        }
    }

    #[test]
    fn an_explanation_that_is_stopped_shows_what_has_no_order() {
        // The first is decided by the register's own way, the second by the search.
        for (writes, decided_alone) in [(1, true), (3, false)] {
            let entries = history(writes);
            assert_eq!(REGISTER.decide(&entries).is_some(), decided_alone);
            let interrupt = Interrupt::default();
            let mut budget = Budget::new(1_000).heeding(&interrupt);
            let at = entries.last().unwrap().returned().unwrap();
            let first = first_contradiction(&REGISTER, &entries, &mut budget);
            assert_eq!(first, Some(Moment { at, is_first: true }));
            let whole = proof(&REGISTER, &entries, Index::MAX, &mut budget);
            assert!(whole.needs_last && whole.operations.len() == 1, "{whole:?}");
            interrupt.raise();
            assert_eq!(
                first_contradiction(&REGISTER, &entries, &mut budget),
                Some(Moment { at, is_first: entries.len() == 1 })
            );
            let stopped = proof(&REGISTER, &entries, Index::MAX, &mut budget);
            // One operation has an order without its answer, for it need not have happened.
            assert_eq!(stopped.needs_last, decided_alone);
            assert_eq!(stopped.operations.len(), if decided_alone { 1 } else { entries.len() });
            assert_eq!(find(&REGISTER, &stopped.operations, &mut Budget::new(1_000)), Answer::Impossible);
        }
    }
}
