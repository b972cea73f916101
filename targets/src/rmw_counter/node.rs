//! The node program of `rmw-counter`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context;
use axum::Router;
use dsjepsen_history::NodeId;
use serde::{Deserialize, Serialize};

use super::KEEPER;
use super::keeper::{Gateway, Keeper};
use super::replica::{Replica, copies};
use crate::contract::router;
use crate::node_program::{bind, run_node, serve_until_terminated};

/// The configuration of a node.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// The node.
    pub(crate) node: NodeId,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// Where it finds the others.
    pub(crate) peers: BTreeMap<NodeId, SocketAddr>,
    /// Whether n1 keeps the counter for all.
    #[serde(default)]
    pub(crate) one_keeper: bool,
}

/// Runs a node.
pub(crate) fn run(config: &str) -> anyhow::Result<()> {
    run_node(config, |config: Config| async move {
        let routes = routes(&config)?;
        let listener = bind(config.listen).await?;
        tracing::info!("{} listens on {}", config.node, config.listen);
        serve_until_terminated(listener, routes).await
    })
}

fn routes(config: &Config) -> anyhow::Result<Router> {
    let node = config.node;
    let keeper = NodeId::at(KEEPER);
    if !config.one_keeper {
        let replica = Replica::new(node);
        replica.send_to(&config.peers).context("cannot make an HTTP client")?;
        tracing::info!("{node} has a copy of the counter, in memory alone");
        return Ok(copies(Arc::clone(&replica)).merge(router(replica)));
    }
    if node == keeper {
        tracing::info!("{node} keeps the counter, in memory alone");
        return Ok(router(Arc::new(Keeper::new(node))));
    }
    let address = *config.peers.get(&keeper).with_context(|| format!("{node} needs the address of {keeper}"))?;
    tracing::info!("{node} passes requests on to {address}");
    Ok(router(Arc::new(Gateway::new(node, address).context("cannot make an HTTP client")?)))
}
