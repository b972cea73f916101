//! Blocks laid out in time, and moved until every operation that missed a value has room.
//!
//! A block that begins at a moment between the invocation of its write and the first answer to any of its operations lasts until
//! the last of them was invoked, or no time: each takes effect at the later of the beginning and the last invocation up to its own
//! place in the block, which is before its answer ([`super::blocks`] has seen to that). A change within a block may be put off up to
//! the first answer from there on, and what follows it with it. Blocks laid out one after another, each beginning where the last
//! has ended or later, are an order of their operations.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::ops::{Bound, Range};

use dsjepsen_history::Index;

use super::blocks::{Chains, NONE, changes};
use super::misses::{Miss, Misses};
use super::{finds, leaves};

/// How many blocks on either side of a value that is held too long are tried in its place.
const NEIGHBOURS: usize = 64;

/// How many moves are made in a row for one value.
const TRIES: usize = 8;

/// How many operations that need not have happened are tried for one miss.
const SPARE: usize = 4;

/// How often all values are gone through.
const ROUNDS: usize = 4;

/// A block as far as its place in time goes.
#[derive(Debug)]
struct Span {
    /// When it may begin at the earliest and at the latest.
    earliest: Index,
    latest: Index,
    /// The last invocation: it ends no earlier.
    end: Index,
    /// When it begins; `None` where it does not happen.
    begins: Option<Index>,
    /// Its values.
    steps: Vec<Step>,
}

/// A value of a block.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// The number of the value among those missed; else `NONE`.
    missed: u32,
    /// The last invocation up to its change, or later where it is put off.
    not_before: Index,
    /// The first answer from its change on.
    not_after: Index,
}

/// When a block begins, when it ends, and which it is.
type Key = (Index, Index, u32);

/// The first value's block is the first.
const BEGINNING: u32 = 0;

/// Blocks laid out in time.
pub(super) struct Layout<'m> {
    lists: &'m [Misses],
    blocks: Vec<Span>,
    order: BTreeSet<Key>,
    /// Writes that need not have happened and do not, by their invocation.
    spare: BTreeSet<(Index, u32)>,
    /// The cas that need not have happened, by the value that they replace: when they were invoked, and the value that they leave.
    spare_swaps: HashMap<u32, Vec<(Index, u32)>>,
    /// How many moves may still be tried.
    moves_left: usize,
}

impl<'m> Layout<'m> {
    pub(super) fn new<V: Copy + Eq + Hash>(lists: &'m [Misses], chains: &Chains<'_, V>, numbers: &HashMap<V, u32>) -> Self {
        let mut spare_swaps: HashMap<u32, Vec<(Index, u32)>> = HashMap::new();
        for (place, entry) in chains.entries.iter().enumerate().filter(|(place, _)| !chains.is_sure[*place]) {
            let from = finds(entry).and_then(|value| numbers.get(&value));
            if let (Some(&from), Some(to), true) = (from, leaves(entry), changes(entry)) {
                let to = numbers.get(&to).copied().unwrap_or(NONE);
                spare_swaps.entry(from).or_default().push((chains.span(place).0, to));
            }
        }
        let moves_left = 100_000 + 8 * chains.entries.len();
        Self { lists, blocks: Vec::new(), order: BTreeSet::new(), spare: BTreeSet::new(), spare_swaps, moves_left }
    }

    /// Takes in all blocks and the writes that need not have happened. Operations that contradict one another are returned: one
    /// missed a value between two that surely held it.
    pub(super) fn take_blocks<V: Copy + Eq + Hash>(
        &mut self,
        initial: V,
        chains: &Chains<'_, V>,
        numbers: &HashMap<V, u32>,
    ) -> Option<Vec<usize>> {
        let number = |value: Option<V>| value.and_then(|value| numbers.get(&value)).copied().unwrap_or(NONE);
        let step = |missed, not_before| Step { missed, not_before, not_after: Index::MAX };
        for head in [NONE].into_iter().chain(chains.heads().map(|head| head as u32)) {
            // Most blocks have one value, and there may be a million.
            let steps = Vec::with_capacity(1);
            let mut span = Span { earliest: 0, latest: Index::MAX, end: 0, begins: None, steps };
            let mut held = Held::default();
            if head == NONE {
                span.steps.push(step(number(Some(initial)), 0));
                span.begins = Some(0);
            } else {
                span.earliest = chains.span(head as usize).0;
            }
            for member in chains.block(head) {
                let (invoked, returned) = chains.span(member.place);
                span.end = span.end.max(invoked);
                span.latest = span.latest.min(returned);
                if let Some(last) = span.steps.last() {
                    held.ask(member.place, invoked);
                    if let Some(places) = self.contradiction(last, &held).filter(|_| member.changes) {
                        return Some(places);
                    }
                }
                if member.changes {
                    held = Held { writer: Some(member.place), ..Held::default() };
                    span.steps.push(step(number(leaves(&chains.entries[member.place])), span.end));
                }
                held.answer(member.place, returned);
                if let Some(last) = span.steps.last_mut() {
                    last.not_after = last.not_after.min(returned);
                }
            }
            if let Some(places) = span.steps.last().and_then(|last| self.contradiction(last, &held)) {
                return Some(places);
            }
            for at in (1..span.steps.len()).rev() {
                span.steps[at - 1].not_after = span.steps[at - 1].not_after.min(span.steps[at].not_after);
            }
            if head != NONE && !chains.is_sure[head as usize] {
                self.spare.insert((span.earliest, self.blocks.len() as u32));
            }
            self.blocks.push(span);
        }
        None
    }

