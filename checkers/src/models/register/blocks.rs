//! Registers in which each value that anybody finds was written once, decided exactly in O(n log n).
//!
//! Where a value is written once, the operations that find it stand right behind its write, and a cas from it right behind them:
//! all that can be reached so from one write is a *block*, whose inner order is known up to its reads. Blocks follow one
//! another undivided, so what remains is an order of blocks ([`super::zones`]). The first value heads a block that comes before all.
//!
//! After Gibbons and Korach (1997) for reads and writes. That a cas only makes blocks longer is the design notes' own argument:
//! theirs uses nothing of a cluster but that it is undivided. An operation without an answer whose value nobody found need
//! not have happened; one whose value was found did, at any time after it was invoked.

use std::collections::HashMap;
use std::hash::Hash;
use std::ops::Range;

use dsjepsen_history::Index;

use super::zones::{Zone, contradiction};
use super::{RegisterEntry, finds, leaves, misses};
use crate::linearizable::Decision;

/// No operation, no value.
pub(super) const NONE: u32 = u32::MAX;

/// The number of the first value.
const FIRST: u32 = 0;

/// Decides the history; `None` where a value that is found may have been written twice, and where the operations that missed a
/// value fit nowhere in the orders that [`super::misses`] tries.
pub(super) fn decide<V: Copy + Eq + Hash>(initial: V, entries: &[RegisterEntry<V>]) -> Option<Decision> {
    let chains = Chains::of(initial, entries)?;
    let contradiction = chains.contradiction().map(Decision::Impossible);
    let mut decision = contradiction.or_else(|| misses::decide(initial, &chains));
    if let Some(Decision::Impossible(places)) = &mut decision {
        chains.add_reasons(places);
    }
    decision
}

/// Who leaves which value, and who finds it. Values that somebody finds have numbers, from the first value on.
pub(super) struct Chains<'a, V> {
    pub(super) entries: &'a [RegisterEntry<V>],
    /// By operation: the value that it must find; `NONE` for none.
    found: Vec<u32>,
    /// By operation: the value that it leaves, where that is another and somebody finds it.
    left: Vec<u32>,
    /// By operation: whether it surely happened.
    pub(super) is_sure: Vec<bool>,
    /// By value: who leaves it.
    writer: Vec<u32>,
    /// By value: the sure cas that replaces it.
    next: Vec<u32>,
    /// The reads, in the order of their values; those of value v begin at `first_read[v]`.
    reads: Vec<u32>,
    first_read: Vec<u32>,
    /// Two sure cas from one value.
    rivals: Option<[usize; 2]>,
}

impl<'a, V: Copy + Eq + Hash> Chains<'a, V> {
    fn of(initial: V, entries: &'a [RegisterEntry<V>]) -> Option<Self> {
        let (found, numbers) = number_found(initial, entries);
        let values = numbers.len();
        let (mut left, mut writer) = (vec![NONE; entries.len()], vec![NONE; values]);
        let first_is_found = found.contains(&FIRST);
        for (place, entry) in entries.iter().enumerate().filter(|(_, entry)| changes(entry)) {
            let Some(&value) = leaves(entry).and_then(|value| numbers.get(&value)) else { continue };
            match (value, writer[value as usize]) {
                (FIRST, _) if first_is_found => return None,
                (FIRST, _) => {}
                (_, NONE) => {
                    writer[value as usize] = place as u32;
                    left[place] = value;
                }
                _ => return None,
            }
        }
        let mut chains = Self {
            entries,
            found,
            left,
            is_sure: entries.iter().map(|entry| entry.answer.is_some()).collect(),
            writer,
            next: vec![NONE; values],
            reads: Vec::new(),
            first_read: vec![0; values + 1],
            rivals: None,
        };
        chains.make_sure();
        chains.sort();
        Some(chains)
    }

    /// What was found surely happened.
    fn make_sure(&mut self) {
        for reader in 0..self.entries.len() {
            let mut place = reader;
            while self.is_sure[place] && self.found[place] != NONE {
                let writer = self.writer[self.found[place] as usize];
                if writer == NONE || self.is_sure[writer as usize] {
                    break;
                }
                place = writer as usize;
                self.is_sure[place] = true;
            }
        }
    }

    /// Finds what follows each value.
    fn sort(&mut self) {
        for place in 0..self.entries.len() {
            let value = self.found[place];
            if value == NONE || !self.is_sure[place] {
                continue;
            }
            if !changes(&self.entries[place]) {
                self.first_read[value as usize + 1] += 1;
            } else if self.next[value as usize] == NONE {
                self.next[value as usize] = place as u32;
            } else {
                self.rivals.get_or_insert([self.next[value as usize] as usize, place]);
            }
        }
        for value in 1..self.first_read.len() {
            self.first_read[value] += self.first_read[value - 1];
        }
        let mut ends = self.first_read.clone();
        self.reads = vec![NONE; self.first_read.last().copied().unwrap_or(0) as usize];
        for (place, entry) in self.entries.iter().enumerate() {
            if self.found[place] != NONE && self.is_sure[place] && !changes(entry) {
                let end = &mut ends[self.found[place] as usize];
                self.reads[*end as usize] = place as u32;
                *end += 1;
            }
        }
    }

