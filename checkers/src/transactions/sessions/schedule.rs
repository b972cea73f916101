//! Searches for an order of all transactions (Biswas and Enea, OOPSLA 2019, algorithm 2).
//!
//! A state is the set of steps that were taken. What may come next depends on nothing else: a transaction may not overwrite a version
//! that somebody outside still reads, so of every key that matters the last writer is known. For snapshot isolation a transaction is
//! two steps, its reads and its writes, and two that write one key are never open at once.

use std::collections::{BTreeSet, HashSet};

use super::base::Base;
use super::circle::Inferred;
use crate::interrupt::Interrupt;
use crate::transactions::graph::Label;

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Searched {
    Found,
    None,
    GaveUp,
}

/// A search that is over.
#[derive(Debug)]
pub(super) struct Search {
    pub(super) searched: Searched,
    /// How many states were visited.
    pub(super) states: usize,
    /// Some of those that were next where it came furthest, and could not be taken.
    pub(super) stuck: Vec<u32>,
}

/// How many of those are kept.
const STUCK: usize = 4;

/// How far a search may go.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many states it may visit.
    pub(super) states: usize,
    /// How often it may look whether a step can be taken.
    pub(super) looks: usize,
    /// From how many states it may turn back.
    pub(super) returns: usize,
}

impl Limits {
    /// As many looks as a million open transactions of a few states, or a thousand of many, need.
    pub(super) fn of_states(states: usize) -> Self {
        Self { states, looks: states.saturating_mul(1000), returns: usize::MAX }
    }
}

#[derive(Debug, Clone, Copy)]
enum Step {
    /// Its reads; with serializability its writes too.
    Begin,
    /// Its writes.
    Commit,
}

/// The search and the state that it is in.
pub(super) struct Schedule<'a> {
    base: &'a Base<'a>,
    snapshots: bool,
    /// Who waits for each node.
    starts: Vec<u32>,
    waiters: Vec<u32>,
    waits_for: Vec<u32>,
    /// For each version, how many transactions that have not begun read it.
    pending: Vec<u32>,
    /// For each key, the version that a read would see now.
    current: Vec<u32>,
    /// For each key, whether an open transaction will write it.
    locked: Vec<bool>,
    /// The transactions in the order in which they are tried, and the rank of each there.
    tried: Vec<u32>,
    ranks: Vec<u32>,
    /// The ranks of those that wait for nobody and have a step to take.
    ready: BTreeSet<u32>,
    /// Which have begun and not committed.
    open: Vec<bool>,
    left: usize,
    done: Vec<(u32, Step)>,
    /// What `current` was before each write that was taken.
    overwritten: Vec<u32>,
    /// Stands for the set of steps that were taken.
    state: u128,
    looks: usize,
}

/// A state on the way: how many steps led to it, and the rank that is to be tried next.
struct Frame {
    steps: usize,
    next: u32,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(base: &'a Base<'a>, inferred: &Inferred<'_>, snapshots: bool) -> Self {
        // What was inferred orders commits. A snapshot can be older than that, so only visibility makes a beginning wait.
        let waits = |label: Label| !snapshots || !matches!(label, Label::WriteWrite | Label::ReadWrite);
        let nodes = base.nodes as usize;
        let (mut starts, mut waits_for) = (vec![0_u32; nodes + 1], vec![0_u32; nodes]);
        for (from, to, _) in inferred.edges().filter(|edge| waits(edge.2)) {
            starts[from as usize + 1] += 1;
            waits_for[to as usize] += 1;
        }
        for at in 0..nodes {
            starts[at + 1] += starts[at];
        }
        let (mut next, mut waiters) = (starts.clone(), vec![0; starts[nodes] as usize]);
        for (from, to, _) in inferred.edges().filter(|edge| waits(edge.2)) {
            waiters[next[from as usize] as usize] = to;
            next[from as usize] += 1;
        }
        let mut pending = vec![0; base.versions.count() as usize];
        for access in &base.versions.accesses {
            if let (Some(read), Some(_)) = (access.read, base.places[access.transaction as usize]) {
                pending[read as usize] += 1;
            }
        }
        let tried = base.by_end();
        let mut ranks = vec![0; base.history.len()];
        for (rank, &number) in (0..).zip(&tried) {
            ranks[number as usize] = rank;
        }
        let ready = tried.iter().filter(|&&number| waits_for[number as usize] == 0);
        Self {
            base,
            snapshots,
            starts,
            waiters,
            pending,
            current: base.initial.clone(),
            locked: vec![false; base.history.key_count()],
            ready: ready.map(|&number| ranks[number as usize]).collect(),
            waits_for,
            tried,
            ranks,
            open: vec![false; base.history.len()],
            left: base.transactions(),
            done: Vec::new(),
            overwritten: Vec::new(),
            state: 0,
            looks: 0,
        }
    }

