//! The node program of `ttl-lock`: n1 keeps the table; every other node is a gateway that passes requests on to n1.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use anyhow::Context;
use async_trait::async_trait;
use dsjepsen_history::NodeId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::SERVER;
use super::table::Table;
use crate::contract::{
    AcquireReply, Call, ContractNode, Forwarder, HolderReply, Origin, PresenceReply, Refusal, ViewReply, router, to_json,
};
use crate::node_program::{bind, run_node, serve_until_terminated};

/// How long a gateway waits for n1. People rarely set such a limit, and libraries default to much more than clients wait:
/// so a request can outlive the client that sent it, stuck in a partition, and arrive after the heal.
const UPSTREAM_LIMIT: Duration = Duration::from_secs(10);

/// The configuration of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The node.
    pub(crate) node: NodeId,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Where it finds the server, if it is not the server itself.
    pub(crate) server: Option<SocketAddr>,
}

/// Runs a node.
pub(crate) fn run(config: &str) -> anyhow::Result<()> {
    run_node(config, |config: Config| async move {
        let node = node(&config)?;
        let listener = bind(config.listen).await?;
        tracing::info!("{} listens on {}", config.node, config.listen);
        serve_until_terminated(listener, router(node)).await
    })
}

fn node(config: &Config) -> anyhow::Result<Arc<dyn ContractNode>> {
    if config.node == NodeId::at(SERVER) {
        tracing::info!("{} keeps the locks, in memory alone", config.node);
        return Ok(Arc::new(Server { node: config.node, table: Mutex::default() }));
    }
    let server = config.server.with_context(|| format!("{} is a gateway and needs the server's address", config.node))?;
    let forwarder = Forwarder::new(UPSTREAM_LIMIT)?;
    tracing::info!("{} passes requests on to {server}", config.node);
    Ok(Arc::new(Gateway { node: config.node, server, forwarder }))
}

/// n1.
#[derive(Debug)]
struct Server {
    node: NodeId,
    table: Mutex<Table>,
}

#[async_trait]
impl ContractNode for Server {
    async fn serve(&self, call: Call, _origin: Origin) -> Result<Value, Refusal> {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        let now = SystemTime::now();
        let held = match &call {
            Call::Acquire(hold) => {
                let ttl = Duration::from_millis(hold.ttl_ms);
                let granted = table.acquire(hold.lock, &hold.lease, ttl, now);
                return Ok(to_json(&AcquireReply { granted, token: None, lease_gone: false }));
            }
            Call::Holder(asked) => {
                let lease = table.holder(asked.lock, now).map(str::to_owned);
                return Ok(to_json(&HolderReply { lock: asked.lock, lease, token: None }));
            }
            Call::Renew(hold) => table.renew(hold.lock, Duration::from_millis(hold.ttl_ms), now),
            Call::Release(hold) | Call::Revoke(hold) => table.release(hold.lock, now),
            Call::View(_) => return Ok(to_json(&view(self.node))),
            // A lock has no lease apart from itself.
            other => return Err(Refusal::unsupported(other)),
        };
        Ok(to_json(&PresenceReply { held }))
    }
}

/// Every other node.
#[derive(Debug)]
struct Gateway {
    node: NodeId,
    server: SocketAddr,
    forwarder: Forwarder,
}

#[async_trait]
impl ContractNode for Gateway {
    async fn serve(&self, call: Call, _origin: Origin) -> Result<Value, Refusal> {
        if let Call::View(_) = call {
            return Ok(to_json(&view(self.node)));
        }
        let (forwarder, server) = (self.forwarder.clone(), self.server);
        // A task of its own: the request goes on when the client that sent it has gone away, as in most gateways.
        tokio::spawn(async move { forwarder.pass_on(server, &call).await })
            .await
            .unwrap_or_else(|error| Err(Refusal::indefinite(format!("forward-broken: {error}"))))
    }
}

/// Nobody is elected: the server leads by decree, for ever.
fn view(node: NodeId) -> ViewReply {
    ViewReply {
        node: node.to_string(),
        leader: Some(NodeId::at(SERVER).to_string()),
        believes_leader: node == NodeId::at(SERVER),
        term: None,
        incarnation: None,
        since: None,
    }
}
