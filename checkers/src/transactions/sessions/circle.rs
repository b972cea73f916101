//! The order that is inferred, and a shortest circle in it.

use std::collections::VecDeque;

use super::base::{Base, INITIAL};
use crate::transactions::components::{Filtered, components};
use crate::transactions::graph::{Graph, GraphBuilder, Label, Labels};
use crate::transactions::verdict::{Because, Dependency};

/// An edge that follows from a read and from what was visible to the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Forced {
    pub(super) from: u32,
    pub(super) to: u32,
    pub(super) key: u32,
    /// Who read; the same as `from` where it missed what `to` wrote.
    pub(super) reader: u32,
}

/// Sessions, reads, and what is forced by them.
#[derive(Debug)]
pub(super) struct Inferred<'a> {
    base: &'a Base<'a>,
    pub(super) forced: Vec<Forced>,
}

const ANY: Labels = Labels::of(&[Label::Process, Label::WriteRead, Label::WriteWrite, Label::ReadWrite]);

impl<'a> Inferred<'a> {
    pub(super) fn sessions_and_reads(base: &'a Base<'a>) -> Self {
        Self { base, forced: Vec::new() }
    }

    /// Takes further edges in; tells whether any was new.
    pub(super) fn extend(&mut self, mut more: Vec<Forced>) -> bool {
        more.sort_unstable();
        more.dedup_by_key(|forced| (forced.from, forced.to));
        let before = self.forced.len();
        let known = |forced: &Forced| {
            let at = self.forced.partition_point(|other| (other.from, other.to) < (forced.from, forced.to));
            self.forced.get(at).is_some_and(|other| (other.from, other.to) == (forced.from, forced.to))
        };
        more.retain(|forced| !known(forced));
        self.forced.append(&mut more);
        self.forced.sort_unstable();
        self.forced.len() > before
    }

    /// All edges, each from what comes before to what comes after.
    pub(super) fn edges(&self) -> impl Iterator<Item = (u32, u32, Label)> {
        let base = self.base;
        let sessions =
            base.chains.iter().flat_map(|chain| chain.windows(2)).map(|pair| (pair[0], pair[1], Label::Process));
        let reads = base.all().flat_map(move |reader| {
            let from = base.reads(reader).iter().map(|read| read.writer).filter(|&writer| writer != INITIAL);
            from.map(move |writer| (writer, reader, Label::WriteRead))
        });
        let forced = self.forced.iter().map(|forced| {
            let label = if forced.reader == forced.from { Label::ReadWrite } else { Label::WriteWrite };
            (forced.from, forced.to, label)
        });
        sessions.chain(reads).chain(forced)
    }

    fn graph(&self) -> Graph {
        let mut builder = GraphBuilder::new(self.base.history.numbers().end);
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

    fn because(&self, from: u32, to: u32, label: Label) -> Because {
        let versions = self.base.versions;
        match label {
            Label::Process => Because::Session,
            Label::WriteRead => {
                let reads = self.base.reads(to);
                let read = reads.iter().find(|read| read.writer == from).expect("the edge came from a read");
                Because::Read { key: read.key, value: versions.value(read.version).expect("it was written") }
            }
            _ => {
                let at = self.forced.partition_point(|other| (other.from, other.to) < (from, to));
                let forced = self.forced[at];
                let value = |number| {
                    let version = self.base.written(number, forced.key).expect("a writer of the key");
                    versions.value(version).expect("it was written")
                };
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

/// From how many nodes a shortest circle is searched.
const STARTS: u32 = 64;

/// A short circle in a graph where each node reaches each.
fn shortest_circle(graph: &Graph) -> Vec<(u32, Label, u32)> {
    let mut best: Option<Vec<(u32, Label, u32)>> = None;
    for start in 0..graph.nodes().min(STARTS) {
        let mut came_from: Vec<Option<(u32, Label)>> = vec![None; graph.nodes() as usize];
        let mut open = VecDeque::from([start]);
        'walk: while let Some(node) = open.pop_front() {
            for edge in graph.edges(node) {
                let target = edge.target();
                if came_from[target as usize].is_some() {
                    continue;
                }
                came_from[target as usize] = Some((node, edge.label()));
                if target == start {
                    break 'walk;
                }
                open.push_back(target);
            }
        }
        let (mut circle, mut node) = (Vec::new(), start);
        loop {
            let (from, label) = came_from[node as usize].expect("each node reaches each");
            circle.push((from, label, node));
            node = from;
            if node == start {
                break;
            }
        }
        circle.reverse();
        if best.as_ref().is_none_or(|best| circle.len() < best.len()) {
            best = Some(circle);
        }
    }
    best.expect("there is a node")
}
