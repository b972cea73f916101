//! Clusters whose nodes run a line of shell, or a small program.
#![allow(dead_code, reason = "each test binary uses a part of this")]
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::nemesis::{Nemesis, Scene, parse_nemesis, plan_faults};
use dsjepsen_engine::target::{
    Addressing, Control, Launch, NodeContext, Readiness, Target, Unavailable, Variant, Variants,
};
use dsjepsen_engine::{Cluster, ClusterError, ClusterPlan, Events, FaultRecorder, RunClock, find_marked};
use dsjepsen_history::{FaultDetail, FaultStage, Moment, NodeId, Plan, Promises, RunDirectory, RunEvent};

use crate::common::{DSJEPSEN, eventually};

/// The port of every node.
pub(crate) const PORT: u16 = 7301;

/// What stands for a node's own address in the arguments of a program.
pub(crate) const ADDRESS: &str = "{address}";

/// A target whose nodes run a line of shell, or a small program.
pub(crate) struct Shell {
    pub(crate) program: Cow<'static, str>,
    pub(crate) arguments: Words,
    pub(crate) addressing: Addressing,
    /// The words in a line of its output that say that it is ready.
    pub(crate) ready: &'static str,
    /// How many programs it is before it is the one that is meant.
    pub(crate) wrappers: usize,
    /// How often one still looks for a leader in vain.
    pub(crate) leaderless: AtomicU32,
}

/// The arguments of a program.
pub(crate) enum Words {
    /// `-c` and a line.
    Line(&'static str),
    /// These, with [`ADDRESS`] replaced.
    Given(Vec<String>),
}

impl Shell {
    /// Nodes that run this line of `sh`.
    pub(crate) const fn running(line: &'static str) -> Self {
        Self::of("/bin/sh", line, Addressing::PerLink)
    }

    /// Nodes that run this line of `bash`, which can dial; `$PEER` is the name of the next node.
    pub(crate) const fn with_names(line: &'static str) -> Self {
        Self::of("/bin/bash", line, Addressing::SharedNames)
    }

    const fn of(shell: &'static str, line: &'static str, addressing: Addressing) -> Self {
        let (program, arguments) = (Cow::Borrowed(shell), Words::Line(line));
        let leaderless = AtomicU32::new(u32::MAX);
        Self { program, arguments, addressing, ready: "node is ready", wrappers: 0, leaderless }
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

    fn wrappers(&self) -> usize {
        self.wrappers
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let mut environment = BTreeMap::from([("GIVEN".to_owned(), "by the target".to_owned())]);
        let next = NodeId::at((node.node.position() + 1) % node.nodes.len());
        environment.extend(node.shared.get(&next).map(|name| ("PEER".to_owned(), name.clone())));
        let arguments = match &self.arguments {
            // The line finds the option that it is started with in `$0`.
            Words::Line(line) => ["-c", line].into_iter().map(str::to_owned).chain(node.variants.0.clone()).collect(),
            Words::Given(words) => words.iter().map(|word| word.replace(ADDRESS, &node.address.to_string())).collect(),
        };
        Launch {
            program: self.program.as_ref().into(),
            arguments,
            environment,
            files: BTreeMap::from([("config".to_owned(), "a file".to_owned())]),
            readiness: Readiness::LogLine(self.ready.to_owned()),
        }
    }

    async fn leader(&self, _control: &Control) -> Option<NodeId> {
        let in_vain = self.leaderless.fetch_update(Relaxed, Relaxed, |looks| looks.checked_sub(1));
        in_vain.is_err().then(|| NodeId::at(0))
    }

    fn abilities(&self, _variants: &Variants) -> Abilities {
        Abilities::default()
    }
}

/// Keeps what the nemesis records.
#[derive(Default)]
struct Kept(Mutex<Vec<FaultDetail>>);

impl FaultRecorder for Kept {
    fn record_fault(&self, stage: FaultStage) -> Moment {
        self.0.lock().unwrap().push(stage.value);
        Moment { index: 0, time: 0 }
    }
}

/// A run directory of its own, and what was told of the run.
pub(crate) struct Bench {
    folder: tempfile::TempDir,
    pub(crate) run: String,
    pub(crate) clock: RunClock,
    pub(crate) seen: Arc<Mutex<Vec<RunEvent>>>,
}

impl Bench {
    pub(crate) fn new(name: &str) -> Self {
        Self::within(tempfile::tempdir().unwrap(), name)
    }

    pub(crate) fn within(folder: tempfile::TempDir, name: &str) -> Self {
        let run = format!("{name}-{}", std::process::id());
        Self { folder, run, clock: RunClock::start(), seen: Arc::default() }
    }

    pub(crate) async fn start(&self, target: &'static Shell, nodes: usize) -> Result<Cluster, ClusterError> {
        self.start_with(target, nodes, false, Duration::from_secs(20)).await
    }

    pub(crate) async fn start_with(
        &self,
        target: &'static Shell,
        nodes: usize,
        own_clocks: bool,
        ready_time: Duration,
    ) -> Result<Cluster, ClusterError> {
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
            own_clocks,
            ready_time,
            clock: self.clock,
            events: Events::new(self.clock, vec![keep]),
        })
        .await
    }

    /// Does to the nodes what a schedule says, and tells what the nemesis recorded.
    pub(crate) async fn follow(&self, cluster: &Cluster, faults: &str, limit: Duration) -> Vec<FaultDetail> {
        let (asked, second) = (parse_nemesis(faults).unwrap(), Duration::from_secs(1));
        let schedule = plan_faults(&asked, &cluster.nodes(), 1, limit, second).unwrap();
        let kept = Arc::new(Kept::default());
        let scene = Scene { cluster: cluster.clone(), gates: Vec::new() };
        let events = Events::new(RunClock::start(), Vec::new());
        let directory = RunDirectory::open(&self.folder.path().join(&self.run)).unwrap();
        Nemesis::new(scene, schedule, kept.clone(), events, &directory).unwrap().follow_schedule().await;
        std::mem::take(&mut *kept.0.lock().unwrap())
    }

    /// The process of each of a node's starts, as this machine numbers them; a node may see itself with another number.
    pub(crate) fn pids(&self, node: NodeId) -> Vec<i32> {
        let seen = self.seen.lock().unwrap();
        let started = seen.iter().filter_map(|event| match event {
            RunEvent::NodeStarted { node: started, pid, .. } if *started == node => Some(*pid),
            _ => None,
        });
        started.collect()
    }

    pub(crate) fn file(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(&self.run).join("nodes").join(name)
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.file(name)).unwrap()
    }

    pub(crate) fn nothing_left(&self) {
        eventually("processes are left", || find_marked(&self.run).is_empty());
    }
}
