//! One process's use of an ability on any node: connections are made when a node is first spoken to, and kept.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use dsjepsen_engine::Cluster;
use dsjepsen_engine::api::{CallError, Serve};
use dsjepsen_history::{NodeId, Process, Reason};

/// What one process uses of an ability, node by node.
pub(crate) struct Reach<T: ?Sized> {
    serve: Serve<T>,
    cluster: Cluster,
    process: Process,
    home: NodeId,
    attempt_timeout: Duration,
    open: BTreeMap<NodeId, Arc<T>>,
}

impl<T: ?Sized> Reach<T> {
    /// Of this process, whose home is `home`. `op_timeout` is the deadline of one request with its retries.
    pub(crate) fn new(serve: Serve<T>, cluster: Cluster, process: Process, home: NodeId, op_timeout: Duration) -> Self {
        // A third of the deadline: an attempt that hangs leaves time to try again.
        Self { serve, cluster, process, home, attempt_timeout: op_timeout / 3, open: BTreeMap::new() }
    }

    /// The process's way to this node.
    pub(crate) fn at(&mut self, node: NodeId) -> Result<Arc<T>, CallError> {
        if let Some(open) = self.open.get(&node) {
            return Ok(Arc::clone(open));
        }
        let access = self.cluster.access(self.process, self.home, node, self.attempt_timeout);
        let made =
            (self.serve)(&access).map_err(|error| CallError::Definite(Reason::new(format!("no-client: {error}"))))?;
        self.open.insert(node, Arc::clone(&made));
        Ok(made)
    }

    /// The process's way to its home.
    pub(crate) fn at_home(&mut self) -> Result<Arc<T>, CallError> {
        self.at(self.home)
    }
}
