//! The order that is inferred, and a shortest circle in it.

use std::collections::{HashSet, VecDeque};

use dsjepsen_history::Index;

use super::base::{Base, INITIAL, Older, Respect};
use crate::interrupt::Interrupt;
use crate::transactions::components::{Filtered, components};
use crate::transactions::graph::{Graph, GraphBuilder, Label, Labels};
use crate::transactions::history::TransactionHistory;
use crate::transactions::verdict::{Because, Dependency};

/// An edge that follows from a read and from what was visible to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Forced {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) key: u32,
    /// Who read; the same as `from` where it missed what `to` wrote, and [`NOBODY`] where the order of the two is known beforehand.
    pub(super) reader: u32,
}

/// No reader: that one write is older than another was known beforehand.
const NOBODY: u32 = u32::MAX;

impl Forced {
    fn label(&self) -> Label {
        match self.reader {
            NOBODY => Label::Older,
            reader if reader == self.from => Label::ReadWrite,
            _ => Label::WriteWrite,
        }
    }
}

/// A forced edge, and in which round it was taken in: it follows from those of earlier rounds.
type Taken = (Forced, u32);

/// Sessions, reads, and what is forced by them.
#[derive(Debug)]
pub(super) struct Inferred<'a> {
    base: &'a Base<'a>,
    /// In order, each pair of transactions once.
    forced: Vec<Taken>,
    rounds: u32,
}

const ANY: Labels =
    Labels::of(&[Label::Process, Label::Realtime, Label::WriteRead, Label::WriteWrite, Label::ReadWrite, Label::Older]);

impl<'a> Inferred<'a> {
    pub(super) fn sessions_and_reads(base: &'a Base<'a>) -> Self {
        Self { base, forced: Vec::new(), rounds: 0 }
    }

    /// Takes in what is known beforehand of the order in which transactions wrote.
    pub(super) fn take_known(&mut self, known: &[Older]) {
        let forced = |&Older { key, before, after }: &Older| Forced { from: before, to: after, key, reader: NOBODY };
        self.extend(known.iter().map(forced).collect());
    }

