//! Searches for an order of all transactions, session by session (Biswas and Enea, OOPSLA 2019, algorithm 2).
//!
//! A state is how far each session has come. What may come next depends on nothing else: a transaction may not overwrite a version
//! that somebody outside still reads, so of every key that matters the last writer is known. For snapshot isolation a transaction is
//! two steps, its reads and its writes, and two that write one key are never open at once.

use std::collections::HashSet;

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
    /// Who waits for each transaction.
    waiters: Vec<Vec<u32>>,
    waits_for: Vec<u32>,
    /// For each version, how many transactions that have not begun read it.
    pending: Vec<u32>,
    /// For each key, the version that a read would see now.
    current: Vec<u32>,
    /// For each key, whether an open transaction will write it.
    locked: Vec<bool>,
    /// For each chain, how many steps were taken: two a transaction with snapshots, else one.
    front: Vec<u32>,
    left: usize,
    done: Vec<(u32, Step)>,
    /// What `current` was before each write that was taken.
    overwritten: Vec<u32>,
}

/// A state on the way: how many steps led to it, and which chain is to be tried next.
struct Frame {
    steps: usize,
    next: u32,
}

impl<'a> Schedule<'a> {
    pub(super) fn new(base: &'a Base<'a>, inferred: &Inferred<'_>, snapshots: bool) -> Self {
        let count = base.history.len();
        let mut waiters = vec![Vec::new(); count];
        let mut waits_for = vec![0; count];
        for (from, to, label) in inferred.edges() {
            // What was inferred orders commits. A snapshot can be older than that, so only visibility makes a beginning wait.
            if !snapshots || matches!(label, Label::Process | Label::WriteRead) {
                waiters[from as usize].push(to);
                waits_for[to as usize] += 1;
            }
        }
        let mut pending = vec![0; base.versions.count() as usize];
        for access in &base.versions.accesses {
            if let (Some(read), Some(_)) = (access.read, base.places[access.transaction as usize]) {
                pending[read as usize] += 1;
            }
        }
        Self {
            base,
            snapshots,
            waiters,
            waits_for,
            pending,
            current: base.history.numbers_of_keys().map(|key| base.versions.of_key(key).start).collect(),
            locked: vec![false; base.history.key_count()],
            front: vec![0; base.chains.len()],
            left: base.transactions(),
            done: Vec::new(),
            overwritten: Vec::new(),
        }
    }

    /// Goes through the states, at most so many and until it is interrupted; also tells how many were visited.
    pub(super) fn search(mut self, states_max: usize, interrupt: &Interrupt) -> (Searched, usize) {
        let mut seen: HashSet<Box<[u32]>> = HashSet::new();
        self.take_harmless();
        seen.insert(self.front.clone().into());
        let mut path = vec![Frame { steps: self.done.len(), next: 0 }];
        while let Some(frame) = path.last_mut() {
            if self.left == 0 {
                return (Searched::Found, seen.len());
            }
            let (steps, chain) = (frame.steps, frame.next);
            frame.next += 1;
            while self.done.len() > steps {
                self.undo();
            }
            if chain as usize == self.base.chains.len() {
                path.pop();
                continue;
            }
            let Some((number, step)) = self.next_of(chain) else { continue };
            if !self.allowed(number, step) {
                continue;
            }
            self.take(number, step);
            self.take_harmless();
            if seen.contains(self.front.as_slice()) {
                continue;
            }
            if seen.len() >= states_max || interrupt.is_raised() {
                return (Searched::GaveUp, seen.len());
            }
            seen.insert(self.front.clone().into());
            path.push(Frame { steps: self.done.len(), next: 0 });
        }
        (Searched::None, seen.len())
    }

    /// Takes all steps that no other step can be the worse for: those after which nobody waits to read a version that was written.
    /// (What comes later in an order that begins with the same steps could as well have been taken at once.)
    fn take_harmless(&mut self) {
        let mut chain = 0;
        let mut idle = 0;
        while idle < self.base.chains.len() {
            match self.next_of(chain) {
                Some((number, step)) if self.is_harmless(number, step) && self.allowed(number, step) => {
                    self.take(number, step);
                    idle = 0;
                }
                _ => {
                    idle += 1;
                    chain = (chain + 1) % self.base.chains.len() as u32;
                }
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

    fn next_of(&self, chain: u32) -> Option<(u32, Step)> {
        let members = &self.base.chains[chain as usize];
        let at = self.front[chain as usize] as usize;
        if !self.snapshots {
            return members.get(at).map(|&number| (number, Step::Begin));
        }
        let step = if at.is_multiple_of(2) { Step::Begin } else { Step::Commit };
        members.get(at / 2).map(|&number| (number, step))
    }

    fn allowed(&self, number: u32, step: Step) -> bool {
        let accesses = self.base.versions.of_transaction(number);
        let begins = matches!(step, Step::Begin);
        let commits = !begins || !self.snapshots;
        if begins && self.waits_for[number as usize] > 0 {
            return false;
        }
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
        let (chain, _) = self.base.places[number as usize].expect("a member of a chain");
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
        if commits {
            for &waiter in &self.waiters[number as usize] {
                self.waits_for[waiter as usize] -= 1;
            }
            self.left -= 1;
        }
        self.front[chain as usize] += 1;
        self.done.push((number, step));
    }

    fn undo(&mut self) {
        let (number, step) = self.done.pop().expect("a step was taken");
        let (chain, _) = self.base.places[number as usize].expect("a member of a chain");
        let begins = matches!(step, Step::Begin);
        let commits = !begins || !self.snapshots;
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
        if commits {
            for &waiter in &self.waiters[number as usize] {
                self.waits_for[waiter as usize] += 1;
            }
            self.left += 1;
        }
        self.front[chain as usize] -= 1;
    }
}
