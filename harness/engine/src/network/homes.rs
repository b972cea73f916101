//! Where each node listens: at the address that its links are named after, until it is started elsewhere.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, PoisonError, RwLock};

use dsjepsen_history::NodeId;

use super::Subnet;

/// The addresses of the nodes; cheap to clone, and the same for all clones.
#[derive(Debug, Clone)]
pub(super) struct Homes(Arc<RwLock<BTreeMap<NodeId, Ipv4Addr>>>);

impl Homes {
    /// Every node at its own address.
    pub(super) fn new(subnet: &Subnet, nodes: &[NodeId]) -> Self {
        Self(Arc::new(RwLock::new(nodes.iter().map(|node| (*node, subnet.node(*node))).collect())))
    }

    /// Where this node listens now; `None` for one that the network lacks.
    pub(super) fn of(&self, node: NodeId) -> Option<Ipv4Addr> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&node).copied()
    }

    /// Connections are led there from now on. A node that the network lacks stays away.
    pub(super) fn set(&self, node: NodeId, address: Ipv4Addr) {
        if let Some(home) = self.0.write().unwrap_or_else(PoisonError::into_inner).get_mut(&node) {
            *home = address;
        }
    }
}
