//! How a node is started, and when it counts as ready.

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use dsjepsen_history::{NodeHealth, NodeId, RunEvent};
use tokio::time::{Instant, sleep};

use super::forms::Form;
use super::node::Node;
use super::spawner::{ProcessSpec, Spawned};
use super::{Cluster, ClusterError, log};
use crate::network::Source;
use crate::target::{Launch, NODE_PATH, NodeContext, Readiness};

/// The pause between two looks at a node that is not ready.
const READY_POLL: Duration = Duration::from_millis(5);

impl Cluster {
    /// Starts a node in the form that it has now, from which on it is reached where that says.
    pub(super) async fn launch(&self, node: NodeId) -> Result<(), ClusterError> {
        let plan = &self.inner.plan;
        let system = |what: String| move |source| ClusterError::System { what, source };
        let data = self.data(node)?;
        let form = self.form(node);
        let launch = self.ask_launch(node, &form, &data);
        for (name, content) in &launch.files {
            let path = data.join(name);
            std::fs::write(&path, content).map_err(system(format!("write {}", path.display())))?;
        }
        let address = self.home(node, &form);
        self.inner.network.move_node(node, address);
        self.inner.control.move_node(node, address);
        let (said, spec_output) = std::io::pipe().map_err(system("make a pipe".to_owned()))?;
        let mut environment = launch.environment.clone();
        environment.entry("PATH".to_owned()).or_insert_with(|| NODE_PATH.to_owned());
        environment.entry("HOME".to_owned()).or_insert_with(|| data.display().to_string());
        let mut command = vec![launch.program.display().to_string()];
        command.extend(launch.arguments.iter().cloned());
        let wrapped = self.inner.shared.wrap(node, address, self.inner.network.subnet(), &data, &launch);
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
            Some(state) => state.begin(&spawned, launch.readiness, line_seen, form),
            None => 0,
        };
        plan.events.emit(RunEvent::NodeStarted { node, incarnation, pid: spawned.pid, command });
        self.watch_end(node, spawned);
        Ok(())
    }

    /// The node's own directory, which outlives restarts.
    pub(super) fn data(&self, node: NodeId) -> Result<PathBuf, ClusterError> {
        let data = self.inner.plan.directory.node(node).join("data");
        let system = |what: String| move |source| ClusterError::System { what, source };
        std::fs::create_dir_all(&data).map_err(system(format!("create {}", data.display())))?;
        data.canonicalize().map_err(system(format!("find {}", data.display())))
    }

    /// Where a node of this form listens.
    pub(super) fn home(&self, node: NodeId, form: &Form) -> Ipv4Addr {
        let subnet = self.inner.network.subnet();
        form.elsewhere.map_or_else(|| subnet.node(node), |number| subnet.elsewhere(node, number))
    }

    /// Asks the target how to start a node in this form.
    pub(super) fn ask_launch(&self, node: NodeId, form: &Form, data: &Path) -> Launch {
        let (plan, subnet) = (&self.inner.plan, self.inner.network.subnet());
        let others = plan.nodes.iter().filter(|peer| **peer != node);
        let peers = others.map(|peer| (*peer, subnet.link(Source::Node(node), *peer))).collect();
        let mut variants = plan.variants.clone();
        variants.0.extend(form.with.clone());
        plan.target.launch(&NodeContext {
            node,
            nodes: &plan.nodes,
            data,
            address: self.home(node, form),
            peers: &peers,
            shared: self.inner.shared.told(),
            variants: &variants,
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
    fn watch_end(&self, node: NodeId, spawned: Spawned) {
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

    pub(super) async fn wait_ready(
        &self,
        node: NodeId,
        deadline: Instant,
        after: Duration,
    ) -> Result<(), ClusterError> {
        let began = Instant::now();
        let last_lines = || log::last_lines(&self.inner.plan.directory.node_log(node), 12);
        loop {
            match self.stage(node).await {
                Stage::Absent => return Ok(()),
                Stage::Ready => {
                    let after_ms = began.elapsed().as_millis() as u64;
                    self.inner.plan.events.emit(RunEvent::NodeReady { node, after_ms });
                    if let Some(state) = self.lock().get_mut(&node) {
                        state.is_ready();
                    }
                    return Ok(());
                }
                Stage::Ended(status) => {
                    // What it said last may still be on its way through the pipe.
                    sleep(Duration::from_millis(50)).await;
                    return Err(ClusterError::NodeEnded { node, status: status.to_string(), last_lines: last_lines() });
                }
                Stage::Boots if Instant::now() >= deadline => {
                    return Err(ClusterError::NodeNotReady { node, after, last_lines: last_lines() });
                }
                Stage::Boots => sleep(READY_POLL).await,
            }
        }
    }

    /// How a node is at this moment.
    pub async fn health(&self, node: NodeId) -> NodeHealth {
        match self.stage(node).await {
            Stage::Absent | Stage::Ended(_) => NodeHealth::Down,
            Stage::Boots => NodeHealth::Silent,
            Stage::Ready => NodeHealth::Ready,
        }
    }

    /// How far a node is.
    pub(super) async fn stage(&self, node: NodeId) -> Stage {
        let Some((readiness, line_seen, ended)) = self.lock().get(&node).and_then(Node::readiness) else {
            return Stage::Absent;
        };
        if let Some(status) = ended {
            return Stage::Ended(status);
        }
        let ready = match &readiness {
            Readiness::LogLine(_) => line_seen,
            Readiness::Http { port, path } => self.inner.control.answers(node, *port, path).await,
        };
        if ready { Stage::Ready } else { Stage::Boots }
    }
}

/// How far a node is on its way from its start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    /// It was not started, or was ended by the harness.
    Absent,
    /// It is not ready yet.
    Boots,
    /// It answers.
    Ready,
    /// It ended.
    Ended(ExitStatus),
}
