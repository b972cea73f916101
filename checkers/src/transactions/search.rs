//! Looks for the circles that a consistency level forbids, the worst kind first, and for the shortest of each kind.
//!
//! Whether there is a circle of a kind is read off strongly connected components, of the graph itself or of its product with "was
//! the last step a missed write"; so it is exact and linear. Only G-single needs a search from many starts, and has a budget.

use std::collections::VecDeque;

use super::anomaly::{Anomalies, Anomaly};
use super::components::{Directed, Filtered, components};
use super::graph::{Graph, Label, Labels};
use super::level::Levels;
use crate::interrupt::Interrupt;

/// A closed walk: each step leads from its first to its second transaction, and the last one back to the start.
pub(super) type Cycle = Vec<(u32, Label, u32)>;

/// A kind of circle that was found.
#[derive(Debug)]
pub(super) struct FoundCycle {
    pub(super) anomaly: Anomaly,
    /// In how many separate parts of the graph.
    pub(super) count: u64,
    pub(super) cycle: Cycle,
}

/// What is looked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// The anomalies that matter.
    pub(super) anomalies: Anomalies,
    /// Those asked for by name: they are looked for even if they would rule out no further level.
    pub(super) explicit: Anomalies,
    /// What was found without any search.
    pub(super) found: Anomalies,
    /// How many edges may be followed in one search for G-single.
    pub(super) budget: u64,
    /// Raised when there is no more time.
    pub(super) interrupt: &'a Interrupt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    G0,
    G1c,
    Single,
    Nonadjacent,
    G2,
}

impl Class {
    const ALL: [Self; 5] = [Self::G0, Self::G1c, Self::Single, Self::Nonadjacent, Self::G2];

    fn data(self) -> &'static [Label] {
        match self {
            Self::G0 => &[Label::WriteWrite],
            Self::G1c => &[Label::WriteWrite, Label::WriteRead],
            _ => &[Label::WriteWrite, Label::WriteRead, Label::ReadWrite],
        }
    }
}

use Anomaly as A;

/// The anomalies by variant and class.
const CYCLES: [[Anomaly; 5]; 3] = [
    [A::G0, A::G1c, A::GSingleItem, A::GNonadjacentItem, A::G2Item],
    [A::G0Process, A::G1cProcess, A::GSingleItemProcess, A::GNonadjacentItemProcess, A::G2ItemProcess],
    [A::G0Realtime, A::G1cRealtime, A::GSingleItemRealtime, A::GNonadjacentItemRealtime, A::G2ItemRealtime],
];

/// Whether any of these anomalies needs session order, and whether any needs real time.
pub(super) fn needs_orders(anomalies: Anomalies) -> (bool, bool) {
    let any = |variant: usize| CYCLES[variant].iter().any(|&anomaly| anomalies.has(anomaly));
    (any(1), any(2))
}

/// The kind of a circle; none where it holds no data dependency.
pub(super) fn classify(cycle: &[(u32, Label, u32)]) -> Option<Anomaly> {
    let count = |label| cycle.iter().filter(|step| step.1 == label).count();
    let adjacent = (0..cycle.len()).any(|at| {
        let next = cycle[(at + 1) % cycle.len()].1;
        cycle.len() > 1 && cycle[at].1 == Label::ReadWrite && next == Label::ReadWrite
    });
    let class = match (count(Label::ReadWrite), count(Label::WriteRead), count(Label::WriteWrite)) {
        (1, ..) => Class::Single,
        (2.., ..) if adjacent => Class::G2,
        (2.., ..) => Class::Nonadjacent,
        (0, 1.., _) => Class::G1c,
        (0, 0, 1..) => Class::G0,
        (0, 0, 0) => return None,
    };
    let variant = match (count(Label::Realtime), count(Label::Process)) {
        (1.., _) => 2,
        (0, 1..) => 1,
        (0, 0) => 0,
    };
    Some(CYCLES[variant][class as usize])
}

