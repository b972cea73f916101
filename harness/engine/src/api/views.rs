//! How nodes see who leads, as the workload `election` needs it.

use async_trait::async_trait;
use dsjepsen_history::NodeId;

use super::{CallError, Deadline};

/// How one node sees the cluster; one consistent observation, true at some instant of the poll.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct View {
    /// The node that it takes for the leader.
    pub leader: Option<NodeId>,
    /// Whether it takes itself for the leader.
    pub believes_leader: bool,
    /// Its current term; never decreases, also over restarts. `None` where the system has no terms or does not tell exactly.
    pub term: Option<u64>,
    /// Which start of the node this is, where it counts them.
    pub incarnation: Option<u64>,
    /// While it takes itself for the leader: a number that it raises whenever its own leadership begins. Equal in two polls
    /// of one incarnation, it proves that the node led all the time between.
    pub since: Option<u64>,
    /// The terms of which the node says itself that it has led them, as far as this view tells: a claim is a (leader, term)
    /// pair that the node produced in one step. Empty where it cannot be had so.
    pub claims: Vec<u64>,
}

/// The views of the nodes, through one process's connection to one of them.
#[async_trait]
pub trait Views: Send + Sync {
    /// The node's view. Ends by its deadline.
    async fn view(&self, deadline: Deadline) -> Result<View, CallError>;
}