    /// What was missed while the value was surely held.
    fn contradiction(&self, value: &Step, held: &Held) -> Option<Vec<usize>> {
        let (list, (asked, to)) = (self.lists.get(value.missed as usize)?, held.asked?);
        let (answered, from) = if held.writer.is_some() { held.answered.unzip() } else { (None, None) };
        let miss = list.without_room(from, Some(to))?;
        Some([held.writer, answered, Some(asked), Some(miss.place)].into_iter().flatten().collect())
    }

    /// All that had begun when an operation that missed a block's last value had returned, where the value was surely there before
    /// it, and nothing had begun by then that may have replaced it: each other write had, or its block comes before.
    pub(super) fn never_left<V: Copy + Eq + Hash>(&self, chains: &Chains<'_, V>) -> Option<Vec<usize>> {
        let mut others: Vec<u32> = (1..self.blocks.len() as u32).collect();
        others.sort_unstable_by_key(|&id| self.blocks[id as usize].earliest);
        // Of those up to each, the two that may begin last.
        let mut last = Vec::with_capacity(others.len());
        let mut pair = [BEGINNING; 2];
        for &id in &others {
            let latest = |id: u32| if id == BEGINNING { None } else { Some(self.blocks[id as usize].latest) };
            if latest(id) > latest(pair[0]) {
                pair = [id, pair[0]];
            } else if latest(id) > latest(pair[1]) {
                pair[1] = id;
            }
            last.push(pair);
        }
        let miss = self.blocks.iter().enumerate().find_map(|(id, span)| {
            let Step { missed: value, not_after, .. } = *span.steps.last()?;
            // Nobody left the first value.
            let held_from = (id != BEGINNING as usize || span.steps.len() > 1).then_some(not_after);
            let miss = self.lists.get(value as usize)?.without_room(held_from, None)?;
            let begun = others.partition_point(|&other| self.blocks[other as usize].earliest <= miss.returned);
            let may_follow = |&other: &u32| {
                other != BEGINNING && other as usize != id && self.blocks[other as usize].latest >= span.end
            };
            let is_followed = last[..begun].last().is_some_and(|pair| pair.iter().any(may_follow));
            let mut swaps = self.spare_swaps.get(&value).into_iter().flatten();
            (!is_followed && swaps.all(|swap| swap.0 > miss.returned)).then_some(miss)
        })?;
        let had_begun = |&place: &usize| place == miss.place || chains.span(place).0 <= miss.returned;
        Some((0..chains.entries.len()).filter(had_begun).collect())
    }

    /// Lets all blocks begin that surely happened: the forward ones as late as may be, the others as early or as late.
    pub(super) fn place_all(&mut self, is_late: bool) {
        let is_forward = |span: &Span| span.latest < span.end;
        let spans = self.blocks[1..].iter().filter(|span| is_forward(span));
        let mut forward: Vec<(Index, Index)> = spans.map(|span| (span.latest, span.end)).collect();
        forward.sort_unstable();
        let first_end = self.blocks[BEGINNING as usize].end;
        for id in 1..self.blocks.len() {
            let span = &self.blocks[id];
            if self.spare.contains(&(span.earliest, id as u32)) {
                continue;
            }
            let wanted = if is_late || is_forward(span) { span.latest } else { span.end.max(first_end) };
            let begun = forward.partition_point(|outer| outer.0 < wanted);
            let around = forward[..begun].last().filter(|outer| wanted < outer.1 && !is_forward(span));
            let begins = around.map_or(wanted, |outer| if is_late { outer.0 } else { outer.1 });
            self.blocks[id].begins = Some(begins);
        }
        drop(forward);
        self.order = (0..self.blocks.len() as u32).filter_map(|id| self.key(id)).collect();
    }

