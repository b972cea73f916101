//! The graph of dependencies: compressed rows of labelled edges between transactions.
//!
//! Beside transactions it has *relays*: nodes that stand for many edges at once. An edge into a relay carries the label, the
//! edges out of it are [`Label::Through`] and count for nothing. So `a` sources that all precede `b` targets cost `a + b` edges,
//! and real time costs a few edges a transaction.

/// Why one transaction precedes another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub(super) enum Label {
    /// The second overwrote, or appended after, what the first wrote.
    WriteWrite,
    /// The second read what the first wrote.
    WriteRead,
    /// The first read a version that the second overwrote.
    ReadWrite,
    /// The first came before the second in their session.
    Process,
    /// The first had completed before the second was invoked.
    Realtime,
    /// Out of a relay.
    Through,
    /// What the first wrote is known to be older than what the second wrote to the same key.
    Older,
}

impl Label {
    const ALL: [Self; 7] =
        [Self::WriteWrite, Self::WriteRead, Self::ReadWrite, Self::Process, Self::Realtime, Self::Through, Self::Older];
}

/// A set of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Labels(u8);

impl Labels {
    /// These labels, and [`Label::Through`].
    pub(super) const fn of(labels: &[Label]) -> Self {
        let (mut bits, mut at) = (1 << Label::Through as u8, 0);
        while at < labels.len() {
            bits |= 1 << labels[at] as u8;
            at += 1;
        }
        Self(bits)
    }

    pub(super) const fn has(self, label: Label) -> bool {
        self.0 >> label as u8 & 1 == 1
    }

    pub(super) const fn with(self, label: Label) -> Self {
        Self(self.0 | 1 << label as u8)
    }
}

const TARGET_BITS: u32 = 29;

/// An edge as it is stored: its label above its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge(u32);

impl Edge {
    fn new(target: u32, label: Label) -> Self {
        assert!(target < 1 << TARGET_BITS, "the graph has fewer than 2^29 nodes");
        Self((label as u32) << TARGET_BITS | target)
    }

    pub(super) fn target(self) -> u32 {
        self.0 & ((1 << TARGET_BITS) - 1)
    }

    pub(super) fn label(self) -> Label {
        Label::ALL[(self.0 >> TARGET_BITS) as usize]
    }
}

/// A graph in the making.
#[derive(Debug)]
pub(super) struct GraphBuilder {
    transactions: u32,
    nodes: u32,
    edges: Vec<(u32, Edge)>,
}

/// From how many edges on a relay is used in their stead.
const RELAY_FROM: usize = 64;

impl GraphBuilder {
    pub(super) fn new(transactions: u32) -> Self {
        Self { transactions, nodes: transactions, edges: Vec::new() }
    }

    /// Adds a relay.
    pub(super) fn relay(&mut self) -> u32 {
        self.nodes += 1;
        self.nodes - 1
    }

    /// Adds an edge. A transaction never precedes itself: such an edge is left out.
    pub(super) fn edge(&mut self, from: u32, to: u32, label: Label) {
        if from != to {
            self.edges.push((from, Edge::new(to, label)));
        }
    }

    /// Lets every source precede every target but itself. The targets are distinct.
    pub(super) fn all_precede(&mut self, sources: &[(u32, Label)], targets: &[u32]) {
        if sources.len().saturating_mul(targets.len()) <= RELAY_FROM.max(sources.len() + targets.len()) {
            for &(source, label) in sources {
                for &target in targets {
                    self.edge(source, target, label);
                }
            }
            return;
        }
        // Two chains of relays, over all targets up to each and over all from each on, so that a source that is a target too
        // can leave itself out.
        let mut ordered = targets.to_vec();
        ordered.sort_unstable();
        let up_to: Vec<_> = ordered.iter().map(|_| self.relay()).collect();
        let from: Vec<_> = ordered.iter().map(|_| self.relay()).collect();
        for (at, &target) in ordered.iter().enumerate() {
            self.edge(up_to[at], target, Label::Through);
            self.edge(from[at], target, Label::Through);
            if at > 0 {
                self.edge(up_to[at], up_to[at - 1], Label::Through);
                self.edge(from[at - 1], from[at], Label::Through);
            }
        }
        for &(source, label) in sources {
            match ordered.binary_search(&source) {
                Err(_) => self.edge(source, from[0], label),
                Ok(at) => {
                    if at > 0 {
                        self.edge(source, up_to[at - 1], label);
                    }
                    if let Some(&rest) = from.get(at + 1) {
                        self.edge(source, rest, label);
                    }
                }
            }
        }
    }

    /// How many nodes there are, and all edges.
    pub(super) fn into_edges(self) -> (u32, Vec<(u32, u32, Label)>) {
        let edges = self.edges.into_iter().map(|(from, edge)| (from, edge.target(), edge.label()));
        (self.nodes, edges.collect())
    }

