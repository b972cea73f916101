//! An order of snapshots and commits, found without ever turning back.
//!
//! A transaction is two steps: it takes its snapshot, and later commits. Whoever overwrote, read or came after another took its
//! snapshot after the other's commit; whoever missed a write took it before that commit. Of two that appended to one key, where
//! nobody read what they appended, either committed before the other took its snapshot. An order of all steps that keeps this is one
//! of snapshot isolation (Adya, MIT 1999, section 4.3). Steps are taken as soon as they can be, in the order of time. Where that
//! comes to an end too early nothing is known: another order may exist.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

use super::versions::Versions;
use crate::transactions::graph::{Graph, Label};

/// Whether such an order was found.
pub(super) fn finds_order(versions: &Versions<'_>, graph: &Graph) -> bool {
    Greedy::new(versions, graph).run()
}

/// The keys whose last appends nobody read, of each transaction that made one of several: `(transaction, key)`, sorted.
fn open_appends(versions: &Versions<'_>) -> Vec<(u32, u32)> {
    let mut open = Vec::new();
    for key in versions.history.numbers_of_keys() {
        let mut writers: Vec<u32> = versions.unobserved(key as usize).map(|append| append.transaction).collect();
        writers.sort_unstable();
        writers.dedup();
        if writers.len() > 1 {
            open.extend(writers.into_iter().map(|writer| (writer, key)));
        }
    }
    open.sort_unstable();
    open
}

/// Twice a node is its snapshot, and one more its commit. Of a relay they are what is passed on to snapshots, and to commits.
struct Greedy<'a> {
    graph: &'a Graph,
    open: Vec<(u32, u32)>,
    /// By key, who is between its snapshot and its commit; and whose snapshots wait for that.
    holders: Vec<Option<u32>>,
    waiting: Vec<Vec<u32>>,
    /// For each step, how many others it waits for.
    waits_for: Vec<u32>,
    /// The steps that can be taken, with their ranks.
    ready: BinaryHeap<Reverse<(u64, u32)>>,
    /// Snapshots that could be taken by whoever could not commit at once.
    put_off: BTreeSet<(u64, u32)>,
    ranks: Vec<u64>,
}

impl<'a> Greedy<'a> {
    fn new(versions: &Versions<'_>, graph: &'a Graph) -> Self {
        let history = versions.history;
        let steps = graph.nodes() as usize * 2;
        let rank = |number: u32| history.transaction(number).completed.unwrap_or(u64::MAX);
        let mut greedy = Self {
            graph,
            open: open_appends(versions),
            holders: vec![None; history.key_count()],
            waiting: vec![Vec::new(); history.key_count()],
            waits_for: vec![0; steps],
            ready: BinaryHeap::new(),
            put_off: BTreeSet::new(),
            ranks: history.numbers().map(rank).collect(),
        };
        for node in 0..graph.nodes() {
            for step in [2 * node, 2 * node + 1] {
                greedy.each_after(step, |waits_for, next| waits_for[next as usize] += 1);
            }
        }
        for step in (0..2 * graph.nodes()).filter(|&step| greedy.waits_for[step as usize] == 0).collect::<Vec<_>>() {
            greedy.make_ready(step);
        }
        greedy
    }

    fn run(mut self) -> bool {
        let mut left = self.waits_for.len();
        loop {
            let Some((step, must)) = self.next() else { return left == 0 };
            if !self.may_be_taken(step, must) {
                continue;
            }
            left -= 1;
            let mut fewer = Vec::new();
            self.each_after(step, |waits_for, next| {
                waits_for[next as usize] -= 1;
                fewer.push((next, waits_for[next as usize]));
            });
            for (next, waits_for) in fewer {
                match waits_for {
                    0 => self.make_ready(next),
                    1 if next % 2 == 1 => self.could_commit(next),
                    _ => {}
                }
            }
            if step % 2 == 1 {
                self.release(step / 2);
            }
        }
    }

    /// The next step, and whether it must be taken for want of another.
    fn next(&mut self) -> Option<(u32, bool)> {
        let ready = self.ready.pop().map(|Reverse((_, step))| (step, false));
        ready.or_else(|| self.put_off.pop_first().map(|(_, step)| (step, true)))
    }

    /// A snapshot that was put off is due where the commit waits for nothing else.
    fn could_commit(&mut self, commit: u32) {
        let snapshot = commit - 1;
        let rank = self.ranks.get(snapshot as usize / 2).copied().unwrap_or_default();
        if self.put_off.remove(&(rank, snapshot)) {
            self.make_ready(snapshot);
        }
    }

    fn make_ready(&mut self, step: u32) {
        // Relays are passed at once, and who has begun commits as soon as it can.
        let rank = match self.ranks.get(step as usize / 2) {
            Some(&rank) if step.is_multiple_of(2) => rank,
            _ => 0,
        };
        self.ready.push(Reverse((rank, step)));
    }

    fn keys(&self, node: u32) -> std::ops::Range<usize> {
        self.open.partition_point(|open| open.0 < node)..self.open.partition_point(|open| open.0 <= node)
    }

    /// Whether none of the keys is held; then it holds them. Else the step waits for one of them. Who could not commit at once holds
    /// keys only if it must.
    fn may_be_taken(&mut self, step: u32, must: bool) -> bool {
        let (node, keys) = (step / 2, self.keys(step / 2));
        if !step.is_multiple_of(2) || keys.is_empty() {
            return true;
        }
        if !must && self.waits_for[step as usize + 1] > 1 {
            self.put_off.insert((self.ranks[node as usize], step));
            return false;
        }
        let held = self.open[keys.clone()].iter().find(|open| self.holders[open.1 as usize].is_some());
        if let Some(&(_, key)) = held {
            self.waiting[key as usize].push(step);
            return false;
        }
        for at in keys {
            self.holders[self.open[at].1 as usize] = Some(node);
        }
        true
    }

    fn release(&mut self, node: u32) {
        for at in self.keys(node) {
            let key = self.open[at].1 as usize;
            self.holders[key] = None;
            let waiting = std::mem::take(&mut self.waiting[key]);
            waiting.into_iter().for_each(|step| self.make_ready(step));
        }
    }

    /// Visits the steps that come after one.
    fn each_after(&mut self, step: u32, mut visit: impl FnMut(&mut [u32], u32)) {
        let (node, half) = (step / 2, step % 2);
        let is_relay = self.graph.is_relay(node);
        if !is_relay && half == 0 {
            visit(&mut self.waits_for, step + 1);
        }
        for edge in self.graph.edges(node) {
            let target = 2 * edge.target();
            match edge.label() {
                Label::Through => visit(&mut self.waits_for, target + half),
                Label::ReadWrite if half == 0 => visit(&mut self.waits_for, target + 1),
                Label::ReadWrite => {}
                _ if half == 1 => visit(&mut self.waits_for, target),
                _ => {}
            }
        }
    }
}