    fn key(&self, id: u32) -> Option<Key> {
        let span = &self.blocks[id as usize];
        span.begins.map(|begins| (begins, begins.max(span.end), id))
    }

    /// Moves blocks until every miss has room; `false` where that did not succeed.
    pub(super) fn mend(&mut self) -> bool {
        for _ in 0..ROUNDS {
            let ids: Vec<u32> = self.order.iter().map(|key| key.2).collect();
            for id in ids {
                let (mut at, mut tries) = (0, 0);
                while let Some((misfit, miss)) = self.misfit(id, at) {
                    tries = if misfit == at { tries + 1 } else { 0 };
                    at = misfit;
                    if self.moves_left == 0 {
                        return false;
                    }
                    if tries == TRIES || !self.mend_one(id, at, miss) {
                        (at, tries) = (at + 1, 0);
                    }
                }
            }
            if self.order.iter().all(|key| self.misfit(key.2, 0).is_none()) {
                return true;
            }
        }
        false
    }

    /// The first value of the block from there on that was missed by an operation without room, as the block lies now, and a miss.
    fn misfit(&self, id: u32, from: usize) -> Option<(usize, Miss)> {
        let key = self.key(id)?;
        self.misfits(key, self.after(key), from..usize::MAX).next()
    }

    fn after(&self, key: Key) -> Option<Index> {
        self.order.range((Bound::Excluded(key), Bound::Unbounded)).next().map(|next| next.0)
    }

    /// For each of these values of the block one miss without room, if it begins so and the next block begins then.
    fn misfits(&self, key: Key, next: Option<Index>, range: Range<usize>) -> impl Iterator<Item = (usize, Miss)> {
        let (begins, _, id) = key;
        let steps = &self.blocks[id as usize].steps;
        (range.start..range.end.min(steps.len())).filter_map(move |at| {
            let list = self.lists.get(steps[at].missed as usize)?;
            let from = (id != BEGINNING || at > 0).then_some(begins.max(steps[at].not_before));
            let to = steps.get(at + 1).map(|step| begins.max(step.not_before)).or(next);
            list.without_room(from, to).map(|miss| (at, miss))
        })
    }

    /// Whether the last value of the block has a miss without room if the next block begins then.
    fn count_last(&self, key: Option<&Key>, next: Option<Index>) -> usize {
        key.map_or(0, |key| self.misfits(*key, next, self.blocks[key.2 as usize].steps.len() - 1..usize::MAX).count())
    }

    /// Makes room for a miss of a value of this block, by moving the block or another so that fewer have no room.
    fn mend_one(&mut self, id: u32, at: usize, miss: Miss) -> bool {
        let Some(key) = self.key(id) else { return false };
        if id != BEGINNING && (self.moves(id, miss.invoked) || self.moves(id, miss.returned)) {
            return true;
        }
        if self.puts_off(id, at, miss.invoked) {
            return true;
        }
        if at + 1 < self.blocks[id as usize].steps.len() {
            return false;
        }
        if self.swaps(id, at, miss) {
            return true;
        }
        let later = self.order.range((Bound::Excluded(key), Bound::Unbounded)).take(NEIGHBOURS);
        let earlier = self.order.range(..key).rev().take(NEIGHBOURS);
        let spare = self.spare.range(..=(miss.returned, u32::MAX)).rev().take(SPARE);
        let others: Vec<u32> = later.chain(earlier).map(|key| key.2).chain(spare.map(|spare| spare.1)).collect();
        others.into_iter().filter(|&other| other != BEGINNING).any(|other| {
            let begins = miss.returned.min(self.blocks[other as usize].latest);
            begins >= key.1 && self.moves(other, begins)
        })
    }

    /// Puts off the change to a value of a block, if that may be, and fewer misses have no room after that.
    fn puts_off(&mut self, id: u32, at: usize, to: Index) -> bool {
        let span = &self.blocks[id as usize];
        let (Some(old), true) = (self.key(id), at > 0 && to <= span.steps[at].not_after) else { return false };
        let next = self.after(old);
        if next.is_some_and(|next| next < to) {
            return false;
        }
        let end = span.end;
        let earlier: Vec<Index> =
            span.steps[at..].iter().map(|step| step.not_before).take_while(|&not_before| not_before < to).collect();
        let changed = at - 1..at + earlier.len();
        let before = self.misfits(old, next, changed.clone()).count();
        let span = &mut self.blocks[id as usize];
        span.end = end.max(to);
        for step in &mut span.steps[at..at + earlier.len()] {
            step.not_before = to;
        }
        let is_better = self.misfits(old, next, changed).count() < before;
        if !is_better {
            let span = &mut self.blocks[id as usize];
            span.end = end;
            for (step, not_before) in span.steps[at..].iter_mut().zip(earlier) {
                step.not_before = not_before;
            }
        }
        self.order.remove(&old);
        self.order.extend(self.key(id));
        is_better
    }

