//! The cluster of a run: its nodes as real processes, the network between them, and what may be done to both. It is built
//! before the first operation, and nothing of it survives its drop, nor the death of the controller.

mod boots;
mod clocks;
mod forms;
mod guardian;
mod launch;
mod limits;
mod log;
mod marker;
mod names;
mod node;
mod owners;
mod pauses;
mod pid_namespace;
#[allow(unsafe_code, reason = "one system call without a safe interface: the argument stands there")]
mod prlimit;
mod programs;
mod shared;
#[allow(unsafe_code, reason = "what is done between fork and exec, and one system call: the arguments stand there")]
mod spawner;
mod traffic;
mod unreached;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsjepsen_history::{NodeId, Process, RunDirectory, RunEvent};
use nix::sys::signal::Signal;
use thiserror::Error;
use tokio::time::Instant;

use crate::api::{Access, Route};
use crate::clock::RunClock;
use crate::events::Events;
use crate::network::{Network, NetworkError, Source, Subnet};
use crate::target::{Control, NODE_PATH, Readiness, StopSignal, Target, Unavailable, Variants};

pub use boots::BootKills;
use clocks::NodeClocks;
pub use forms::FormId;
use guardian::Guardian;
pub use guardian::guard;
use limits::NodeLimits;
pub use limits::{Limit, LimitId, Limited, Resource};
pub use marker::{MARKER, find_marked, kill_marked};
use node::{Node, Running};
use owners::NodeSockets;
use pauses::PausedNodes;
pub use pauses::{ProcessState, Throttling};
pub use pid_namespace::be_first_process;
use programs::Troubles;
pub use programs::{ClientCommand, Programs};
pub(crate) use programs::{Program, Trouble};
use shared::Shared;
pub(crate) use shared::sharing_available;
use spawner::Spawner;
use traffic::ToldTraffic;
pub use unreached::Unreached;

/// How long a restarted node may take.
const RESTART_TIME: Duration = Duration::from_secs(10);
/// How long a probe through a link waits for its answer; past the link it comes within a few ms.
const PROBE_TIME: Duration = Duration::from_millis(250);
/// How long a node may take to end after its stop signal.
const STOP_TIME: Duration = Duration::from_secs(2);