    pub(super) fn history(&self) -> &'a TransactionHistory {
        self.base.history
    }

    /// Takes further edges in; tells whether any was new.
    pub(super) fn extend(&mut self, mut more: Vec<Forced>) -> bool {
        more.sort_unstable();
        more.dedup_by_key(|forced| (forced.from, forced.to));
        more.retain(|forced| self.position(forced.from, forced.to).is_none());
        self.rounds += 1;
        let is_new = !more.is_empty();
        self.forced.extend(more.into_iter().map(|forced| (forced, self.rounds)));
        self.forced.sort_unstable();
        is_new
    }

    fn position(&self, from: u32, to: u32) -> Option<usize> {
        self.forced.binary_search_by_key(&(from, to), |(forced, _)| (forced.from, forced.to)).ok()
    }

    /// All edges, each from what comes before to what comes after; those of real time through relays.
    pub(super) fn edges(&self) -> impl Iterator<Item = (u32, u32, Label)> {
        let base = self.base;
        let reads = base.all().flat_map(move |reader| {
            let from = base.reads(reader).iter().map(|read| read.writer).filter(|&writer| writer != INITIAL);
            from.map(move |writer| (writer, reader, Label::WriteRead))
        });
        let forced = self.forced.iter().map(|(forced, _)| (forced.from, forced.to, forced.label()));
        base.given.iter().copied().chain(reads).chain(forced)
    }

    fn graph(&self) -> Graph {
        let transactions = self.base.history.numbers().end;
        let mut builder = GraphBuilder::new(transactions);
        for _ in transactions..self.base.nodes {
            builder.relay();
        }
        for (from, to, label) in self.edges() {
            builder.edge(from, to, label);
        }
        builder.finish()
    }

    /// A circle, as short as possible in the smallest part of the order that has one.
    pub(super) fn circle(&self) -> Option<Vec<Dependency>> {
        let graph = self.graph();
        let parts = components(&Filtered { graph: &graph, labels: ANY });
        let nodes = parts.first()?;
        let part = graph.part(nodes);
        let steps = shortest_circle(&part);
        let dependency = |(from, label, to): (u32, Label, u32)| {
            let (from, to) = (nodes[from as usize], nodes[to as usize]);
            Dependency { from, to, because: self.because(from, to, label) }
        };
        Some(steps.into_iter().map(dependency).collect())
    }

    /// Who may be to blame for circles in an order that real time says: of each of many circles those whose reads force it, or where
    /// none does, those who were late. Empty where there is no circle.
    pub(super) fn culprits(&self) -> Vec<u32> {
        let graph = self.graph();
        let mut culprits = Vec::new();
        for nodes in components(&Filtered { graph: &graph, labels: ANY }) {
            let part = graph.part(&nodes);
            let starts = (0..part.nodes()).filter(|&node| !part.is_relay(node)).take(STARTS);
            for circle in starts.map(|start| circle_through(&part, start)) {
                let reader = |&(from, _, to): &(u32, Label, u32)| {
                    let at = self.position(nodes[from as usize], nodes[to as usize])?;
                    Some(self.forced[at].0.reader).filter(|&reader| reader != NOBODY)
                };
                let late = |&(_, label, to): &(u32, Label, u32)| {
                    matches!(label, Label::Process | Label::Realtime).then(|| nodes[to as usize])
                };
                let before = culprits.len();
                culprits.extend(circle.iter().filter_map(reader));
                if culprits.len() == before {
                    culprits.extend(circle.iter().filter_map(late));
                }
            }
        }
        culprits.sort_unstable();
        culprits.dedup();
        culprits
    }

    /// What the edges of a circle follow from, earliest first: with the circle it shows by itself that there is no order. Where
    /// there is no time for all of it, the rest is missing.
    pub(super) fn premises(&self, circle: &[Dependency], interrupt: &Interrupt) -> Vec<Dependency> {
        let paths = Paths::of(self);
        let mut known: HashSet<(u32, u32)> = circle.iter().map(|step| (step.from, step.to)).collect();
        let mut open: Vec<(u32, u32)> = circle.iter().map(|step| (step.from, step.to)).collect();
        let mut premises: Vec<(u32, u32, u32, Label)> = Vec::new();
        while let Some((from, to)) = open.pop().filter(|_| !interrupt.is_raised()) {
            let Some(at) = self.position(from, to) else { continue };
            for (from, to, label) in self.reason(&paths, self.forced[at]) {
                if known.insert((from, to)) {
                    open.push((from, to));
                    premises.push((self.position(from, to).map_or(0, |at| self.forced[at].1), from, to, label));
                }
            }
        }
        premises.sort_unstable_by_key(|&(round, from, to, _)| (round, from, to));
        let dependency = |(_, from, to, label)| Dependency { from, to, because: self.because(from, to, label) };
        premises.into_iter().map(dependency).collect()
    }

    /// The edges that a forced one follows from: how what was visible came to the reader, or how what was missed followed what was
    /// read.
    fn reason(&self, paths: &Paths<'_>, (forced, round): Taken) -> Vec<(u32, u32, Label)> {
        let Forced { from, to, key, reader } = forced;
        if reader == NOBODY {
            return Vec::new();
        }
        if reader != from {
            return paths.between(from, reader, round).unwrap_or_default();
        }
        let mut writers = self.base.reads(reader).iter().filter(|read| read.key == key).map(|read| read.writer);
        let path = writers.find_map(|writer| match writer {
            // Of the initial version nothing must be known, but that the weak levels ask for what was visible.
            INITIAL => paths.between(to, reader, round),
            writer => Some([paths.between(writer, to, round)?, vec![(writer, reader, Label::WriteRead)]].concat()),
        });
        path.unwrap_or_default()
    }

    fn because(&self, from: u32, to: u32, label: Label) -> Because {
        let versions = self.base.versions;
        match label {
            Label::Process => Because::Session,
            Label::Realtime => Because::RealTime,
            Label::WriteRead => {
                let reads = self.base.reads(to);
                let read = reads.iter().find(|read| read.writer == from).expect("the edge came from a read");
                Because::Read { key: read.key, value: versions.value(read.version).expect("it was written") }
            }
            _ => {
                let (forced, _) = self.forced[self.position(from, to).expect("the edge was forced")];
                let value = |number| {
                    let version = self.base.written(number, forced.key).expect("a writer of the key");
                    versions.value(version).expect("it was written")
                };
                if forced.reader == NOBODY {
                    return Because::Overwrote { key: forced.key, before: value(from), after: value(to) };
                }
                if forced.reader == from {
                    let of_key = self.base.reads(from).iter().filter(|read| read.key == forced.key);
                    let read = of_key.min_by_key(|read| read.writer != INITIAL);
                    let read = read.and_then(|read| versions.value(read.version));
                    Because::Missed { key: forced.key, read, written: value(to) }
                } else {
                    Because::Visible { key: forced.key, before: value(from), after: value(to), reader: forced.reader }
                }
            }
        }
    }
}

/// All edges, to be walked along.
struct Paths<'a> {
    base: &'a Base<'a>,
    /// By transaction: where edges other than those of chains and of real time lead, and the round of each.
    edges: Vec<Vec<(u32, Label, u32)>>,
    /// When each transaction was invoked, earliest first; empty where real time does not count.
    invoked: Vec<(Index, u32)>,
}

