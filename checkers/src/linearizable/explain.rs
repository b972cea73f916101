//! What a history that has no order is reduced to before it is shown: the first completion that contradicts, then the fewest
//! operations that still do.

use std::collections::HashSet;
use std::ops::Range;

use dsjepsen_history::Index;

use super::{Answer, Budget, Decision, Entry, EntryOf, Model, find};

/// What was known at the moment `at`: what was invoked later is absent, what was answered later is without an answer.
fn until<C: Clone, R: Clone>(entries: &[Entry<C, R>], at: Index) -> Vec<Entry<C, R>> {
    let known = entries.iter().filter(|entry| entry.invoked <= at);
    known
        .map(|entry| Entry { answer: entry.answer.clone().filter(|(_, returned)| *returned <= at), ..entry.clone() })
        .collect()
}

/// The first completion at which no order of the operations begun by then exists any more, in a history that has none.
///
/// Each beginning of a history that has an order has one, so it is found by bisection. `None` where the budget ran out.
pub(crate) fn first_contradiction<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Option<Index> {
    let mut completions: Vec<Index> = entries.iter().filter_map(Entry::returned).collect();
    completions.sort_unstable();
    let (mut fine, mut broken) = (0, completions.len().checked_sub(1)?);
    while fine < broken {
        let middle = usize::midpoint(fine, broken);
        match find(model, &until(entries, completions[middle]), budget) {
            Answer::Exists => fine = middle + 1,
            Answer::Impossible => broken = middle,
            Answer::Exhausted => return None,
        }
    }
    Some(completions[broken])
}

/// The fewest operations without an order, as they were known at the last of their answers, of a history that has none at the
/// moment `at`.
///
/// What is left may contradict itself before: then everything later goes too, and so on.
pub(crate) fn proof<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    mut at: Index,
    budget: &mut Budget,
) -> Vec<EntryOf<M>> {
    let mut proof = entries.to_vec();
    loop {
        proof = until(&proof, at);
        if let Some(Decision::Impossible(places)) = model.decide(&proof) {
            proof = with_support(model, &proof, &places, budget);
        }
        proof = smallest(model, proof, budget);
        match first_contradiction(model, &proof, budget) {
            Some(earlier) if earlier < at => at = earlier,
            _ => return proof,
        }
    }
}

/// How many operations a history may have for those to be looked for on which others rest.
const MOST_SUPPORTED: usize = 10_000;

/// The operations at these places, which have no order by themselves, with those on which they rest: a read of a value is no
/// contradiction without the write that it needs. Where that needs others again that explain it, all.
fn with_support<M: Model>(model: &M, entries: &[EntryOf<M>], places: &[usize], budget: &mut Budget) -> Vec<EntryOf<M>> {
    if entries.len() > MOST_SUPPORTED {
        return places.iter().map(|&place| entries[place].clone()).collect();
    }
    let suspects: HashSet<usize> = places.iter().map(|&place| entries[place].position).collect();
    let is_other = |entry: &EntryOf<M>| !suspects.contains(&entry.position);
    let observes = |entry: &EntryOf<M>| entry.reply().is_some_and(|reply| model.only_observes(&entry.call, reply));
    let needed = entries.iter().filter(|entry| !(is_other(entry) && observes(entry))).cloned().collect::<Vec<_>>();
    let supported = without(model, &needed, 0..needed.len(), &is_other);
    match find(model, &supported, budget) {
        Answer::Impossible => supported,
        Answer::Exists | Answer::Exhausted => entries.to_vec(),
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
    shrink(model, entries, |_| true, budget)
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
            let rest = without(model, &entries, start..end, &is_meant);
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

/// The entries without those of a range that are meant and may go one after the other, last first.
fn without<M: Model>(
    model: &M,
    entries: &[EntryOf<M>],
    mut range: Range<usize>,
    is_meant: &impl Fn(&EntryOf<M>) -> bool,
) -> Vec<EntryOf<M>> {
    let mut rest = entries.to_vec();
    loop {
        let before = rest.len();
        for place in range.clone().rev() {
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
    entries.len() - without_unseen(model, entries.to_vec()).len()
}

/// Leaves out operations without an answer whose effect nobody can have seen.
///
/// That changes no verdict: an order of the others is an order of all, for nothing that is unanswered need have happened.
pub(super) fn without_unseen<M: Model>(model: &M, mut entries: Vec<EntryOf<M>>) -> Vec<EntryOf<M>> {
    loop {
        let length = entries.len();
        for place in (0..length).rev() {
            if entries[place].answer.is_none() && model.may_go(&entries, place) {
                entries.remove(place);
            }
        }
        if entries.len() == length {
            return entries;
        }
    }
}
