//! The node program of `bully`: answers for its view, and takes part in elections.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use async_trait::async_trait;
use dsjepsen_history::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;

use super::election::take_part;
use super::incarnation::count_start;
use super::peers::{self, Peers};
use super::state::{Role, State};
use crate::contract::{Call, ContractNode, Origin, Refusal, ViewReply, router, to_json};
use crate::node_program::{bind, run_node, serve_until_terminated};

/// The configuration of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The node.
    pub(crate) node: NodeId,
    /// Where it listens, to clients and to other nodes.
    pub(crate) listen: SocketAddr,
    /// Where it finds every other node.
    pub(crate) peers: BTreeMap<NodeId, SocketAddr>,
    /// Where it counts its starts.
    pub(crate) data: PathBuf,
}

/// Runs a node.
pub(crate) fn run(config: &str) -> anyhow::Result<()> {
    run_node(config, |config: Config| async move {
        // First, so that two nodes that are given one address find out before they count a start.
        let listener = bind(config.listen).await?;
        let incarnation = count_start(&config.data)
            .with_context(|| format!("cannot count the start in {}", config.data.display()))?;
        tracing::info!("{} starts, incarnation {incarnation}", config.node);
        let peers = Peers::new(config.node, config.peers).context("cannot make an HTTP client")?;
        let node = Arc::new(Node {
            me: config.node,
            incarnation,
            peers,
            state: Mutex::new(State::new(config.node)),
            calls: Notify::new(),
        });
        let router = router(Arc::clone(&node) as Arc<dyn ContractNode>).merge(peers::router(Arc::clone(&node)));
        tokio::select! {
            served = serve_until_terminated(listener, router) => served,
            () = take_part(&node) => Ok(()),
        }
    })
}

/// A node.
#[derive(Debug)]
pub(crate) struct Node {
    me: NodeId,
    incarnation: u64,
    pub(super) peers: Peers,
    state: Mutex<State>,
    calls: Notify,
}

impl Node {
    /// Reads or changes the state in one step.
    pub(super) fn change<T>(&self, step: impl FnOnce(&mut State) -> T) -> T {
        step(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Has the node look at once whether its leader is still there, or say that it leads.
    pub(super) fn look_around(&self) {
        self.calls.notify_one();
    }

    /// Waits until it is called to look around.
    pub(super) async fn called(&self) {
        self.calls.notified().await;
    }

    fn view(&self) -> ViewReply {
        self.change(|state| ViewReply {
            node: self.me.to_string(),
            leader: state.leader().map(|leader| leader.to_string()),
            believes_leader: state.role() == Role::Leader,
            term: None,
            incarnation: Some(self.incarnation),
            since: state.since(),
        })
    }
}

#[async_trait]
impl ContractNode for Node {
    async fn serve(&self, call: Call, _origin: Origin) -> Result<Value, Refusal> {
        match call {
            Call::View(_) => Ok(to_json(&self.view())),
            other => Err(Refusal::unsupported(&other)),
        }
    }
}
