//! A set of which nobody reads all: each element is a set of its own, and the history has an order exactly if that of each element
//! has one (Herlihy and Wing, 1990: linearizability is local).
//!
//! An element that is inserted and removed at most once is there from the one to the other: its insertion is as late, and its
//! removal as early, as those who saw it allow, and who did not see it must have looked before or after. Any other element is left
//! to the search; its history is short.

use std::hash::Hash;

use dsjepsen_history::Index;
use rustc_hash::FxHashMap;

use super::{Call, Reply, Set};
use crate::linearizable::{Answer, Budget, Decision, Entry, search, smallest};
use crate::models::Item;

type SetEntry<V> = Entry<Call<V>, Reply<V>>;

/// How many configurations may be remembered for all elements that are left to the search.
const BUDGET: u64 = 1_000_000;

/// Decides each element.
pub(super) fn decide<V: Item + Ord>(set: &Set<V>, entries: &[SetEntry<V>]) -> Option<Decision> {
    let groups = Groups::new(entries)?;
    let mut left_to_search = Vec::new();
    for places in groups.iter() {
        match once(entries, places) {
            Some(Decision::Exists) => {}
            Some(impossible) => return Some(impossible),
            None => left_to_search.push(places),
        }
    }
    let mut budget = Budget::new(BUDGET);
    for places in left_to_search {
        let of_element = places.iter().map(|&place| Entry { position: place as usize, ..entries[place as usize].clone() });
        let of_element: Vec<SetEntry<V>> = of_element.collect();
        match search(set, &of_element, &mut budget) {
            Answer::Exists => {}
            Answer::Exhausted => return None,
            Answer::Impossible => {
                let proof = smallest(set, of_element, &mut budget);
                return Some(Decision::Impossible(proof.iter().map(|entry| entry.position).collect()));
            }
        }
    }
    Some(Decision::Exists)
}

/// The places of the operations on each element.
struct Groups {
    places: Vec<u32>,
    /// Where each element's begin, and where the last one's end.
    from: Vec<u32>,
}

impl Groups {
    fn new<V: Copy + Eq + Hash>(entries: &[SetEntry<V>]) -> Option<Self> {
        let mut numbers: FxHashMap<V, u32> = FxHashMap::default();
        let mut of: Vec<u32> = Vec::with_capacity(entries.len());
        for entry in entries {
            let (Call::Insert(element) | Call::Remove(element) | Call::Contains(element)) = entry.call else { return None };
            let next = numbers.len() as u32;
            of.push(*numbers.entry(element).or_insert(next));
        }
        let mut from = vec![0; numbers.len() + 1];
        for number in &of {
            from[*number as usize + 1] += 1;
        }
        for number in 0..numbers.len() {
            from[number + 1] += from[number];
        }
        let mut next = from.clone();
        let mut places = vec![0; entries.len()];
        for (place, number) in (0..).zip(&of) {
            let next = &mut next[*number as usize];
            places[*next as usize] = place;
            *next += 1;
        }
        Some(Self { places, from })
    }

    fn iter(&self) -> impl Iterator<Item = &[u32]> {
        self.from.windows(2).map(|from| &self.places[from[0] as usize..from[1] as usize])
    }
}

/// When an operation began and was answered, and where it is.
#[derive(Clone, Copy)]
struct Span {
    from: Index,
    to: Option<Index>,
    place: usize,
}

/// What the operations on an element say, where at most one may have inserted it, and at most one removed it.
#[derive(Default)]
struct Once {
    insert: Option<Span>,
    remove: Option<Span>,
    /// Who saw it, answered first; and who saw it, begun last.
    seen: Option<[Span; 2]>,
}

/// Decides an element that is inserted and removed at most once.
fn once<V: Copy>(entries: &[SetEntry<V>], places: &[u32]) -> Option<Decision> {
    let mut element = Once::default();
    let absences = || places.iter().map(|place| *place as usize).filter(|place| sees(&entries[*place]) == Some(false));
    for &place in places {
        element.read(entries, place as usize)?;
    }
    let Some(insert) = element.insert else {
        let wrong = element.remove.or(element.seen.map(|[first, _]| first));
        return Some(wrong.map_or(Decision::Exists, |wrong| Decision::Impossible(vec![wrong.place])));
    };
    let known = [element.remove, element.seen.map(|[first, _]| first)];
    // Who first proves that it was there, and who proves that it was there for so long.
    let first = [Some(insert), known[0], known[1]].into_iter().flatten().filter(|span| span.to.is_some());
    let Some(first) = first.min_by_key(|span| span.to) else { return Some(Decision::Exists) };
    let impossible = |others: &[Option<Span>]| {
        let all = [Some(insert), element.remove].into_iter().chain(others.iter().copied()).flatten();
        let mut places: Vec<usize> = all.map(|span| span.place).collect();
        places.sort_unstable();
        places.dedup();
        Some(Decision::Impossible(places))
    };
    let there = first.to?;
    if there < insert.from {
        return impossible(&[Some(first)]);
    }
    let last = [Some(insert), element.remove, element.seen.map(|[_, last]| last)].into_iter().flatten().max_by_key(|span| span.from)?;
    let leaving = element.remove.map(|_| last.from);
    if element.remove.is_some_and(|remove| remove.to < Some(last.from)) {
        return impossible(&[Some(last)]);
    }
    for place in absences() {
        let entry = &entries[place];
        let absent = Span { from: entry.invoked, to: entry.returned(), place };
        if there < absent.from && leaving.is_none_or(|leaving| absent.to < Some(leaving)) {
            return impossible(&[Some(first), Some(last).filter(|_| leaving.is_some()), Some(absent)]);
        }
    }
    Some(Decision::Exists)
}

impl Once {
    /// `None` where it is not so.
    fn read<V>(&mut self, entries: &[SetEntry<V>], place: usize) -> Option<()> {
        let entry = &entries[place];
        let span = Span { from: entry.invoked, to: entry.returned(), place };
        match (&entry.call, entry.reply()) {
            (Call::Read, _) | (_, Some(Reply::All(_))) | (Call::Contains(_), Some(Reply::Done)) => return None,
            (Call::Contains(_), None) => {}
            (_, Some(Reply::Answer(_))) if sees(entry).is_some() => {
                if sees(entry) == Some(true) {
                    let [first, last] = self.seen.unwrap_or([span; 2]);
                    let first = if span.to < first.to { span } else { first };
                    self.seen = Some([first, if span.from > last.from { span } else { last }]);
                }
            }
            (Call::Insert(_), _) if self.insert.is_none() => self.insert = Some(span),
            (Call::Remove(_), Some(Reply::Answer(true))) if self.remove.is_none() => self.remove = Some(span),
            _ => return None,
        }
        Some(())
    }
}

/// Whether an operation that changes nothing saw the element.
fn sees<V>(entry: &SetEntry<V>) -> Option<bool> {
    match (&entry.call, entry.reply()) {
        (Call::Contains(_), Some(Reply::Answer(there))) => Some(*there),
        (Call::Insert(_), Some(Reply::Answer(false))) => Some(true),
        (Call::Remove(_), Some(Reply::Answer(false))) => Some(false),
        _ => None,
    }
}
