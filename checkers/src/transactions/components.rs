//! Strongly connected components, after Tarjan, without recursion.

use super::graph::{Graph, Labels};

/// A graph of which only some edges count, with nodes numbered from 0.
pub(super) trait Directed {
    fn nodes(&self) -> u32;
    /// How many edges leave a node, counting or not.
    fn degree(&self, node: u32) -> usize;
    /// The target of an edge, if the edge counts.
    fn target(&self, node: u32, edge: usize) -> Option<u32>;
}

/// A graph restricted to some labels.
pub(super) struct Filtered<'a> {
    pub(super) graph: &'a Graph,
    pub(super) labels: Labels,
}

impl Directed for Filtered<'_> {
    fn nodes(&self) -> u32 {
        self.graph.nodes()
    }

    fn degree(&self, node: u32) -> usize {
        self.graph.edges(node).len()
    }

    fn target(&self, node: u32, edge: usize) -> Option<u32> {
        let edge = self.graph.edges(node)[edge];
        self.labels.has(edge.label()).then_some(edge.target())
    }
}

const UNSEEN: u32 = u32::MAX;

/// The components of more than one node, each sorted; smaller ones first, and among equals the one with the smallest node.
pub(super) fn components(graph: &impl Directed) -> Vec<Vec<u32>> {
    let nodes = graph.nodes() as usize;
    let mut low = vec![UNSEEN; nodes];
    // A finished node's `low` is out of the way of all comparisons.
    const FINISHED: u32 = u32::MAX - 1;
    let mut found = Vec::new();
    let mut pending: Vec<u32> = Vec::new();
    let mut path: Vec<(u32, u32, u32)> = Vec::new();
    let mut counter = 0;
    for root in 0..graph.nodes() {
        if low[root as usize] != UNSEEN {
            continue;
        }
        low[root as usize] = counter;
        path.push((root, counter, 0));
        pending.push(root);
        counter += 1;
        while let Some(&mut (node, order, ref mut edge)) = path.last_mut() {
            let at = *edge as usize;
            *edge += 1;
            if at < graph.degree(node) {
                let Some(target) = graph.target(node, at) else { continue };
                match low[target as usize] {
                    UNSEEN => {
                        low[target as usize] = counter;
                        path.push((target, counter, 0));
                        pending.push(target);
                        counter += 1;
                    }
                    FINISHED => {}
                    other => low[node as usize] = low[node as usize].min(other),
                }
                continue;
            }
            path.pop();
            let reached = low[node as usize];
            if let Some(&(parent, ..)) = path.last() {
                low[parent as usize] = low[parent as usize].min(reached);
            }
            if reached == order {
                let start = pending.iter().rposition(|&other| other == node).expect("a node on the path is pending");
                for &member in &pending[start..] {
                    low[member as usize] = FINISHED;
                }
                if pending.len() - start > 1 {
                    let mut component = pending.split_off(start);
                    component.sort_unstable();
                    found.push(component);
                } else {
                    pending.pop();
                }
            }
        }
    }
    found.sort_unstable_by_key(|component| (component.len(), component[0]));
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transactions::graph::{GraphBuilder, Label};

    fn of(edges: &[(u32, u32)], nodes: u32) -> Vec<Vec<u32>> {
        let mut builder = GraphBuilder::new(nodes);
        for &(from, to) in edges {
            builder.edge(from, to, Label::WriteWrite);
        }
        let graph = builder.finish();
        components(&Filtered { graph: &graph, labels: Labels::of(&[Label::WriteWrite]) })
    }

    #[test]
    fn a_long_chain_needs_no_deep_stack() {
        let last = 300_000;
        let mut edges: Vec<_> = (0..last).map(|node| (node, node + 1)).collect();
        assert!(of(&edges, last + 1).is_empty());
        edges.push((last, 0));
        assert_eq!(of(&edges, last + 1)[0].len() as u32, last + 1);
    }

    proptest! {
        #[test]
        fn two_nodes_share_a_component_iff_each_reaches_the_other(edges in proptest::collection::vec((0_u32..8, 0_u32..8), 0..20)) {
            let mut reach = [[false; 8]; 8];
            for &(from, to) in &edges {
                reach[from as usize][to as usize] = true;
            }
            for _ in 0..8 {
                let before = reach;
                for (from, row) in reach.iter_mut().enumerate() {
                    for via in (0..8).filter(|&via| before[from][via]) {
                        row.iter_mut().zip(before[via]).for_each(|(to, further)| *to |= further);
                    }
                }
            }
            let found = of(&edges, 8);
            for (from, to) in (0..8_usize).flat_map(|from| (0..from).map(move |to| (from, to))) {
                let has = |component: &Vec<u32>, node: usize| component.contains(&(node as u32));
                let together = found.iter().any(|component| has(component, from) && has(component, to));
                prop_assert_eq!(together, reach[from][to] && reach[to][from]);
            }
        }
    }
}
