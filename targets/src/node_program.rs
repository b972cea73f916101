//! What the node programs of our own systems have in common: the edge between the operating system and a node.

use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::serve::ListenerExt;
use dsjepsen_engine::target::{Launch, NodeContext, Readiness};
use dsjepsen_history::NodeId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::contract::to_json;

/// A program that is one node of a system of our own.
#[derive(Debug, Clone, Copy)]
pub struct NodeProgram {
    /// Its name; equal to the name of its target.
    pub name: &'static str,
    /// One line about it.
    pub about: &'static str,
    /// Runs a node with this configuration (JSON) until it is told to end by SIGTERM, and logs to standard error.
    ///
    /// # Errors
    /// Where the configuration is no good, the port or the data directory cannot be had, or the node broke down.
    pub run: fn(&str) -> anyhow::Result<()>,
}

/// How a node of our own is started: this very executable, with the node program of this name and its configuration. It is
/// ready when it answers on its port.
pub(crate) fn launch(node: &NodeContext<'_>, name: &str, config: &impl Serialize, port: u16) -> Launch {
    Launch {
        program: node.executable.to_owned(),
        arguments: ["node", name, &to_json(config).to_string()].map(str::to_owned).into(),
        environment: BTreeMap::new(),
        files: BTreeMap::new(),
        readiness: Readiness::Http { port, path: "/health".to_owned() },
    }
}

/// Where a node finds every other node, on this port.
pub(crate) fn peers(node: &NodeContext<'_>, port: u16) -> BTreeMap<NodeId, SocketAddr> {
    let others = node.peers.iter().filter(|(peer, _)| **peer != node.node);
    others.map(|(peer, address)| (*peer, (*address, port).into())).collect()
}

/// The time that a node's runtime gets to end its tasks. Nothing is lost if it is too short: what counts is on disk.
const SHUTDOWN_LIMIT: Duration = Duration::from_millis(200);

/// Reads the configuration and runs a node on a runtime of its own.
pub(crate) fn run_node<C, F>(config: &str, node: impl FnOnce(C) -> F) -> anyhow::Result<()>
where
    C: DeserializeOwned,
    F: Future<Output = anyhow::Result<()>>,
{
    let config = serde_json::from_str(config).context("bad node configuration")?;
    // The consensus library logs every failed message twice; what matters of it our own modules log once.
    tracing_subscriber::fmt()
        .compact()
        .with_ansi(false)
        .with_target(false)
        .with_env_filter(EnvFilter::new("info,openraft=off"))
        .with_writer(std::io::stderr)
        .try_init()
        .map_err(|error| anyhow::anyhow!("cannot log: {error}"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .context("cannot start a runtime")?;
    let result = runtime.block_on(node(config));
    runtime.shutdown_timeout(SHUTDOWN_LIMIT);
    result
}

/// Binds the address on which the node listens.
pub(crate) async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}

/// Serves requests until SIGTERM.
pub(crate) async fn serve_until_terminated(listener: TcpListener, router: Router) -> anyhow::Result<()> {
    let mut terminated = signal(SignalKind::terminate()).context("cannot handle SIGTERM")?;
    tokio::select! {
        served = serve(listener, router) => served,
        _ = terminated.recv() => {
            tracing::info!("ends: SIGTERM");
            Ok(())
        }
    }
}

/// Serves requests for ever.
pub(crate) async fn serve(listener: TcpListener, router: Router) -> anyhow::Result<()> {
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::warn!("cannot turn Nagle's algorithm off: {error}");
        }
    });
    axum::serve(listener, router).await.context("cannot serve")
}
