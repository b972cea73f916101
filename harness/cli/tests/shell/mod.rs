//! Clusters whose nodes run a line of shell.
#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::target::{
    Addressing, Control, Launch, NodeContext, Readiness, Target, Unavailable, Variant, Variants,
};
use dsjepsen_engine::{Cluster, ClusterError, ClusterPlan, Events, RunClock, find_marked};
use dsjepsen_history::{NodeId, Plan, Promises, RunDirectory, RunEvent};

use crate::common::{DSJEPSEN, eventually};

/// The port of every node.
pub(crate) const PORT: u16 = 7301;

/// A target whose nodes run a line of shell.
pub(crate) struct Shell {
    line: &'static str,
    interpreter: &'static str,
    addressing: Addressing,
}

impl Shell {
    /// Nodes that run this line of `sh`.
    pub(crate) const fn running(line: &'static str) -> Self {
        Self { line, interpreter: "/bin/sh", addressing: Addressing::PerLink }
    }

    /// Nodes that run this line of `bash`, which can dial; `$PEER` is the name of the next node.
    pub(crate) const fn with_names(line: &'static str) -> Self {
        Self { line, interpreter: "/bin/bash", addressing: Addressing::SharedNames }
    }
}

#[async_trait]
impl Target for Shell {
    fn name(&self) -> &str {
        "shell"
    }

    fn about(&self) -> &str {
        "a line of shell"
    }

    fn variants(&self) -> &[Variant] {
        const VARIANTS: &[Variant] = &[
            Variant { name: "slow", about: "is told so by an argument" },
            Variant { name: "broken", about: "is told so by an argument" },
        ];
        VARIANTS
    }

    fn expectation(&self) -> &str {
        "whatever the line does"
    }

    fn ports(&self) -> &[u16] {
        &[PORT]
    }

    fn available(&self) -> Result<String, Unavailable> {
        Ok("1".to_owned())
    }

    fn promises(&self, _variants: &Variants) -> Promises {
        Promises::default()
    }

    fn addressing(&self) -> Addressing {
        self.addressing
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let mut environment = BTreeMap::from([("GIVEN".to_owned(), "by the target".to_owned())]);
        let next = NodeId::at((node.node.position() + 1) % node.nodes.len());
        environment.extend(node.shared.get(&next).map(|name| ("PEER".to_owned(), name.clone())));
        Launch {
            program: self.interpreter.into(),
            // The line finds the option that it is started with in `$0`.
            arguments: ["-c", self.line].into_iter().map(str::to_owned).chain(node.variants.0.clone()).collect(),
            environment,
            files: BTreeMap::from([("config".to_owned(), "a file".to_owned())]),
            readiness: Readiness::LogLine("node is ready".to_owned()),
        }
    }

    async fn leader(&self, _control: &Control) -> Option<NodeId> {
        None
    }

    fn abilities(&self, _variants: &Variants) -> Abilities {
        Abilities::default()
    }
}

/// A run directory of its own, and what was told of the run.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) run: String,
    pub(crate) seen: Arc<Mutex<Vec<RunEvent>>>,
}

impl Bench {
    pub(crate) fn new(name: &str) -> Self {
        let run = format!("{name}-{}", std::process::id());
        Self { folder: tempfile::tempdir().unwrap(), run, seen: Arc::default() }
    }

    pub(crate) async fn start(&self, target: &'static Shell, nodes: usize) -> Result<Cluster, ClusterError> {
        let clock = RunClock::start();
        let seen = Arc::clone(&self.seen);
        let keep = Box::new(move |stamped: &dsjepsen_history::StampedEvent| {
            seen.lock().unwrap().push(stamped.event.clone());
        });
        Cluster::start(ClusterPlan {
            run: self.run.clone(),
            target,
            variants: Variants::default(),
            nodes: (0..nodes).map(NodeId::at).collect(),
            directory: RunDirectory::create(self.folder.path(), &Plan::of_nodes(&self.run, "shell", 1)).unwrap(),
            executable: DSJEPSEN.into(),
            own_clocks: false,
            ready_time: Duration::from_secs(2),
            clock,
            events: Events::new(clock, vec![keep]),
        })
        .await
    }

    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(&self.run).join("nodes").join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    pub(crate) fn nothing_left(&self) {
        eventually(Duration::from_secs(1), "processes are left", || find_marked(&self.run).is_empty());
    }
}
