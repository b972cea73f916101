//! A system under test: how it is started, what it promises, how clients reach what it offers. One file or folder each in
//! the crate `dsjepsen-targets`; adding one never touches the engine.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_history::{NodeId, Promises};
use thiserror::Error;

use crate::api::Abilities;

/// Why something cannot be used on this machine.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{what} is not available: {why}")]
pub struct Unavailable {
    /// What.
    pub what: String,
    /// Why, with the mend (the package to install, say).
    pub why: String,
}

/// An option of a target, written behind a colon: `raft:unfenced`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Its name.
    pub name: &'static str,
    /// What it changes.
    pub about: &'static str,
}

/// A violation that a target is known to show, and the command that shows it: the track record, run again by a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exposure {
    /// The option of the target under which it shows; `None` where it shows without any.
    pub variant: Option<&'static str>,
    /// The workload.
    pub workload: &'static str,
    /// The faults, as on the command line; `none` where it needs none.
    pub nemesis: &'static str,
    /// Further arguments of the command, such as the workload's options.
    pub arguments: &'static [&'static str],
    /// The rules of which at least one is found broken within half a minute, or the time limit among the arguments.
    pub rules: &'static [&'static str],
    /// Why.
    pub why: &'static str,
}

impl Exposure {
    /// The target as it is written with the option: `raft:unfenced`.
    pub fn target(&self, name: &str) -> String {
        self.variant.map_or_else(|| name.to_owned(), |variant| format!("{name}:{variant}"))
    }

    /// The words of the command after the program's name, for a target of this name.
    pub fn command(&self, name: &str) -> Vec<String> {
        let target = self.target(name);
        let words = ["test", "--workload", self.workload, "--target", &target, "--nemesis", self.nemesis];
        words.into_iter().chain(self.arguments.iter().copied()).map(str::to_owned).collect()
    }
}

/// The chosen options of a target.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Variants(pub Vec<String>);

impl Variants {
    /// Whether the option was chosen.
    pub fn has(&self, name: &str) -> bool {
        self.0.iter().any(|chosen| chosen == name)
    }
}

/// How a target's nodes are told where their peers are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Addressing {
    /// Each node is told its own links: another address for the same peer on every node.
    #[default]
    PerLink,
    /// All nodes must be told the same of a peer: a name, which every node resolves to its own link in a mount namespace
    /// of its own; where that is not permitted, one address, at which the owner of the dialling socket tells who it is.
    SharedNames,
}

impl Addressing {
    /// Whether nodes can be given their addresses so on this machine; found out once, by trying.
    ///
    /// # Errors
    /// [`Unavailable`], with what is missing.
    pub fn available(self) -> Result<(), Unavailable> {
        match self {
            Self::PerLink => Ok(()),
            Self::SharedNames => crate::cluster::sharing_available(),
        }
    }
}

/// The version of a target, or why it cannot be run on this machine.
///
/// # Errors
/// [`Unavailable`], with the mend.
pub fn runs_here(target: &dyn Target) -> Result<String, Unavailable> {
    let version = target.available()?;
    target.addressing().available()?;
    Ok(version)
}

/// What a target may know of a node when it says how to start it.
#[derive(Debug)]
pub struct NodeContext<'a> {
    /// The node.
    pub node: NodeId,
    /// All nodes of the cluster, in order.
    pub nodes: &'a [NodeId],
    /// The node's own directory; it exists and outlives restarts.
    pub data: &'a Path,
    /// The address on which the node listens, on each of its ports.
    pub address: Ipv4Addr,
    /// Where this node finds its peers: the address of the link from it to each of them. Ports are the peers' own.
    pub peers: &'a BTreeMap<NodeId, Ipv4Addr>,
    /// The name of every node, its own included, the same on all nodes: by it each comes over its own link to that node.
    /// It may be an address. Empty unless the target's addressing is by [shared names](Addressing::SharedNames).
    pub shared: &'a BTreeMap<NodeId, String>,
    /// The chosen options.
    pub variants: &'a Variants,
    /// This very executable, for node programs of our own.
    pub executable: &'a Path,
}

/// How a node is started. The environment of the controller is not passed on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its environment.
    pub environment: BTreeMap<String, String>,
    /// Files to be written into the data directory before the start, by name.
    pub files: BTreeMap<String, String>,
    /// When it counts as ready.
    pub readiness: Readiness,
}

/// The search path of nodes and client programs, whose environment is otherwise what their target gives them.
pub const NODE_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// How a node is asked to end: after a run, and where a fault starts it anew. A kill never asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum StopSignal {
    /// Not at all: SIGKILL.
    #[default]
    Kill,
    /// SIGTERM.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGQUIT.
    Quit,
    /// SIGHUP.
    HangUp,
}

/// When a node counts as ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Readiness {
    /// A GET of this path on this port of the node's own address is answered with 2xx.
    Http {
        /// The port.
        port: u16,
        /// The path, with its leading slash.
        path: String,
    },
    /// A line of its log contains this text.
    LogLine(String),
}

