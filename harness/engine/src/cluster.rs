//! The cluster of a run: its nodes as real processes, the network between them, and what may be done to both. It is built
//! before the first operation, and nothing of it survives its drop, nor the death of the controller.

mod clocks;
mod guardian;
mod log;
mod marker;
mod names;
mod node;
mod owners;
mod pauses;
mod programs;
mod shared;
#[allow(unsafe_code, reason = "what is done between fork and exec, and one system call: the arguments stand there")]
mod spawner;
mod unreached;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dsjepsen_history::{NodeHealth, NodeId, Process, RunDirectory, RunEvent};
use nix::sys::signal::Signal;
use thiserror::Error;
use tokio::time::{Instant, sleep};

use crate::api::{Access, Route};
use crate::clock::RunClock;
use crate::events::Events;
use crate::network::{Network, NetworkError, Source, Subnet};
use crate::target::{Control, Launch, NODE_PATH, NodeContext, Readiness, StopSignal, Target, Unavailable, Variants};

use clocks::NodeClocks;
use guardian::Guardian;
pub use guardian::guard;
pub use marker::{MARKER, find_marked, kill_marked};
use node::{Node, Running};
use owners::NodeSockets;
use pauses::PausedNodes;
pub use pauses::{ProcessState, Throttling};
use programs::Troubles;
pub use programs::{ClientCommand, Programs};
pub(crate) use programs::{Program, Trouble};
use shared::Shared;
pub(crate) use shared::sharing_available;
use spawner::{ProcessSpec, Spawner};
pub use unreached::Unreached;