    /// Goes through the states, within limits and until it is interrupted.
    pub(super) fn search(mut self, limits: Limits, interrupt: &Interrupt) -> Search {
        let mut seen: HashSet<u128> = HashSet::new();
        self.take_harmless();
        seen.insert(self.state);
        let mut path = vec![Frame { steps: self.done.len(), next: 0 }];
        let (mut returns, mut furthest, mut stuck) = (0, 0, Vec::new());
        let over = |searched, states, stuck| Search { searched, states, stuck };
        while let Some(frame) = path.last_mut() {
            if self.left == 0 {
                return over(Searched::Found, seen.len(), stuck);
            }
            let (steps, from) = (frame.steps, frame.next);
            while self.done.len() > steps {
                self.undo();
            }
            let Some(&rank) = self.ready.range(from..).next() else {
                if steps > furthest {
                    furthest = steps;
                    stuck = self.ready.iter().take(STUCK).map(|&rank| self.tried[rank as usize]).collect();
                }
                path.pop();
                returns += 1;
                if returns > limits.returns && !path.is_empty() {
                    return over(Searched::GaveUp, seen.len(), stuck);
                }
                continue;
            };
            frame.next = rank + 1;
            let (number, step) = self.next_of(rank);
            if !self.allowed(number, step) {
                continue;
            }
            self.take(number, step);
            self.take_harmless();
            if seen.contains(&self.state) {
                continue;
            }
            if seen.len() >= limits.states || self.looks >= limits.looks || interrupt.is_raised() {
                return over(Searched::GaveUp, seen.len(), stuck);
            }
            seen.insert(self.state);
            path.push(Frame { steps: self.done.len(), next: 0 });
        }
        over(Searched::None, seen.len(), stuck)
    }

    /// Takes all steps that no other step can be the worse for: those after which nobody waits to read a version that was written.
    /// (What comes later in an order that begins with the same steps could as well have been taken at once.)
    fn take_harmless(&mut self) {
        let (mut from, mut idle) = (0, 0);
        while idle < self.ready.len() {
            let next = self.ready.range(from..).next().or_else(|| self.ready.first());
            let Some(&rank) = next else { return };
            from = rank + 1;
            let (number, step) = self.next_of(rank);
            if self.is_harmless(number, step) && self.allowed(number, step) {
                self.take(number, step);
                idle = 0;
            } else {
                idle += 1;
            }
        }
    }

    fn is_harmless(&self, number: u32, step: Step) -> bool {
        let writes = self.base.versions.of_transaction(number).iter().filter_map(|access| access.write);
        match step {
            // To begin takes locks, unless nothing is written.
            Step::Begin if self.snapshots => writes.count() == 0,
            _ => writes.into_iter().all(|version| self.pending[version as usize] == 0),
        }
    }

    fn next_of(&self, rank: u32) -> (u32, Step) {
        let number = self.tried[rank as usize];
        (number, if self.open[number as usize] { Step::Commit } else { Step::Begin })
    }