/// The controller's own access to the nodes, past every fault: for leadership and set-up, never for operations.
#[derive(Debug, Clone)]
pub struct Control {
    /// Where each node listens now.
    nodes: Arc<RwLock<BTreeMap<NodeId, Ipv4Addr>>>,
    http: reqwest::Client,
}

impl Control {
    /// Access to these nodes.
    ///
    /// # Errors
    /// Where no HTTP client can be made.
    pub fn new(nodes: BTreeMap<NodeId, Ipv4Addr>) -> Result<Self, reqwest::Error> {
        let http = reqwest::Client::builder()
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_millis(500))
            .build()?;
        Ok(Self { nodes: Arc::new(RwLock::new(nodes)), http })
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + use<> {
        let nodes: Vec<NodeId> = self.nodes.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect();
        nodes.into_iter()
    }

    fn address(&self, node: NodeId) -> Option<Ipv4Addr> {
        self.nodes.read().unwrap_or_else(PoisonError::into_inner).get(&node).copied()
    }

    /// From now on this node listens here.
    pub(crate) fn move_node(&self, node: NodeId, address: Ipv4Addr) {
        self.nodes.write().unwrap_or_else(PoisonError::into_inner).insert(node, address);
    }

    /// GETs a JSON document from a node; `None` where it does not answer within half a second.
    pub async fn get_json(&self, node: NodeId, port: u16, path: &str) -> Option<serde_json::Value> {
        let address = self.address(node)?;
        let response = self.http.get(format!("http://{address}:{port}{path}")).send().await.ok()?;
        response.error_for_status().ok()?.json().await.ok()
    }

    /// POSTs a JSON document to a node, for what a system answers in no other way; `None` where it does not answer with
    /// another one within half a second.
    pub async fn post_json(
        &self,
        node: NodeId,
        port: u16,
        path: &str,
        body: &serde_json::Value,
    ) -> Option<serde_json::Value> {
        let address = self.address(node)?;
        let response = self.http.post(format!("http://{address}:{port}{path}")).json(body).send().await.ok()?;
        response.error_for_status().ok()?.json().await.ok()
    }

    /// Whether a GET of this path is answered with 2xx.
    pub async fn answers(&self, node: NodeId, port: u16, path: &str) -> bool {
        match self.address(node) {
            Some(address) => self.answers_at(address, port, path).await,
            None => false,
        }
    }

    /// The same at an address of its own, such as that of a link.
    pub(crate) async fn answers_at(&self, address: Ipv4Addr, port: u16, path: &str) -> bool {
        let response = self.http.get(format!("http://{address}:{port}{path}")).send().await;
        response.is_ok_and(|response| response.status().is_success())
    }
}

/// A system under test.
#[async_trait]
pub trait Target: Send + Sync {
    /// Its name, as on the command line.
    fn name(&self) -> &str;

    /// One line about it.
    fn about(&self) -> &str;

    /// Its options.
    fn variants(&self) -> &[Variant];

    /// What to expect of it under each fault, and why: shown by `dsjepsen list`.
    fn expectation(&self) -> &str;

    /// The violations that it is known to show.
    fn exposures(&self) -> &[Exposure] {
        &[]
    }

    /// How many nodes it has unless the command line says otherwise.
    fn default_nodes(&self) -> u16 {
        5
    }

    /// The ports on which each node listens, below 32768; every link carries all of them.
    fn ports(&self) -> &[u16];

    /// How its nodes are told where their peers are.
    fn addressing(&self) -> Addressing {
        Addressing::PerLink
    }

    /// Its version, or why it cannot be run here; [`runs_here`] also looks at its addressing.
    ///
    /// # Errors
    /// [`Unavailable`], with the mend.
    fn available(&self) -> Result<String, Unavailable>;

    /// What it promises with these options.
    fn promises(&self, variants: &Variants) -> Promises;

    /// How to start a node; asked again, with the same answer, at each restart. A fault may have one started with another
    /// address or one more option than the others.
    fn launch(&self, node: &NodeContext<'_>) -> Launch;

    /// How many programs a node's process is, each of which becomes the next by `exec`, before it is the node itself: a start
    /// script is one. A fault that skews clocks must know it, for every program reads a clock of its own.
    fn wrappers(&self) -> usize {
        0
    }

    /// How a node is asked to end, after a run or to be started anew; one that has not ended two seconds later is killed.
    fn stop_signal(&self) -> StopSignal {
        StopSignal::default()
    }

    /// Files that describe it, by name: kept in the directory of each run, where they are no part of this program.
    fn documents(&self) -> BTreeMap<String, String> {
        BTreeMap::new()
    }

    /// The node that leads, as far as a majority of the nodes agrees; `None` where nobody does or the system has no leader.
    async fn leader(&self, control: &Control) -> Option<NodeId>;

    /// What it offers to clients.
    fn abilities(&self, variants: &Variants) -> Abilities;
}