/// How long a restarted node may take.
const RESTART_TIME: Duration = Duration::from_secs(10);
/// How long a probe through a link waits for its answer; past the link it comes within a few ms.
const PROBE_TIME: Duration = Duration::from_millis(250);
/// The pause between two looks at a node that is not ready.
const READY_POLL: Duration = Duration::from_millis(5);
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
    paused: PausedNodes,
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
        let spawner = Spawner::start().map_err(system("start the spawner thread"))?;
        let control = Control::new(addresses)?;
        let troubles = Troubles::default();
        let clocks = NodeClocks::new(if plan.own_clocks { &plan.nodes } else { &[] })
            .map_err(system("make the pages of the nodes' clocks"))?;
        let paused = PausedNodes::default();
        let inner = Inner { plan, nodes, shared, network, control, troubles, clocks, paused, spawner, guardian };
        let cluster = Self { inner: Arc::new(inner) };
        cluster.watch_clocks();
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

    /// Asks a node's processes to end in the way that the target prefers, and kills what does not.
    async fn stop_node(&self, node: NodeId) {
        let signal = match self.inner.plan.target.stop_signal() {
            StopSignal::Kill => Signal::SIGKILL,
            StopSignal::Terminate => Signal::SIGTERM,
            StopSignal::Interrupt => Signal::SIGINT,
            StopSignal::Quit => Signal::SIGQUIT,
            StopSignal::HangUp => Signal::SIGHUP,
        };
        if signal != Signal::SIGKILL && self.end(node, signal, STOP_TIME).await.is_some() {
            return;
        }
        if signal != Signal::SIGKILL && self.is_running(node) {
            let text = format!("{node} did not end within {} s of {signal}, and is killed", STOP_TIME.as_secs());
            self.inner.plan.events.emit(RunEvent::Note { text });
        }
        self.kill(node).await;
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

    fn tell_traffic(&self) {
        let (network, events) = (&self.inner.network, &self.inner.plan.events);
        if let Some(lookups) = network.lookups() {
            events.emit(RunEvent::Note { text: lookups.to_string() });
        }
        for traffic in network.traffic() {
            let from = traffic.link.from;
            if from == Source::Node(traffic.link.to) && traffic.connections == 0 {
                // Few nodes ever dial themselves.
                continue;
            }
            events.emit(RunEvent::Link {
                from: from.to_string(),
                to: traffic.link.to,
                bytes_forward: traffic.bytes_forward,
                bytes_back: traffic.bytes_back,
                connections: traffic.connections,
            });
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<NodeId, Node>> {
        self.inner.nodes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn running(&self, node: NodeId) -> Option<Running> {
        self.lock().get(&node)?.running()
    }

    async fn launch(&self, node: NodeId) -> Result<(), ClusterError> {
        let plan = &self.inner.plan;
        let data = plan.directory.node(node).join("data");
        let system = |what: String| move |source| ClusterError::System { what, source };
        std::fs::create_dir_all(&data).map_err(system(format!("create {}", data.display())))?;
        let data = data.canonicalize().map_err(system(format!("find {}", data.display())))?;
        let launch = self.ask_launch(node, &data);
        for (name, content) in &launch.files {
            let path = data.join(name);
            std::fs::write(&path, content).map_err(system(format!("write {}", path.display())))?;
        }
        let (said, spec_output) = std::io::pipe().map_err(system("make a pipe".to_owned()))?;
        let mut environment = launch.environment.clone();
        environment.entry("PATH".to_owned()).or_insert_with(|| NODE_PATH.to_owned());
        environment.entry("HOME".to_owned()).or_insert_with(|| data.display().to_string());
        let mut command = vec![launch.program.display().to_string()];
        command.extend(launch.arguments.iter().cloned());
        let wrapped = self.inner.shared.wrap(node, self.inner.network.subnet(), &data, &launch);
        let (program, arguments) = wrapped.map_err(system(format!("write the names that {node} resolves")))?;
        let run = plan.run.clone();
        let clock = self.inner.clocks.patch(node, self.inner.shared.wrappers() + plan.target.wrappers());
        let (input, output, errors) = (None, spec_output, None);
        let directory = data;
        let spec = ProcessSpec { program, arguments, environment, directory, run, input, output, errors, clock };
        let spawned = self
            .inner
            .spawner
            .spawn(spec)
            .await
            .map_err(system(format!("start {node}: {}", launch.program.display())))?;
        self.inner.guardian.group(spawned.pid);
        let line_seen = self.keep_log(node, said, &launch.readiness)?;
        let incarnation = match self.lock().get_mut(&node) {
            Some(state) => state.begin(&spawned, launch.readiness, line_seen),
            None => 0,
        };
        plan.events.emit(RunEvent::NodeStarted { node, incarnation, pid: spawned.pid, command });
        self.watch_end(node, spawned);
        Ok(())
    }

    /// Asks the target how to start a node.
    fn ask_launch(&self, node: NodeId, data: &Path) -> Launch {
        let (plan, subnet) = (&self.inner.plan, self.inner.network.subnet());
        let others = plan.nodes.iter().filter(|peer| **peer != node);
        let peers = others.map(|peer| (*peer, subnet.link(Source::Node(node), *peer))).collect();
        plan.target.launch(&NodeContext {
            node,
            nodes: &plan.nodes,
            data,
            address: subnet.node(node),
            peers: &peers,
            shared: self.inner.shared.told(),
            variants: &plan.variants,
            executable: &plan.executable,
        })
    }

    fn keep_log(
        &self,
        node: NodeId,
        output: std::io::PipeReader,
        readiness: &Readiness,
    ) -> Result<tokio::sync::watch::Receiver<bool>, ClusterError> {
        let (seen, line_seen) = tokio::sync::watch::channel(false);
        let awaited = match readiness {
            Readiness::LogLine(text) => Some((text.clone(), seen)),
            Readiness::Http { .. } => None,
        };
        let (path, clock) = (self.inner.plan.directory.node_log(node), self.inner.plan.clock);
        let events = self.inner.plan.events.clone();
        std::thread::Builder::new()
            .name(format!("log-{node}"))
            .spawn(move || {
                if let Err(error) = log::copy_log(output, &path, clock, awaited) {
                    events.warn(format!("the log of {node} lacks its end: {error}"));
                }
            })
            .map_err(|source| ClusterError::System { what: format!("keep the log of {node}"), source })?;
        Ok(line_seen)
    }

    /// A node that ends by itself is an event, never an abort.
    fn watch_end(&self, node: NodeId, spawned: spawner::Spawned) {
        let weak = Arc::downgrade(&self.inner);
        let events = self.inner.plan.events.clone();
        let mut ended = spawned.ended;
        tokio::spawn(async move {
            let Ok(Some(status)) = ended.wait_for(Option::is_some).await.map(|status| *status) else {
                return;
            };
            let Some(inner) = weak.upgrade() else { return };
            inner.guardian.ended(spawned.pid);
            let mut nodes = inner.nodes.lock().unwrap_or_else(PoisonError::into_inner);
            let expected = nodes.get_mut(&node).is_none_or(|state| state.ended(spawned.pid));
            events.emit(RunEvent::NodeEnded { node, status: status.to_string(), expected });
        });
    }

    /// How a node is at this moment.
    pub async fn health(&self, node: NodeId) -> NodeHealth {
        let Some((readiness, line_seen, None)) = self.lock().get(&node).and_then(Node::readiness) else {
            return NodeHealth::Down;
        };
        if self.answers(node, &readiness, line_seen).await { NodeHealth::Ready } else { NodeHealth::Silent }
    }

    async fn answers(&self, node: NodeId, readiness: &Readiness, line_seen: bool) -> bool {
        match readiness {
            Readiness::LogLine(_) => line_seen,
            Readiness::Http { port, path } => self.inner.control.answers(node, *port, path).await,
        }
    }

    async fn wait_ready(&self, node: NodeId, deadline: Instant, after: Duration) -> Result<(), ClusterError> {
        let began = Instant::now();
        let last_lines = || log::last_lines(&self.inner.plan.directory.node_log(node), 12);
        loop {
            let Some((readiness, line_seen, ended)) = self.lock().get(&node).and_then(Node::readiness) else {
                return Ok(());
            };
            if let Some(status) = ended {
                // What it said last may still be on its way through the pipe.
                sleep(Duration::from_millis(50)).await;
                return Err(ClusterError::NodeEnded { node, status: status.to_string(), last_lines: last_lines() });
            }
            if self.answers(node, &readiness, line_seen).await {
                let after_ms = began.elapsed().as_millis() as u64;
                self.inner.plan.events.emit(RunEvent::NodeReady { node, after_ms });
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(ClusterError::NodeNotReady { node, after, last_lines: last_lines() });
            }
            sleep(READY_POLL).await;
        }
    }
}