    fn allowed(&mut self, number: u32, step: Step) -> bool {
        self.looks += 1;
        let accesses = self.base.versions.of_transaction(number);
        let begins = matches!(step, Step::Begin);
        let commits = !begins || !self.snapshots;
        accesses.iter().all(|access| {
            let key = access.key as usize;
            let reads = begins.then_some(access.read).flatten();
            if reads.is_some_and(|read| read != self.current[key]) {
                return false;
            }
            if access.write.is_none() {
                return true;
            }
            if self.snapshots && begins {
                return !self.locked[key];
            }
            // With serializability the transaction reads at this same step.
            let own = u32::from(reads.is_some());
            !commits || self.pending[self.current[key] as usize] == own
        })
    }

    fn take(&mut self, number: u32, step: Step) {
        let begins = matches!(step, Step::Begin);
        let commits = !begins || !self.snapshots;
        for access in self.base.versions.of_transaction(number) {
            let key = access.key as usize;
            if let (true, Some(read)) = (begins, access.read) {
                self.pending[read as usize] -= 1;
            }
            if let Some(written) = access.write {
                if commits {
                    self.overwritten.push(self.current[key]);
                    self.current[key] = written;
                }
                self.locked[key] = !commits;
            }
        }
        self.open[number as usize] = !commits;
        if commits {
            self.ready.remove(&self.ranks[number as usize]);
            self.release(number);
            self.left -= 1;
        }
        self.state ^= token(number, step);
        self.done.push((number, step));
    }

    fn undo(&mut self) {
        let (number, step) = self.done.pop().expect("a step was taken");
        self.state ^= token(number, step);
        let begins = matches!(step, Step::Begin);
        let commits = !begins || !self.snapshots;
        if commits {
            self.left += 1;
            self.retain(number);
            self.ready.insert(self.ranks[number as usize]);
        }
        self.open[number as usize] = !begins;
        for access in self.base.versions.of_transaction(number).iter().rev() {
            let key = access.key as usize;
            if let (true, Some(read)) = (begins, access.read) {
                self.pending[read as usize] += 1;
            }
            if access.write.is_some() {
                if commits {
                    self.current[key] = self.overwritten.pop().expect("one for each write");
                }
                self.locked[key] = self.snapshots && commits;
            }
        }
    }

    fn waiters(&self, node: u32) -> std::ops::Range<usize> {
        self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize
    }

    /// Nobody waits for a transaction any longer.
    fn release(&mut self, number: u32) {
        let mut open = vec![number];
        while let Some(node) = open.pop() {
            for at in self.waiters(node) {
                let waiter = self.waiters[at];
                let waits = &mut self.waits_for[waiter as usize];
                *waits -= 1;
                if *waits == 0 {
                    match self.ranks.get(waiter as usize) {
                        Some(&rank) => drop(self.ready.insert(rank)),
                        None => open.push(waiter),
                    }
                }
            }
        }
    }

    /// They wait for it again.
    fn retain(&mut self, number: u32) {
        let mut open = vec![number];
        while let Some(node) = open.pop() {
            for at in self.waiters(node) {
                let waiter = self.waiters[at];
                let waits = &mut self.waits_for[waiter as usize];
                *waits += 1;
                if *waits == 1 {
                    match self.ranks.get(waiter as usize) {
                        Some(rank) => drop(self.ready.remove(rank)),
                        None => open.push(waiter),
                    }
                }
            }
        }
    }
}

/// A random number for each step, so that the exclusive or of those taken stands for their set (Zobrist 1970). With 128 bits two of
/// all the sets that a search can visit are mistaken for each other with a chance of less than `10^-20`.
fn token(number: u32, step: Step) -> u128 {
    let seed = u64::from(number) * 2 + u64::from(matches!(step, Step::Commit));
    u128::from(mixed(seed)) << 64 | u128::from(mixed(!seed))
}

/// One step of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
fn mixed(seed: u64) -> u64 {
    let mut mixed = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