    /// The finished graph. Of the data dependencies between two transactions the one that says most is kept.
    pub(super) fn finish(self) -> Graph {
        let Self { transactions, nodes, edges } = self;
        let mut starts = vec![0_u32; nodes as usize + 1];
        for &(from, _) in &edges {
            starts[from as usize + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        let mut next = starts.clone();
        let mut sorted = vec![Edge(0); edges.len()];
        for (from, edge) in edges {
            let place = &mut next[from as usize];
            sorted[*place as usize] = edge;
            *place += 1;
        }
        let mut graph = Graph { transactions, starts, edges: sorted };
        graph.drop_parallel();
        graph
    }
}

/// A finished graph. Nodes below the number of transactions are transactions, the others relays.
#[derive(Debug)]
pub(super) struct Graph {
    transactions: u32,
    starts: Vec<u32>,
    edges: Vec<Edge>,
}

impl Graph {
    /// Keeps one data dependency a pair: overwriting says more than reading, and that more than having missed a write. What
    /// session order says stays beside a missed write, since either can be the one that closes a circle.
    fn drop_parallel(&mut self) {
        let mut kept = 0;
        let mut start = 0;
        for node in 0..self.starts.len() - 1 {
            let end = self.starts[node + 1] as usize;
            self.edges[start..end].sort_unstable_by_key(|edge| (edge.target(), edge.label()));
            self.starts[node] = u32::try_from(kept).expect("fewer edges than before");
            let mut last: Option<Edge> = None;
            for at in start..end {
                let edge = self.edges[at];
                let covered = last.is_some_and(|last| {
                    last.target() == edge.target() && (edge.label() <= Label::ReadWrite || last.label() == edge.label())
                });
                if !covered {
                    self.edges[kept] = edge;
                    kept += 1;
                    last = Some(edge);
                }
            }
            start = end;
        }
        let nodes = self.starts.len() - 1;
        self.starts[nodes] = u32::try_from(kept).expect("fewer edges than before");
        self.edges.truncate(kept);
        self.edges.shrink_to_fit();
    }

    pub(super) fn nodes(&self) -> u32 {
        u32::try_from(self.starts.len() - 1).expect("counted in 32 bits")
    }

    pub(super) fn is_relay(&self, node: u32) -> bool {
        node >= self.transactions
    }

    /// Whether no transaction comes after another.
    pub(super) fn is_empty(&self) -> bool {
        self.edges.iter().all(|edge| self.is_relay(edge.target()))
    }

    pub(super) fn edge_count(&self) -> usize {
        self.edges.len()
    }

    pub(super) fn edges(&self, node: u32) -> &[Edge] {
        &self.edges[self.starts[node as usize] as usize..self.starts[node as usize + 1] as usize]
    }

    /// The part of the graph among these nodes, which are renumbered by their place. They are sorted.
    pub(super) fn part(&self, nodes: &[u32]) -> Self {
        let mut place = vec![u32::MAX; self.starts.len() - 1];
        for (at, &node) in (0..).zip(nodes) {
            place[node as usize] = at;
        }
        let mut part = Self { transactions: 0, starts: vec![0], edges: Vec::new() };
        for &node in nodes {
            part.transactions += u32::from(!self.is_relay(node));
            for &edge in self.edges(node) {
                let target = place[edge.target() as usize];
                if target != u32::MAX {
                    part.edges.push(Edge::new(target, edge.label()));
                }
            }
            part.starts.push(u32::try_from(part.edges.len()).expect("fewer edges than before"));
        }
        part
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a transaction precedes directly or through relays.
    fn after(graph: &Graph, node: u32) -> Vec<u32> {
        let (mut seen, mut open) = (vec![], vec![node]);
        while let Some(node) = open.pop() {
            for edge in graph.edges(node) {
                if graph.is_relay(edge.target()) {
                    open.push(edge.target());
                } else {
                    seen.push(edge.target());
                }
            }
        }
        seen.sort_unstable();
        seen.dedup();
        seen
    }

    #[test]
    fn relays_stand_for_all_pairs_but_those_of_one_transaction() {
        for (sources, targets) in [(0..40_u32, 20..60_u32), (0..2, 1..3), (0..30, 40..70)] {
            let mut builder = GraphBuilder::new(80);
            let labelled: Vec<_> = sources.clone().map(|source| (source, Label::ReadWrite)).collect();
            builder.all_precede(&labelled, &targets.clone().collect::<Vec<_>>());
            let graph = builder.finish();
            for node in 0..80 {
                let expected: Vec<_> =
                    targets.clone().filter(|&target| target != node && sources.contains(&node)).collect();
                assert_eq!(after(&graph, node), expected);
            }
        }
    }

    #[test]
    fn the_strongest_of_parallel_edges_is_kept() {
        let mut builder = GraphBuilder::new(2);
        for label in [Label::Realtime, Label::ReadWrite, Label::WriteWrite, Label::ReadWrite, Label::Process] {
            builder.edge(0, 1, label);
        }
        builder.edge(1, 1, Label::WriteWrite);
        let graph = builder.finish();
        let labels: Vec<_> = graph.edges(0).iter().map(|edge| edge.label()).collect();
        assert_eq!(labels, [Label::WriteWrite, Label::Process, Label::Realtime]);
        assert!(graph.edges(1).is_empty());
    }
}