impl<'a> Paths<'a> {
    fn of(inferred: &Inferred<'a>) -> Self {
        let base = inferred.base;
        let mut edges = vec![Vec::new(); base.history.len()];
        // Chains that are sessions are walked along by themselves.
        let stored =
            |label| label == Label::WriteRead || (label == Label::Process && base.respect != Respect::Sessions);
        for (from, to, label) in inferred.edges().filter(|edge| stored(edge.2)) {
            edges[from as usize].push((to, label, 0));
        }
        for (forced, round) in &inferred.forced {
            edges[forced.from as usize].push((forced.to, forced.label(), *round));
        }
        let mut invoked: Vec<(Index, u32)> = Vec::new();
        if base.respect == Respect::RealTime {
            invoked.extend(base.all().filter_map(|number| Some((base.times.invoked(number)?, number))));
            invoked.sort_unstable();
        }
        Self { base, edges, invoked }
    }

    /// From where on all are invoked after a transaction completed.
    fn later(&self, number: u32) -> usize {
        let timed = self.base.times.invoked(number).and_then(|_| self.base.history.interval(number));
        timed
            .and_then(|(_, end)| end)
            .map_or(self.invoked.len(), |end| self.invoked.partition_point(|&(invoked, _)| invoked <= end))
    }

    /// A shortest path along edges of earlier rounds. From one transaction of a session to any later one it is a single step, and so
    /// it is in real time.
    fn between(&self, start: u32, end: u32, round: u32) -> Option<Vec<(u32, u32, Label)>> {
        let chains = &self.base.chains;
        let mut came_from: Vec<Option<(u32, Label)>> = vec![None; self.edges.len()];
        // From where on all of each chain is known to be reached.
        let mut reached: Vec<usize> = chains.iter().map(Vec::len).collect();
        let mut reached_in_time = self.invoked.len();
        let mut open = VecDeque::from([start]);
        while let Some(node) = open.pop_front().filter(|_| came_from[end as usize].is_none()) {
            let mut reach = |target: u32, label| {
                if target != start && came_from[target as usize].is_none() {
                    came_from[target as usize] = Some((node, label));
                    open.push_back(target);
                }
            };
            for &(target, label, _) in self.edges[node as usize].iter().filter(|edge| edge.2 < round) {
                reach(target, label);
            }
            let later = self.later(node);
            self.invoked[later.min(reached_in_time)..reached_in_time]
                .iter()
                .for_each(|&(_, next)| reach(next, Label::Realtime));
            reached_in_time = reached_in_time.min(later);
            if let (Respect::Sessions, Some((chain, place))) = (self.base.respect, self.base.places[node as usize]) {
                let (chain, next) = (chain as usize, place as usize + 1);
                let end = reached[chain].max(next);
                chains[chain][next..end].iter().for_each(|&later| reach(later, Label::Process));
                reached[chain] = reached[chain].min(next);
            }
        }
        let (mut path, mut node) = (Vec::new(), end);
        while node != start {
            let (from, label) = came_from[node as usize]?;
            path.push((from, node, label));
            node = from;
        }
        Some(path)
    }
}

/// From how many nodes a shortest circle is searched.
const STARTS: usize = 64;

/// A short circle in a graph where each node reaches each.
fn shortest_circle(graph: &Graph) -> Vec<(u32, Label, u32)> {
    let starts = (0..graph.nodes()).filter(|&node| !graph.is_relay(node)).take(STARTS);
    let circles = starts.map(|start| circle_through(graph, start));
    circles.min_by_key(Vec::len).expect("there is a transaction in every circle")
}

/// A shortest circle through a node. Edges out of relays are no steps.
fn circle_through(graph: &Graph, start: u32) -> Vec<(u32, Label, u32)> {
    let mut ways: Vec<Option<(u32, u32, Label)>> = vec![None; graph.nodes() as usize];
    let mut open = VecDeque::from([(start, 0)]);
    while let Some((node, length)) = open.pop_front() {
        if node == start && length > 0 {
            break;
        }
        if ways[node as usize].is_some_and(|way| way.0 < length) {
            continue;
        }
        for edge in graph.edges(node) {
            let (target, through) = (edge.target(), edge.label() == Label::Through);
            let further = length + u32::from(!through);
            if ways[target as usize].is_some_and(|way| way.0 <= further) {
                continue;
            }
            ways[target as usize] = Some((further, node, edge.label()));
            if through {
                open.push_front((target, further));
            } else {
                open.push_back((target, further));
            }
        }
    }
    let (mut circle, mut node, mut target) = (Vec::new(), start, start);
    loop {
        let (_, from, label) = ways[node as usize].expect("each node reaches each");
        // The label of a way through relays is that of the edge into the first.
        if label != Label::Through {
            circle.push((from, label, target));
            target = from;
        }
        node = from;
        if node == start {
            break;
        }
    }
    circle.reverse();
    circle
}