/// Finds a shortest circle of each wanted kind that does not follow from another that was found. Also tells which kinds were
/// given up.
pub(super) fn find_cycles(graph: &Graph, wanted: &Wanted<'_>) -> (Vec<FoundCycle>, Vec<Anomaly>) {
    let (process, realtime) = needs_orders(wanted.anomalies);
    let mut labels = Labels::of(Class::G2.data());
    for (needed, label) in [(process, Label::Process), (realtime, Label::Realtime)] {
        if needed {
            labels = labels.with(label);
        }
    }
    let cyclic = components(&Filtered { graph, labels });
    let mut nodes: Vec<u32> = cyclic.into_iter().flatten().collect();
    if nodes.is_empty() {
        return (Vec::new(), Vec::new());
    }
    nodes.sort_unstable();
    let part = graph.part(&nodes);
    let mut searcher = Searcher::new(&part, wanted.interrupt);
    let (mut found, mut gave_up) = (wanted.found, Vec::new());
    let mut cycles: Vec<FoundCycle> = Vec::new();
    for (variant, anomalies) in CYCLES.into_iter().enumerate() {
        for (class, anomaly) in Class::ALL.into_iter().zip(anomalies) {
            let one = Anomalies::from_iter([anomaly]);
            let tells_more = variant == 0
                || wanted.explicit.has(anomaly)
                || !Levels::ruled_out(one).within(Levels::ruled_out(found));
            let implied = cycles.iter().map(|cycle| cycle.anomaly).collect::<Anomalies>().implied();
            if !wanted.anomalies.has(anomaly) || implied.has(anomaly) || !tells_more {
                continue;
            }
            if wanted.interrupt.is_raised() {
                gave_up.push(anomaly);
                continue;
            }
            let order: &[Label] = [&[][..], &[Label::Process], &[Label::Process, Label::Realtime]][variant];
            match searcher.search(class, order, wanted.budget) {
                Answer::None => {}
                Answer::GaveUp => gave_up.push(anomaly),
                Answer::Found(cycle, count) => {
                    let cycle: Cycle =
                        cycle.into_iter().map(|(a, label, b)| (nodes[a as usize], label, nodes[b as usize])).collect();
                    let Some(anomaly) = classify(&cycle) else { continue };
                    found.insert(anomaly);
                    cycles.push(FoundCycle { anomaly, count, cycle });
                }
            }
        }
    }
    (cycles, gave_up)
}

enum Answer {
    None,
    GaveUp,
    Found(Cycle, u64),
}

/// The product of the graph with "the last step was a missed write": a walk in it never misses two writes in a row.
struct Product<'a> {
    graph: &'a Graph,
    labels: Labels,
    /// Whether two missed writes in a row are ruled out; else the second half of the product is never entered.
    apart: bool,
}

impl Product<'_> {
    /// Where an edge leads from a state, and what it counts: a state is twice the node, plus one after a missed write.
    fn step(&self, state: u32, edge: usize) -> Option<(u32, Label)> {
        let edge = self.graph.edges(state / 2)[edge];
        let label = edge.label();
        let missed = match label {
            _ if !self.labels.has(label) => return None,
            Label::ReadWrite if self.apart && state % 2 == 1 => return None,
            Label::ReadWrite => u32::from(self.apart),
            Label::Through => state % 2,
            _ => 0,
        };
        Some((edge.target() * 2 + missed, label))
    }
}

impl Directed for Product<'_> {
    fn nodes(&self) -> u32 {
        self.graph.nodes() * 2
    }

    fn degree(&self, state: u32) -> usize {
        self.graph.edges(state / 2).len()
    }

    fn target(&self, state: u32, edge: usize) -> Option<u32> {
        self.step(state, edge).map(|(target, _)| target)
    }
}

/// How many edges may be followed in order to make a circle shorter, once there is one.
const POLISH: u64 = 2_000_000;

/// A walk looks for an interrupt whenever it has followed two to this power edges more.
const LOOK_EVERY: u32 = 12;

struct Searcher<'a> {
    graph: &'a Graph,
    interrupt: &'a Interrupt,
    /// For each state, the last walk that saw it, and the length of its way there.
    seen: Vec<(u32, u32)>,
    came_from: Vec<(u32, Label)>,
    walk: u32,
    followed: u64,
}

impl<'a> Searcher<'a> {
    fn new(graph: &'a Graph, interrupt: &'a Interrupt) -> Self {
        let states = graph.nodes() as usize * 2;
        let (seen, came_from) = (vec![(0, 0); states], vec![(0, Label::Through); states]);
        Self { graph, interrupt, seen, came_from, walk: 0, followed: 0 }
    }