/// Why a cluster, or one of its nodes, did not come up.
#[derive(Debug, Error)]
pub enum ClusterError {
    /// The links cannot be made.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The nodes cannot be told of one another as the target needs it.
    #[error(transparent)]
    Addressing(#[from] Unavailable),
    /// Something of the operating system failed.
    #[error("cannot {what}: {source}")]
    System {
        /// What was tried.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// The controller's HTTP client cannot be made.
    #[error("cannot make an HTTP client: {0}")]
    Http(#[from] reqwest::Error),
    /// A node ended before it was ready.
    #[error("{node} ended before it was ready ({status}){}", shown(.last_lines))]
    NodeEnded {
        /// The node.
        node: NodeId,
        /// How.
        status: String,
        /// The end of its log.
        last_lines: Vec<String>,
    },
    /// A node was not ready in time.
    #[error("{node} was not ready within {} s{}", .after.as_secs(), shown(.last_lines))]
    NodeNotReady {
        /// The node.
        node: NodeId,
        /// How long it was waited for.
        after: Duration,
        /// The end of its log.
        last_lines: Vec<String>,
    },
}

fn shown(lines: &[String]) -> String {
    if lines.is_empty() {
        return "; its log is empty".to_owned();
    }
    format!("; the end of its log:\n    {}", lines.join("\n    "))
}

/// What a cluster is made of.
pub struct ClusterPlan {
    /// The run's name.
    pub run: String,
    /// The target.
    pub target: &'static dyn Target,
    /// Its options.
    pub variants: Variants,
    /// The nodes.
    pub nodes: Vec<NodeId>,
    /// Where logs and data go.
    pub directory: RunDirectory,
    /// The `dsjepsen` executable, for the guardian and for node programs of our own.
    pub executable: PathBuf,
    /// Whether faults will skew the nodes' clocks; then each node is started with one of its own.
    pub own_clocks: bool,
    /// How long the nodes may take to become ready at the start.
    pub ready_time: Duration,
    /// The clock.
    pub clock: RunClock,
    /// The stream of run events.
    pub events: Events,
}

/// A running cluster; cheap to clone. When the last clone is dropped, every process of it is killed.
#[derive(Clone)]
pub struct Cluster {
    inner: Arc<Inner>,
}

struct Inner {
    plan: ClusterPlan,
    nodes: Arc<Mutex<BTreeMap<NodeId, Node>>>,
    shared: Shared,
    network: Network,
    control: Control,
    troubles: Troubles,
    clocks: NodeClocks,
    limits: Arc<NodeLimits>,
    paused: PausedNodes,
    told_traffic: ToldTraffic,
    // Fields drop in order: the guardian is released only after the spawner has killed everything.
    spawner: Spawner,
    guardian: Guardian,
}

impl Drop for Inner {
    fn drop(&mut self) {
        for node in self.nodes.lock().unwrap_or_else(PoisonError::into_inner).values_mut() {
            node.expect_end();
        }
        kill_marked(&self.plan.run, Duration::from_secs(2));
    }
}

impl Cluster {
    /// Makes the network and starts every node.
    ///
    /// # Errors
    /// [`ClusterError`]; whatever was started is ended again.
    pub async fn start(plan: ClusterPlan) -> Result<Self, ClusterError> {
        let subnet = Subnet::claim()?;
        let shared = Shared::new(plan.target.addressing(), &plan.nodes, &subnet)?;
        if let Some(text) = shared.in_words() {
            plan.events.emit(RunEvent::Note { text: text.to_owned() });
        }
        let addresses = plan.nodes.iter().map(|node| (*node, subnet.node(*node))).collect();
        let nodes = Arc::new(Mutex::new(plan.nodes.iter().map(|node| (*node, Node::default())).collect()));
        let network = if let Shared::Fronts(_) = shared {
            let owners = Arc::new(NodeSockets::new(Arc::clone(&nodes), plan.events.clone()));
            Network::start_with_fronts(subnet, &plan.nodes, plan.target.ports(), owners)?
        } else {
            Network::start(subnet, &plan.nodes, plan.target.ports())?
        };
        let system = |what: &str| {
            let what = what.to_owned();
            move |source| ClusterError::System { what, source }
        };
        let guardian = Guardian::start(&plan.executable, &plan.run).map_err(system("start the guardian process"))?;
        let spawner = Spawner::start(Some(&plan.executable)).map_err(system("start the spawner thread"))?;
        let control = Control::new(addresses)?;
        let troubles = Troubles::default();
        let clocks = NodeClocks::new(if plan.own_clocks { &plan.nodes } else { &[] })
            .map_err(system("make the pages of the nodes' clocks"))?;
        let paused = PausedNodes::default();
        let limits = Arc::new(NodeLimits::new(Arc::clone(&nodes)));
        let told_traffic = ToldTraffic::default();
        let inner = Inner {
            plan,
            nodes,
            shared,
            network,
            control,
            troubles,
            clocks,
            limits,
            paused,
            told_traffic,
            spawner,
            guardian,
        };
        let cluster = Self { inner: Arc::new(inner) };
        cluster.watch_clocks();
        cluster.watch_traffic();
        let all = cluster.nodes();
        for node in &all {
            cluster.launch(*node).await?;
        }
        let ready_time = cluster.inner.plan.ready_time;
        let deadline = Instant::now() + ready_time;
        futures_util::future::try_join_all(all.iter().map(|node| cluster.wait_ready(*node, deadline, ready_time)))
            .await?;
        Ok(cluster)
    }

    /// The nodes, in order.
    pub fn nodes(&self) -> Vec<NodeId> {
        self.inner.plan.nodes.clone()
    }

    /// The network between them.
    pub fn network(&self) -> &Network {
        &self.inner.network
    }

    /// The controller's own access to the nodes.
    pub fn control(&self) -> &Control {
        &self.inner.control
    }

    /// The node that leads now, if a majority agrees on one.
    pub async fn leader(&self) -> Option<NodeId> {
        self.inner.plan.target.leader(&self.inner.control).await
    }

    /// The access of a process at home on node `home` to `node`; an attempt of a request that may be repeated is given up
    /// after `attempt_timeout`.
    pub fn access(&self, process: Process, home: NodeId, node: NodeId, attempt_timeout: Duration) -> Access {
        let (network, plan) = (self.inner.network.clone(), &self.inner.plan);
        let address = network.subnet().link(Source::Clients(home), node);
        let route = Route { node, address, network };
        let (events, log) = (plan.events.clone(), plan.directory.node_log(node));
        let programs = Programs::of(Arc::downgrade(&self.inner));
        Access { process, route, attempt_timeout, events, log, programs }
    }

    /// Where clients at home on a node dial it: its address on their link, with each of its ports.
    pub fn dialled(&self, node: NodeId) -> Vec<SocketAddr> {
        let address = self.inner.network.subnet().link(Source::Clients(node), node);
        self.inner.plan.target.ports().iter().map(|port| SocketAddr::from((address, *port))).collect()
    }

    /// Asks node `to` whether it is there, over the link from node `from` and past it. `None` where the target gives nothing
    /// to ask, or the node does not answer past the link either, so that the link's silence would prove nothing.
    pub async fn passes(&self, from: NodeId, to: NodeId) -> Option<bool> {
        let (readiness, _, _) = self.lock().get(&to).and_then(Node::readiness)?;
        let Readiness::Http { port, path } = readiness else { return None };
        let link = self.inner.network.subnet().link(Source::Node(from), to);
        let control = &self.inner.control;
        let through = tokio::time::timeout(PROBE_TIME, control.answers_at(link, port, &path));
        let (through, past) = tokio::join!(through, control.answers(to, port, &path));
        past.then_some(through.unwrap_or(false))
    }

    /// Starts a node that does not run, with the same line as ever, and waits until it is ready.
    ///
    /// # Errors
    /// [`ClusterError`] where it does not come up; it may still come up later.
    pub async fn restart(&self, node: NodeId) -> Result<Duration, ClusterError> {
        let began = Instant::now();
        if !self.is_running(node) {
            self.launch(node).await?;
        }
        self.wait_ready(node, began + RESTART_TIME, RESTART_TIME).await?;
        Ok(began.elapsed())
    }

    /// Kills a node's processes with SIGKILL and waits until they are reaped; says how they ended, or `None` if it did not run.
    pub async fn kill(&self, node: NodeId) -> Option<String> {
        self.end(node, Signal::SIGKILL, Duration::from_secs(5)).await
    }

    /// Asks a node's processes to end in the way that the target prefers, and kills what does not; says how they ended, or
    /// `None` if it did not run.
    async fn stop_node(&self, node: NodeId) -> Option<String> {
        let signal = match self.inner.plan.target.stop_signal() {
            StopSignal::Kill => return self.kill(node).await,
            StopSignal::Terminate => Signal::SIGTERM,
            StopSignal::Interrupt => Signal::SIGINT,
            StopSignal::Quit => Signal::SIGQUIT,
            StopSignal::HangUp => Signal::SIGHUP,
        };
        if let Some(status) = self.end(node, signal, STOP_TIME).await {
            return Some(status);
        }
        if self.is_running(node) {
            let text = format!("{node} did not end within {} s of {signal}, and is killed", STOP_TIME.as_secs());
            self.inner.plan.events.emit(RunEvent::Note { text });
        }
        self.kill(node).await
    }

    /// Ends a node's processes with this signal and waits until they are reaped, no longer than `limit`.
    async fn end(&self, node: NodeId, signal: Signal, limit: Duration) -> Option<String> {
        let mut running = self.running(node)?;
        self.lock().get_mut(&node)?.expect_end();
        // What is started again is not paused.
        self.inner.paused.lock().await.remove(&node);
        self.inner.spawner.signal(running.pid, signal).await;
        let ended = tokio::time::timeout(limit, running.ended.wait_for(Option::is_some)).await;
        let status = ended.ok()?.ok()?.map(|status| status.to_string());
        self.lock().get_mut(&node)?.forget(running.pid);
        status
    }

    /// Whether a node's process runs (or is stopped), as far as it was reaped.
    pub fn is_running(&self, node: NodeId) -> bool {
        self.running(node).is_some()
    }

    /// Ends every node, all at once, on purpose, and tells the traffic of the links.
    pub async fn stop(&self) {
        futures_util::future::join_all(self.inner.plan.nodes.iter().map(|node| self.stop_node(*node))).await;
        let left = kill_marked(&self.inner.plan.run, Duration::from_secs(2));
        if left > 0 {
            self.inner
                .plan
                .events
                .emit(RunEvent::Note { text: format!("{left} more processes of the run were ended") });
        }
        self.tell_traffic();
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Node>> {
        self.inner.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, node: NodeId) -> Option<Running> {
        self.lock().get(&node)?.running()
    }
}
