//! Whom a partition cut off from whom: its sides, where it has any.

use std::collections::{BTreeMap, BTreeSet};

use dsjepsen_history::NodeId;
use serde_json::Value;

/// What a partition is to one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Side {
    /// The nodes fall into sides that hear nothing of one another; this is the one with this letter, counted from 0.
    Of(usize),
    /// There are no such sides; the node lost its links with these.
    From(Vec<NodeId>),
}

/// What the partition with these parameters is to each of the nodes that it names; nothing where they do not tell, as when its
/// target was found when it began.
pub(crate) fn sides(params: &Value, nodes: &[NodeId]) -> BTreeMap<NodeId, Side> {
    let Some(cut) = pairs(params) else { return BTreeMap::new() };
    let apart = |one: NodeId, other: NodeId| cut.contains(&(one, other)) || cut.contains(&(other, one));
    let mut all: BTreeSet<NodeId> = nodes.iter().copied().collect();
    all.extend(cut.iter().flat_map(|(one, other)| [*one, *other]));
    let groups = groups(&all, &apart);
    let clean = groups.len() > 1
        && groups.iter().enumerate().all(|(at, group)| {
            let others = groups.iter().enumerate().filter(|(other, _)| *other != at).flat_map(|(_, group)| group);
            others.into_iter().all(|other| group.iter().all(|node| cut.contains(&(*node, *other))))
        });
    if clean {
        let sides = groups.iter().enumerate();
        return sides.flat_map(|(at, group)| group.iter().map(move |node| (*node, Side::Of(at)))).collect();
    }
    let lost = |node: NodeId| all.iter().copied().filter(|other| apart(node, *other)).collect::<Vec<_>>();
    all.iter()
        .map(|node| (*node, lost(*node)))
        .filter(|(_, lost)| !lost.is_empty())
        .map(|(node, lost)| (node, Side::From(lost)))
        .collect()
}

fn pairs(params: &Value) -> Option<BTreeSet<(NodeId, NodeId)>> {
    let pairs = params.get("pairs")?.as_array()?.iter();
    let node = |value: &Value| value.as_str()?.parse::<NodeId>().ok();
    Some(pairs.filter_map(|pair| Some((node(pair.get(0)?)?, node(pair.get(1)?)?))).collect())
}

/// The groups whose members still reach one another, the smallest first: whom the partition cut off.
fn groups(all: &BTreeSet<NodeId>, apart: &impl Fn(NodeId, NodeId) -> bool) -> Vec<Vec<NodeId>> {
    let mut left = all.clone();
    let mut groups = Vec::new();
    while let Some(first) = left.pop_first() {
        let mut group = vec![first];
        let mut at = 0;
        while let Some(&node) = group.get(at) {
            let reached: Vec<NodeId> = left.iter().copied().filter(|other| !apart(node, *other)).collect();
            for other in reached {
                left.remove(&other);
                group.push(other);
            }
            at += 1;
        }
        groups.push(group);
    }
    groups.sort_by_key(Vec::len);
    groups
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn nodes(count: usize) -> Vec<NodeId> {
        (0..count).map(NodeId::at).collect()
    }

    #[test]
    fn two_sides_are_found_and_the_smaller_is_the_first() {
        let pairs = json!({"pairs": [["n3", "n1"], ["n1", "n3"], ["n3", "n2"], ["n2", "n3"]]});
        let found = sides(&pairs, &nodes(3));
        assert_eq!(found[&NodeId::at(2)], Side::Of(0));
        assert_eq!((&found[&NodeId::at(0)], &found[&NodeId::at(1)]), (&Side::Of(1), &Side::Of(1)));
    }

    #[test]
    fn a_ring_and_a_one_way_cut_have_no_sides() {
        let ring = json!({"pairs": [["n1", "n2"], ["n2", "n1"]]});
        let found = sides(&ring, &nodes(3));
        assert_eq!(found[&NodeId::at(0)], Side::From(vec![NodeId::at(1)]));
        assert_eq!(found.get(&NodeId::at(2)), None);
        let one_way = json!({"pairs": [["n1", "n2"]]});
        assert_eq!(sides(&one_way, &nodes(2))[&NodeId::at(1)], Side::From(vec![NodeId::at(0)]));
        assert!(sides(&json!("leader"), &nodes(3)).is_empty());
        assert!(sides(&json!({"pairs": [["n1"], 7, ["x", "n2"]]}), &nodes(0)).is_empty());
    }
}