    fn search(&mut self, class: Class, order: &[Label], budget: u64) -> Answer {
        let labels = order.iter().fold(Labels::of(class.data()), |labels, &label| labels.with(label));
        let apart = matches!(class, Class::Single | Class::Nonadjacent);
        let graph = self.graph;
        let product = Product { graph, labels, apart };
        let starting = match class {
            Class::G0 => Label::WriteWrite,
            Class::G1c => Label::WriteRead,
            _ => Label::ReadWrite,
        };
        // The way back of a G-single misses no write.
        let back = match class {
            Class::Single => {
                let labels = order.iter().fold(Labels::of(Class::G1c.data()), |labels, &label| labels.with(label));
                Product { graph, labels, apart }
            }
            _ => Product { graph, labels, apart },
        };
        let parts = components(&product);
        let mut member = vec![u32::MAX; product.nodes() as usize];
        for (number, part) in (0..).zip(&parts) {
            for &state in part {
                member[state as usize] = number;
            }
        }
        let (mut best, mut count, mut gave_up) = (None::<Cycle>, 0, false);
        self.followed = 0;
        for part in &parts {
            let mut here = false;
            'part: for &state in part {
                for edge in 0..product.degree(state) {
                    let Some((next, label)) = product.step(state, edge) else { continue };
                    if label != starting || member[next as usize] != member[state as usize] || state % 2 == 1 {
                        continue;
                    }
                    if self.followed > if best.is_some() { POLISH } else { budget } {
                        gave_up |= !here;
                        break 'part;
                    }
                    let limit = best.as_ref().map_or(usize::MAX, Vec::len);
                    let shortest = if here { limit } else { usize::MAX };
                    if let Some(cycle) = self.close(&back, state, next, label, shortest) {
                        here = true;
                        if cycle.len() < limit {
                            best = Some(cycle);
                        }
                        if best.as_ref().is_some_and(|best| best.len() == 2) {
                            break 'part;
                        }
                    } else if self.interrupt.is_raised() {
                        // The walk may have ended before its time.
                        gave_up |= !here;
                        break 'part;
                    }
                }
            }
            count += u64::from(here);
        }
        match best {
            Some(cycle) => Answer::Found(cycle, count),
            None if gave_up => Answer::GaveUp,
            None => Answer::None,
        }
    }

    /// The shortest circle, of less than `limit` steps, that begins with an edge: a breadth-first walk from its end back to its
    /// start. Edges out of relays are no steps. None also where there is no more time.
    fn close(&mut self, product: &Product<'_>, start: u32, next: u32, first: Label, limit: usize) -> Option<Cycle> {
        self.walk += 1;
        self.seen[next as usize] = (self.walk, 1);
        let mut open = VecDeque::from([(next, 1)]);
        let mut looked = self.followed >> LOOK_EVERY;
        while let Some((state, length)) = open.pop_front() {
            if state == start {
                return Some(self.trace(start, next, first));
            }
            if length as usize >= limit || (self.followed >> LOOK_EVERY != looked && self.interrupt.is_raised()) {
                return None;
            }
            looked = self.followed >> LOOK_EVERY;
            if self.seen[state as usize].1 < length {
                continue;
            }
            for edge in 0..product.degree(state) {
                self.followed += 1;
                let Some((target, label)) = product.step(state, edge) else { continue };
                let through = label == Label::Through;
                let further = length + u32::from(!through);
                let (walk, known) = self.seen[target as usize];
                if walk == self.walk && known <= further {
                    continue;
                }
                self.seen[target as usize] = (self.walk, further);
                self.came_from[target as usize] = (state, label);
                if through {
                    open.push_front((target, further));
                } else {
                    open.push_back((target, further));
                }
            }
        }
        None
    }

    /// The steps of a walk that was just found, with relays left out.
    fn trace(&self, start: u32, next: u32, first: Label) -> Cycle {
        let (mut cycle, mut state) = (Vec::new(), start);
        let mut target = start / 2;
        let mut step = |from: u32, label: Label| {
            // The label of a way through a relay is that of the edge into it.
            if label != Label::Through && !self.graph.is_relay(from) {
                cycle.push((from, label, target));
                target = from;
            }
        };
        while state != next {
            let (from, label) = self.came_from[state as usize];
            step(from / 2, label);
            state = from;
        }
        step(start / 2, first);
        cycle.reverse();
        cycle
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transactions::graph::GraphBuilder;

    /// One large circle with two missed writes far apart: no walk from one of them comes back without the other.
    #[test]
    fn a_walk_that_is_stopped_has_not_shown_that_there_is_no_circle() {
        const NODES: u32 = 20_000;
        let mut builder = GraphBuilder::new(NODES);
        for node in 0..NODES {
            let label = if node % (NODES / 2) == 0 { Label::ReadWrite } else { Label::WriteWrite };
            builder.edge(node, (node + 1) % NODES, label);
        }
        let graph = builder.finish();
        let interrupt = Interrupt::default();
        let search = |class| Searcher::new(&graph, &interrupt).search(class, &[], u64::MAX);
        assert!(matches!(search(Class::Single), Answer::None));
        assert!(matches!(search(Class::Nonadjacent), Answer::Found(..)));
        interrupt.raise();
        assert!(matches!(search(Class::Single), Answer::GaveUp));
        assert!(matches!(search(Class::Nonadjacent), Answer::GaveUp));
    }
}