    /// Lets a cas that need not have happened replace the last value of the block as late as the miss allows, if fewer misses have
    /// no room after that.
    fn swaps(&mut self, id: u32, at: usize, miss: Miss) -> bool {
        let Some(old) = self.key(id) else { return false };
        let next = self.after(old);
        let to = next.map_or(miss.returned, |next| next.min(miss.returned));
        let before = self.count_last(Some(&old), next);
        let span = &self.blocks[id as usize];
        let end = span.end;
        let choices = self.spare_swaps.get(&span.steps[at].missed).into_iter().flatten();
        let choices: Vec<u32> = choices.filter(|swap| swap.0 <= to && end <= to).map(|swap| swap.1).take(SPARE).collect();
        for missed in choices {
            let span = &mut self.blocks[id as usize];
            span.steps.push(Step { missed, not_before: to, not_after: Index::MAX });
            span.end = to;
            if self.misfits(old, next, at..usize::MAX).count() < before {
                self.order.remove(&old);
                self.order.extend(self.key(id));
                return true;
            }
            let span = &mut self.blocks[id as usize];
            span.steps.pop();
            span.end = end;
        }
        false
    }

    /// Moves a block, if it may begin then, and fewer misses have no room after that.
    fn moves(&mut self, id: u32, begins: Index) -> bool {
        self.moves_left = self.moves_left.saturating_sub(1);
        let span = &self.blocks[id as usize];
        if begins < span.earliest || begins > span.latest {
            return false;
        }
        let old = self.key(id);
        let new = (begins, begins.max(span.end), id);
        if old == Some(new) {
            return false;
        }
        // What lies behind these begins as before, but for the last.
        let begun = begins.max(old.map_or(0, |old| old.0));
        let changed = 0..span.steps.partition_point(|step| step.not_before < begun).min(span.steps.len() - 1);
        let own = |layout: &Self, key: Key, next: Option<Index>| {
            layout.misfits(key, next, changed.clone()).count() + layout.count_last(Some(&key), next)
        };
        let (mut more, mut less) = (0, 0);
        if let Some(old) = old {
            let next = self.after(old);
            less += own(self, old, next);
            self.order.remove(&old);
            let before = self.order.range(..old).next_back();
            less += self.count_last(before, Some(old.0));
            more += self.count_last(before, next);
        }
        let before = self.order.range(..new).next_back();
        let next = self.order.range(new..).next();
        let has_room = before.is_none_or(|before| before.1 <= new.0) && next.is_none_or(|next| new.1 <= next.0);
        let next = next.map(|next| next.0);
        more += self.count_last(before, Some(new.0)) + own(self, new, next);
        less += self.count_last(before, next);
        let is_better = has_room && more < less;
        self.order.extend(if is_better { Some(new) } else { old });
        if is_better {
            let span = &mut self.blocks[id as usize];
            span.begins = Some(begins);
            self.spare.remove(&(span.earliest, id));
        }
        is_better
    }

    /// Whether the layout is an order of all blocks with room for all misses, whatever led to it.
    pub(super) fn is_an_order(&self) -> bool {
        let keys: Vec<Key> = self.order.iter().copied().collect();
        let are_apart = keys.windows(2).all(|pair| pair[0].1 <= pair[1].0);
        let are_all = keys.len() + self.spare.len() == self.blocks.len() && keys.first().is_some_and(|key| key.2 == BEGINNING);
        let may_begin = |key: &Key| {
            let span = &self.blocks[key.2 as usize];
            let is_in_time = self.key(key.2) == Some(*key) && span.earliest <= key.0 && key.0 <= span.latest;
            is_in_time && span.steps.iter().all(|step| step.not_before <= step.not_after.min(span.end))
        };
        are_apart && are_all && keys.iter().all(|key| may_begin(key) && self.misfit(key.2, 0).is_none())
    }
}

/// The operations that show how long a value was held.
#[derive(Debug, Default)]
struct Held {
    writer: Option<usize>,
    /// Of those that left or found the value, the one that returned first, and when.
    answered: Option<(usize, Index)>,
    /// Of those that found it, the one that was invoked last, and when.
    asked: Option<(usize, Index)>,
}

impl Held {
    fn answer(&mut self, place: usize, returned: Index) {
        if self.answered.is_none_or(|(_, first)| returned < first) {
            self.answered = Some((place, returned));
        }
    }

    fn ask(&mut self, place: usize, invoked: Index) {
        if self.asked.is_none_or(|(_, last)| invoked > last) {
            self.asked = Some((place, invoked));
        }
    }
}
