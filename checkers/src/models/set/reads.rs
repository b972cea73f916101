//! A set that only grows, each element inserted at most once, and of which all elements are read.
//!
//! Of any two reads one shows all that the other shows. So the reads stand in levels, and what each shows more than the one before
//! was inserted between. That is all the order there is: it must only keep to real time. What nobody saw was inserted after the
//! last read.

use dsjepsen_history::Index;

use super::{Call, Reply};
use crate::linearizable::{Decision, Entry};

type SetEntry<V> = Entry<Call<V>, Reply<V>>;

/// Decides such a history, in time linear in what the reads show but for sorting them.
pub(super) fn decide<V: Copy + Ord>(entries: &[SetEntry<V>]) -> Option<Decision> {
    let inserts = inserts(entries)?;
    let mut reads: Vec<Read<'_, V>> = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        if let Some((Reply::All(shown), returned)) = &entry.answer {
            reads.push(Read { place, shown, from: entry.invoked, to: *returned });
        }
    }
    reads.sort_by_key(|read| (read.shown.len(), read.place));
    let impossible = |places: &[usize]| Some(Decision::Impossible(with_inserts(entries, &inserts, places.iter().copied())));
    if let Some(pair) = reads.windows(2).find(|pair| !is_among(pair[0].shown, pair[1].shown)) {
        return impossible(&[pair[0].place, pair[1].place]);
    }
    // Of each other read, the last one shows all that it shows.
    if let Some(last) = reads.last()
        && last.shown.iter().any(|element| inserts.get(element).is_none())
    {
        return impossible(&[last.place]);
    }
    let blocks = blocks(entries, &inserts, &reads);
    // Of the blocks before, what began last.
    let mut latest: Option<(Index, usize)> = None;
    for (number, block) in blocks.iter().enumerate() {
        let early = block.iter().find(|(_, to, _)| latest.is_some_and(|(from, _)| *to < from));
        if let (Some((_, _, early)), Some((_, late))) = (early, latest) {
            // Two inserts are in order by what is read between them.
            let between = if number == 0 { None } else { blocks[number - 1].first() };
            let between = between.filter(|_| !is_read(entries, *early) && !is_read(entries, late)).map(|(.., place)| *place);
            return impossible(&[Some(*early), Some(late), between].into_iter().flatten().collect::<Vec<_>>());
        }
        latest = block.iter().map(|(from, _, place)| (*from, *place)).chain(latest).max_by_key(|(from, _)| *from);
    }
    Some(Decision::Exists)
}

struct Read<'a, V> {
    place: usize,
    shown: &'a [V],
    from: Index,
    to: Index,
}

/// When something began and had surely happened, and where it is.
type Span = (Index, Index, usize);

/// Where each element is inserted, by element: reads show elements in that order, so few looks go far.
struct Inserts<V>(Vec<(V, usize)>);

impl<V: Copy + Ord> Inserts<V> {
    fn get(&self, element: &V) -> Option<usize> {
        let found = self.0.binary_search_by_key(element, |(element, _)| *element).ok()?;
        Some(self.0[found].1)
    }
}

/// Where each element is inserted; `None` where the history is of another kind.
fn inserts<V: Copy + Ord>(entries: &[SetEntry<V>]) -> Option<Inserts<V>> {
    let mut inserts = Vec::with_capacity(entries.len());
    for (place, entry) in entries.iter().enumerate() {
        match (&entry.call, entry.reply()) {
            (Call::Insert(element), None | Some(Reply::Done | Reply::Answer(true))) => inserts.push((*element, place)),
            (Call::Read, None) => {}
            (Call::Read, Some(Reply::All(all))) if all.is_sorted_by(|one, other| one < other) => {}
            _ => return None,
        }
    }
    inserts.sort_unstable();
    let is_unique = inserts.windows(2).all(|pair| pair[0].0 < pair[1].0);
    is_unique.then_some(Inserts(inserts))
}

/// Whether all of `some` is among `all`; both are sorted.
fn is_among<V: Ord>(some: &[V], all: &[V]) -> bool {
    let mut all = all.iter();
    some.iter().all(|element| all.any(|other| other == element))
}

/// What must come one after the other: the inserts that a level shows first, its reads, those of the next; at last what nobody saw.
fn blocks<V: Copy + Ord>(
    entries: &[SetEntry<V>],
    inserts: &Inserts<V>,
    reads: &[Read<'_, V>],
) -> Vec<Vec<Span>> {
    let mut blocks = Vec::new();
    let mut is_seen = vec![false; entries.len()];
    let mut shown_before: &[V] = &[];
    for level in reads.chunk_by(|one, other| one.shown.len() == other.shown.len()) {
        let mut inserted = Vec::new();
        let mut before = shown_before.iter().peekable();
        for element in level[0].shown {
            if before.next_if_eq(&element).is_none() {
                let Some(place) = inserts.get(element) else { continue };
                let entry = &entries[place];
                is_seen[place] = true;
                inserted.push((entry.invoked, entry.returned().unwrap_or(Index::MAX), place));
            }
        }
        shown_before = level[0].shown;
        blocks.push(inserted);
        blocks.push(level.iter().map(|read| (read.from, read.to, read.place)).collect());
    }
    let unseen = entries.iter().enumerate().filter(|(place, entry)| matches!(entry.call, Call::Insert(_)) && !is_seen[*place]);
    blocks.push(unseen.filter_map(|(place, entry)| Some((entry.invoked, entry.returned()?, place))).collect());
    blocks
}

fn is_read<V>(entries: &[SetEntry<V>], place: usize) -> bool {
    matches!(entries[place].call, Call::Read)
}

/// These places, and those of the inserts of all that is read there.
fn with_inserts<V: Copy + Ord>(
    entries: &[SetEntry<V>],
    inserts: &Inserts<V>,
    places: impl IntoIterator<Item = usize>,
) -> Vec<usize> {
    let mut all: Vec<usize> = Vec::new();
    for place in places {
        all.push(place);
        if let Some(Reply::All(shown)) = entries[place].reply() {
            all.extend(shown.iter().filter_map(|element| inserts.get(element)));
        }
    }
    all.sort_unstable();
    all.dedup();
    all
}
