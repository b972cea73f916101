//! How faults are undone: as data, so that it can be journaled before anything acts, and be done again.

use std::collections::BTreeMap;

use dsjepsen_history::NodeId;
use serde::{Deserialize, Serialize};

use super::overlap::Left;
use super::{BootDraw, Changed, LinkRules, Observed, Scene, Share};
use crate::clocks::{Skew, SkewId};
use crate::cluster::{ClusterError, Limit, LimitId, Limited, ProcessState, Unreached};
use crate::gate::Gate;
use crate::network::{RuleEvidence, RuleId};

/// How a part of a fault is undone; enough to do it again, or by another process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "undo", rename_all = "kebab-case")]
pub enum Undo {
    /// Let data flow again between nodes that were cut off from one another.
    Reconnect {
        /// The directed pairs of nodes that are cut.
        cut: Vec<(NodeId, NodeId)>,
        /// The rule in the network, once it is in force.
        #[serde(skip)]
        rule: Option<RuleId>,
        /// Whether probes were sent over the cut links.
        #[serde(skip)]
        probed: bool,
    },
    /// Let data pass between nodes as if nothing were.
    Clear {
        /// The directed pairs of nodes.
        links: Vec<(NodeId, NodeId)>,
        /// What is put in force between them.
        #[serde(skip)]
        rules: LinkRules,
    },
    /// Let a stopped node go on.
    Resume {
        /// The node.
        node: NodeId,
    },
    /// Start a killed node again.
    Restart {
        /// The node.
        node: NodeId,
    },
    /// Let a node boot that is killed at each boot.
    Boot {
        /// The node.
        node: NodeId,
        /// What decides at which moments.
        #[serde(flatten)]
        draw: BootDraw,
    },
    /// Start a node again as it was.
    Restore {
        /// The node.
        node: NodeId,
        /// How it was started instead.
        #[serde(flatten)]
        form: Changed,
        /// Whether it is to be left down, because another fault holds it so.
        #[serde(skip)]
        stays_down: bool,
    },
    /// Let a node's processes have as much again as they had.
    Lift {
        /// The node.
        node: NodeId,
        /// What they are limited to.
        #[serde(flatten)]
        limit: Limit,
        /// That very limit, once it is in force.
        #[serde(skip)]
        id: Option<LimitId>,
    },
    /// Take a skew from a node's clock again.
    Unskew {
        /// The node.
        node: NodeId,
        /// The skew.
        #[serde(flatten)]
        skew: Skew,
        /// That very skew, once it is in force.
        #[serde(skip)]
        id: Option<SkewId>,
        /// The processes that it did not reach when it began.
        #[serde(skip)]
        unreached: Vec<Unreached>,
    },
    /// Let a node run all the time again.
    Unthrottle {
        /// The node.
        node: NodeId,
        /// How much it was to run.
        #[serde(flatten)]
        share: Share,
    },
    /// Let a stopped worker go on.
    OpenGate {
        /// The worker.
        worker: usize,
    },
}

impl Undo {
    /// The node whose processes it is about; none where it is about links, or a worker.
    fn node(&self) -> Option<NodeId> {
        match self {
            Self::Resume { node }
            | Self::Restart { node }
            | Self::Boot { node, .. }
            | Self::Restore { node, .. }
            | Self::Lift { node, .. }
            | Self::Unskew { node, .. }
            | Self::Unthrottle { node, .. } => Some(*node),
            Self::Reconnect { .. } | Self::Clear { .. } | Self::OpenGate { .. } => None,
        }
    }

    /// Where the fault is while it is in force, and with what it ends if nobody undoes it.
    pub(super) fn place(&self) -> String {
        self.node().map_or_else(|| "the controller".to_owned(), |node| format!("the processes of {node}"))
    }

    pub(super) fn nodes(&self) -> Vec<NodeId> {
        match self {
            Self::Reconnect { cut: links, .. } | Self::Clear { links, .. } => {
                links.iter().flat_map(|(from, to)| [*from, *to]).collect()
            }
            other => other.node().into_iter().collect(),
        }
    }
}