    /// Operations that contradict one another.
    fn contradiction(&self) -> Option<Vec<usize>> {
        let sure = || (0..self.entries.len()).filter(|&place| self.is_sure[place]);
        let from_nowhere = |&place: &usize| {
            let value = self.found[place];
            value != NONE && value != FIRST && self.writer[value as usize] == NONE
        };
        if let Some(place) = sure().find(from_nowhere) {
            return Some(vec![place]);
        }
        if let Some(rivals) = self.rivals {
            return Some(rivals.to_vec());
        }
        let (mut zones, mut reached) = (Vec::new(), 0);
        let mut first = Zone::empty(NONE);
        if let Some(places) = self.lay(&mut first, &mut reached) {
            return Some(places);
        }
        for place in self.heads().filter(|&place| self.is_sure[place]) {
            let mut zone = Zone::empty(place as u32);
            if let Some(places) = self.lay(&mut zone, &mut reached) {
                return Some(places);
            }
            zones.push(zone);
        }
        let is_cas = |&place: &usize| changes(&self.entries[place]) && self.found[place] != NONE;
        if reached < sure().filter(is_cas).count() {
            return Some(self.circle(sure().filter(is_cas)));
        }
        let before_all = zones.iter().min().filter(|zone| zone.returned < first.invoked);
        let clash = before_all.map(|zone| (first, *zone)).or_else(|| contradiction(&mut zones));
        clash.map(|(outer, inner)| self.clash(outer, inner))
    }

    /// The writes: each is the head of a block.
    pub(super) fn heads(&self) -> impl Iterator<Item = usize> {
        (0..self.entries.len()).filter(|&place| changes(&self.entries[place]) && self.found[place] == NONE)
    }

    /// Takes the operations of the block into its zone, and counts each cas. What cannot stand in the order of the block is returned:
    /// two that come the other way round in real time, and the changes between.
    fn lay(&self, zone: &mut Zone, reached: &mut usize) -> Option<Vec<usize>> {
        // The last invocation of what must come before a read of the value at hand, and of all so far.
        let (mut before_value, mut so_far) = (0, 0);
        for (position, member) in self.block(zone.of).enumerate() {
            let (invoked, returned) = self.span(member.place);
            let limit = if member.changes { so_far } else { before_value };
            if returned < limit {
                return Some(self.crossed(zone.of, position));
            }
            so_far = so_far.max(invoked);
            if member.changes {
                before_value = so_far;
                *reached += usize::from(self.found[member.place] != NONE);
            }
            zone.add(invoked, returned);
        }
        None
    }

    /// The operation at this position of the block had returned before an earlier one was invoked: the two, and what links them. Of
    /// the earlier ones the nearest is taken, so that what lies between was under way at that moment.
    fn crossed(&self, head: u32, position: usize) -> Vec<usize> {
        let members: Vec<Member> = self.block(head).take(position + 1).collect();
        let (_, returned) = self.span(members[position].place);
        let own = (0..=position).rev().find(|&at| members[at].changes);
        let earlier = if members[position].changes { position } else { own.map_or(0, |own| own + 1) };
        let crosses = |&at: &usize| self.span(members[at].place).0 > returned;
        let first = (0..earlier).rev().find(crosses).unwrap_or(0);
        linked(&members, Some(first), position)
    }

    /// Two blocks that must each come before the other: operations of each that say so, and what links them.
    fn clash(&self, outer: Zone, inner: Zone) -> Vec<usize> {
        let (mut places, early, late) = self.ends(outer.of, inner.invoked, Some(inner.returned));
        let before = late.map_or(Index::MAX, |late| self.span(late).0);
        let (others, ..) = self.ends(inner.of, before, early.map(|early| self.span(early).1));
        places.extend(others);
        places
    }

    /// Two operations of a block close to one another, one that returned before `before` and one that was invoked after `after`,
    /// and what links them. The beginning of all returned before anything, and was invoked before anything; `after` is `None` for it.
    fn ends(&self, head: u32, before: Index, after: Option<Index>) -> (Vec<usize>, Option<usize>, Option<usize>) {
        let members: Vec<Member> = self.block(head).collect();
        let begins_all = head == NONE;
        let (mut early, mut late) = (begins_all.then_some(None), None);
        for (position, member) in members.iter().enumerate() {
            let (invoked, returned) = self.span(member.place);
            if returned < before {
                early = Some(Some(position));
            }
            if after.is_none_or(|after| invoked > after) {
                late = Some(position);
            }
            if let (Some(early), Some(late)) = (early, late) {
                let low = early.map(|early| early.min(late));
                let high = early.map_or(late, |early| early.max(late));
                let place = |position: usize| members[position].place;
                return (linked(&members, low, high), early.map(place), Some(place(late)));
            }
        }
        (members.iter().map(|member| member.place).collect(), None, None)
    }

