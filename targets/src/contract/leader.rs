//! Who leads, by the views that the nodes of a system give of it.

use std::collections::BTreeMap;

use dsjepsen_engine::target::Control;
use dsjepsen_history::NodeId;
use futures_util::future::join_all;

use super::ViewReply;

/// The node that more than half of all nodes name in their views, asked on this port.
pub(crate) async fn leader_by_views(control: &Control, port: u16) -> Option<NodeId> {
    let nodes: Vec<NodeId> = control.nodes().collect();
    let views = join_all(nodes.iter().map(|node| control.get_json(*node, port, "/view"))).await;
    let named = views.into_iter().flatten().filter_map(|view| serde_json::from_value::<ViewReply>(view).ok()?.leader);
    majority(named, nodes.len())
}

fn majority(named: impl Iterator<Item = String>, nodes: usize) -> Option<NodeId> {
    let mut votes: BTreeMap<String, usize> = BTreeMap::new();
    for name in named {
        *votes.entry(name).or_default() += 1;
    }
    votes.into_iter().find(|(_, votes)| 2 * votes > nodes)?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_leader_is_who_a_majority_of_all_nodes_names() {
        let leader = |named: &[&str], nodes| majority(named.iter().map(|&name| name.to_owned()), nodes);
        assert_eq!(leader(&["n2", "n2", "n2", "n1", "n1"], 5), Some(NodeId::at(1)));
        assert_eq!(leader(&["n1", "n1"], 5), None, "a minority that agrees with itself");
        assert_eq!(leader(&["n1", "n1", "n2", "n2"], 4), None);
        assert_eq!(leader(&[], 5), None);
    }
}