impl Scene {
    /// Undoes one part; doing it twice does no harm. Also says whether it is undone now.
    pub(super) async fn undo(&self, undo: &Undo) -> (Observed, bool) {
        let (whose, seen, confirmed, undone) = match undo {
            Undo::Reconnect { rule: None, .. } => ("links".to_owned(), "no rule was in force".to_owned(), false, true),
            Undo::Reconnect { rule: Some(rule), probed, .. } => {
                let (words, met_traffic) = describe(&self.cluster.network().remove(*rule));
                // Probes hang at the cut too; then what hangs there says nothing beyond what they said.
                ("links".to_owned(), words, met_traffic && !probed, true)
            }
            Undo::Clear { rules, .. } => {
                let (words, met_traffic) = rules.remove(self.cluster.network());
                ("links".to_owned(), words, met_traffic, true)
            }
            Undo::Resume { node } => {
                let (seen, undone) = match self.cluster.resume(*node).await {
                    Some(ProcessState::Running) => ("resumed", true),
                    Some(ProcessState::Stopped) => ("still stopped after SIGCONT", false),
                    None => ("not running, nothing to resume", true),
                };
                (node.to_string(), seen.to_owned(), false, undone)
            }
            Undo::Restart { node } => {
                let (seen, undone) = self.start_again(*node).await;
                (node.to_string(), seen, false, undone)
            }
            Undo::Boot { node, draw } => {
                let (words, confirmed) = self.let_boot(draw).await;
                let (seen, undone) = self.start_again(*node).await;
                (node.to_string(), format!("{words}; {seen}"), confirmed, undone)
            }
            Undo::Restore { node, form, stays_down } => {
                let (seen, undone) = self.cluster.restore(*node, form.id, *stays_down).await;
                (node.to_string(), seen, false, undone)
            }
            Undo::Lift { node, id: None, .. } => (node.to_string(), "was not limited".to_owned(), false, true),
            Undo::Lift { node, limit, id: Some(id) } => {
                let Limited { confirmed, lifted, seen } = self.cluster.lift(*node, *id, limit.resource);
                (node.to_string(), seen, confirmed, lifted)
            }
            Undo::Unskew { node, id: None, .. } => (node.to_string(), "was not skewed".to_owned(), false, true),
            Undo::Unskew { node, id: Some(id), unreached, .. } => {
                let (words, confirmed) = self.unskew(*node, *id, unreached);
                (node.to_string(), words, confirmed, true)
            }
            Undo::Unthrottle { node, share } => {
                let (words, confirmed) = self.unthrottle(*node, share).await;
                (node.to_string(), words, confirmed, true)
            }
            Undo::OpenGate { worker } => {
                let withheld = self.gates.get(*worker).map_or(0, Gate::open);
                (format!("worker {worker}"), format!("{withheld} wake-ups withheld"), withheld > 0, true)
            }
        };
        (Observed { confirmed, evidence: BTreeMap::from([(whose, seen)]) }, undone)
    }
}

impl Scene {
    /// Starts a node that was killed, and waits until it is ready; also says whether it runs.
    async fn start_again(&self, node: NodeId) -> (String, bool) {
        match self.cluster.restart(node).await {
            Ok(after) => (format!("ready {} ms after its restart", after.as_millis()), true),
            // A member that is not let in by the others, for a partition say, is up all the same.
            Err(ClusterError::NodeNotReady { after, .. }) if self.cluster.is_running(node) => {
                (format!("runs again, but was not ready within {} s", after.as_secs()), true)
            }
            Err(error) => (format!("not restarted: {error}"), false),
        }
    }

    /// Leaves a part of a fault that ends as it is; says why, and what has been seen of it.
    pub(super) fn leave(&self, undo: &Undo, why: Left) -> Observed {
        let (whose, seen, confirmed) = match undo {
            Undo::OpenGate { worker } => {
                let withheld = self.gates.get(*worker).map_or(0, Gate::withheld);
                (format!("worker {worker}"), format!("{why}, {withheld} wake-ups withheld so far"), withheld > 0)
            }
            other => {
                let whose = other.node().map_or_else(|| "links".to_owned(), |node| node.to_string());
                (whose, why.to_string(), false)
            }
        };
        Observed { confirmed, evidence: BTreeMap::from([(whose, seen)]) }
    }
}

/// What a fault of links met, in words, and whether it met anything at all.
pub(super) fn describe(evidence: &RuleEvidence) -> (String, bool) {
    let RuleEvidence {
        connections_held,
        bytes_held,
        connections_refused_or_pending,
        connections_reset,
        connections_half_closed,
        bytes_delayed,
        pieces_delayed,
        waited,
        times_limited,
    } = *evidence;
    let mut words = Vec::new();
    if connections_held + bytes_held > 0 {
        words.push(format!("{bytes_held} bytes held back on {connections_held} connections"));
    }
    if connections_refused_or_pending > 0 {
        words.push(format!("{connections_refused_or_pending} new connections left hanging or refused"));
    }
    if connections_reset > 0 {
        words.push(format!("{connections_reset} connections reset"));
    }
    if connections_half_closed > 0 {
        words.push(format!("{connections_half_closed} connections half closed"));
    }
    if bytes_delayed > 0 {
        words.push(format!("{bytes_delayed} bytes late"));
    }
    if pieces_delayed > 0 {
        let mean = waited.as_secs_f64() * 1e3 / pieces_delayed as f64;
        words.push(format!("{pieces_delayed} pieces passed after {mean:.1} ms on average"));
    }
    if times_limited > 0 {
        words.push(format!("data had to wait for their turn {times_limited} times"));
    }
    match evidence.met_traffic() {
        true => (words.join(", "), true),
        false => ("nothing met it".to_owned(), false),
    }
}