    /// Cas operations of which each needs the value that another leaves, and none comes first. They are among those given, which no
    /// block reaches when those of all blocks are taken away.
    fn circle(&self, swaps: impl Iterator<Item = usize>) -> Vec<usize> {
        let mut visits: HashMap<usize, usize> = HashMap::new();
        for (visit, start) in swaps.enumerate() {
            let mut place = start;
            while self.found[place] != NONE && self.found[place] != FIRST {
                match visits.insert(place, visit) {
                    Some(same) if same == visit => {
                        let before = |&place: &usize| self.writer[self.found[place] as usize] as usize;
                        let first = place;
                        let rest = std::iter::successors(Some(before(&first)), |place| Some(before(place)));
                        return [first].into_iter().chain(rest.take_while(|&place| place != first)).collect();
                    }
                    Some(_) => break,
                    None => place = self.writer[self.found[place] as usize] as usize,
                }
            }
        }
        Vec::new()
    }

    /// The operations of the block that begins with this write, or with the first value.
    pub(super) fn block(&self, head: u32) -> Block<'_, 'a, V> {
        let reads = if head == NONE { self.reads_of(FIRST) } else { 0..0 };
        Block { chains: self, upcoming: head, value: if head == NONE { FIRST } else { NONE }, reads }
    }

    /// Where the reads of a value are.
    fn reads_of(&self, value: u32) -> Range<u32> {
        match value {
            NONE => 0..0,
            value => self.first_read[value as usize]..self.first_read[value as usize + 1],
        }
    }

    /// When an operation was invoked, and when it returned at the latest.
    pub(super) fn span(&self, place: usize) -> (Index, Index) {
        (self.entries[place].invoked, self.entries[place].returned().unwrap_or(Index::MAX))
    }

    /// Adds to each operation without an answer one that found its value, for else it need not have happened.
    fn add_reasons(&self, places: &mut Vec<usize>) {
        let mut at = 0;
        while let Some(&place) = places.get(at) {
            at += 1;
            let value = self.left[place];
            if self.entries[place].answer.is_some() || value == NONE {
                continue;
            }
            let reads = self.reads_of(value);
            let reason = if reads.is_empty() { self.next[value as usize] } else { self.reads[reads.start as usize] };
            if reason != NONE && !places.contains(&(reason as usize)) {
                places.push(reason as usize);
            }
        }
        places.sort_unstable();
        places.dedup();
    }
}

/// An operation of a block.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) place: usize,
    /// Whether it leaves another value; else it is a read.
    pub(super) changes: bool,
}

/// The operations of a block in their order: a change, the reads of what it leaves, the next change.
pub(super) struct Block<'c, 'a, V> {
    chains: &'c Chains<'a, V>,
    upcoming: u32,
    value: u32,
    reads: Range<u32>,
}

impl<V: Copy + Eq + Hash> Iterator for Block<'_, '_, V> {
    type Item = Member;

    fn next(&mut self) -> Option<Member> {
        if self.upcoming == NONE {
            if let Some(read) = self.reads.next() {
                return Some(Member { place: self.chains.reads[read as usize] as usize, changes: false });
            }
            if self.value == NONE || self.chains.next[self.value as usize] == NONE {
                return None;
            }
            self.upcoming = self.chains.next[self.value as usize];
        }
        let place = self.upcoming as usize;
        self.upcoming = NONE;
        self.value = self.chains.left[place];
        self.reads = self.chains.reads_of(self.value);
        Some(Member { place, changes: true })
    }
}

/// The operations at two positions of a block, the changes that link them, and the one that left the value of the first. Without a
/// first, all changes from the beginning on.
fn linked(members: &[Member], first: Option<usize>, last: usize) -> Vec<usize> {
    let from = first.map_or(0, |first| (0..=first).rev().find(|&at| members[at].changes).unwrap_or(first));
    let needed = |&at: &usize| members[at].changes || Some(at) == first || at == last;
    (from..=last).filter(needed).map(|at| members[at].place).collect()
}

/// Whether an operation leaves another value than it found.
pub(super) fn changes<V: Copy + Eq>(entry: &RegisterEntry<V>) -> bool {
    leaves(entry).is_some_and(|left| finds(entry) != Some(left))
}

/// By operation the number of the value that it finds, and the numbers.
fn number_found<V: Copy + Eq + Hash>(initial: V, entries: &[RegisterEntry<V>]) -> (Vec<u32>, HashMap<V, u32>) {
    let mut numbers = HashMap::from([(initial, FIRST)]);
    let mut number = |value: V| {
        let next = numbers.len() as u32;
        *numbers.entry(value).or_insert(next)
    };
    let found = entries.iter().map(|entry| finds(entry).map_or(NONE, &mut number)).collect();
    (found, numbers)
}
