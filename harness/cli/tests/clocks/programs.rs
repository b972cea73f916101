//! Programs that tell the time, in several languages, as the nodes of a cluster; and what they told.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use dsjepsen_engine::api::Abilities;
use dsjepsen_engine::target::{
    Addressing, Control, Launch, NODE_PATH, NodeContext, Readiness, Target, Unavailable, Variant, Variants,
};
use dsjepsen_engine::{Cluster, ClusterPlan, Events, RunClock, find_marked};
use dsjepsen_history::{NodeId, Plan, Promises, RunDirectory, RunEvent};

use crate::common::{DSJEPSEN, eventually};
use crate::wall_ns;

/// The port of a node.
pub(crate) const PORT: u16 = 7302;

/// What stands for a node's own address and data in the arguments of a program.
const ADDRESS: &str = "{address}";

/// What a program is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    C,
    StaticC,
    Go,
    Python,
    Java,
}

impl Language {
    pub(crate) const ALL: [Self; 5] = [Self::C, Self::StaticC, Self::Go, Self::Python, Self::Java];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::C => "c",
            Self::StaticC => "static_c",
            Self::Go => "static_go",
            Self::Python => "python",
            Self::Java => "java",
        }
    }

    /// What is not installed here, if anything.
    pub(crate) fn missing(self) -> Option<String> {
        let tool = match self {
            Self::C | Self::StaticC => "cc",
            Self::Go => "go",
            Self::Python => "/usr/bin/python3",
            Self::Java => "javac",
        };
        let found = Command::new(tool).arg(if tool == "go" { "version" } else { "--version" }).output().is_ok();
        (!found).then(|| format!("{tool} is not installed"))
    }

    /// Compiles the program into the folder, where that is needed, and says how it is started.
    fn build(self, folder: &Path) -> (PathBuf, Vec<String>) {
        let sources = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clocks");
        let source = |name: &str| sources.join(name).into_os_string();
        let program = folder.join("tell");
        let mut compiler = match self {
            Self::C => Command::new("cc"),
            Self::StaticC => {
                let mut compiler = Command::new("cc");
                compiler.arg("-static");
                compiler
            }
            Self::Go => {
                let mut compiler = Command::new("go");
                compiler.arg("build").env("CGO_ENABLED", "0").env("GO111MODULE", "off");
                compiler.env("GOCACHE", folder.join("cache"));
                compiler
            }
            Self::Python => return ("/usr/bin/python3".into(), vec![sources.join("tell.py").display().to_string()]),
            Self::Java => {
                let compiled = Command::new("javac").arg("-d").arg(folder).arg(source("Tell.java")).output().unwrap();
                assert!(compiled.status.success(), "{compiled:?}");
                let class_path = folder.display().to_string();
                let options = ["-XX:TieredStopAtLevel=1", "-cp", &class_path, "Tell"].map(str::to_owned);
                return (which("java"), options.into());
            }
        };
        compiler.arg("-o").arg(&program).arg(source(if self == Self::Go { "tell.go" } else { "tell.c" }));
        let compiled = compiler.output().unwrap();
        assert!(compiled.status.success(), "{}", String::from_utf8_lossy(&compiled.stderr));
        (program, Vec::new())
    }
}

/// Where a program is, past links and wrappers of a user's own.
fn which(name: &str) -> PathBuf {
    let found = NODE_PATH.split(':').map(|folder| Path::new(folder).join(name)).find(|path| path.exists());
    found.unwrap().canonicalize().unwrap()
}

struct Program {
    program: PathBuf,
    arguments: Vec<String>,
    addressing: Addressing,
    ready: &'static str,
    wrappers: usize,
}

#[async_trait]
impl Target for Program {
    fn name(&self) -> &str {
        "teller"
    }

    fn about(&self) -> &str {
        "tells the time"
    }

    fn variants(&self) -> &[Variant] {
        &[]
    }

    fn expectation(&self) -> &str {
        "it tells the time that it is made to believe in"
    }

    fn ports(&self) -> &[u16] {
        &[PORT]
    }

    fn addressing(&self) -> Addressing {
        self.addressing
    }

    fn available(&self) -> Result<String, Unavailable> {
        Ok("1".to_owned())
    }

    fn promises(&self, _variants: &Variants) -> Promises {
        Promises::default()
    }

    fn wrappers(&self) -> usize {
        self.wrappers
    }

    fn launch(&self, node: &NodeContext<'_>) -> Launch {
        let address = node.address.to_string();
        Launch {
            program: self.program.clone(),
            arguments: self.arguments.iter().map(|word| word.replace(ADDRESS, &address)).collect(),
            environment: BTreeMap::new(),
            files: BTreeMap::new(),
            readiness: Readiness::LogLine(self.ready.to_owned()),
        }
    }

    async fn leader(&self, _control: &Control) -> Option<NodeId> {
        None
    }

    fn abilities(&self, _variants: &Variants) -> Abilities {
        Abilities::default()
    }
}

/// A line of a program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// When it came, in ns of the run's clock.
    pub(crate) arrived_ns: i64,
    /// How far its wall clock was ahead of the machine's at that time.
    pub(crate) ahead_ns: i64,
    /// What it told of its clocks, the wall clock first; zeros where it told no more.
    pub(crate) clocks: [i64; 5],
}

/// A cluster of programs that tell the time.
pub(crate) struct Teller {
    folder: tempfile::TempDir,
    run: String,
    target: &'static Program,
    clock: RunClock,
    /// The machine's wall-clock time when the run's clock started.
    started_ns: i64,
    events: Arc<Mutex<Vec<RunEvent>>>,
}

impl Teller {
    pub(crate) fn new(language: Language, arguments: &[&str], addressing: Addressing) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (program, mut all) = language.build(folder.path());
        all.extend(arguments.iter().map(|word| (*word).to_owned()));
        let ready = "node is ready";
        Self::of(folder, Program { program, arguments: all, addressing, ready, wrappers: 0 })
    }

    /// A program in C behind a script that runs others, too, and then becomes it.
    pub(crate) fn behind_a_script(wrappers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (program, _) = Language::C.build(folder.path());
        let line = format!("date; sleep 0.05; exec {}", program.display());
        let (arguments, addressing, ready) = (vec!["-c".to_owned(), line], Addressing::PerLink, "node is ready");
        Self::of(folder, Program { program: "/bin/sh".into(), arguments, addressing, ready, wrappers })
    }

    /// A program that never looks at the time.
    pub(crate) fn silent() -> Self {
        let line = ["-c", "echo node is ready; sleep 600 & wait"].map(str::to_owned);
        let (addressing, ready) = (Addressing::PerLink, "node is ready");
        let program = Program { program: "/bin/sh".into(), arguments: line.into(), addressing, ready, wrappers: 0 };
        Self::of(tempfile::tempdir().unwrap(), program)
    }

    /// Nodes of etcd, each alone, with the interface that tells the time.
    pub(crate) fn etcd() -> Self {
        let line = format!(
            "--enable-v2 --data-dir=data.etcd --listen-client-urls=http://{ADDRESS}:{PORT} \
             --advertise-client-urls=http://{ADDRESS}:{PORT} --listen-peer-urls=http://{ADDRESS}:0"
        );
        let arguments = line.split_whitespace().map(str::to_owned).collect();
        let (addressing, ready) = (Addressing::PerLink, "serving insecure client requests");
        Self::of(
            tempfile::tempdir().unwrap(),
            Program { program: "etcd".into(), arguments, addressing, ready, wrappers: 0 },
        )
    }

    fn of(folder: tempfile::TempDir, target: Program) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let run = format!("clocks-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        // Targets live as long as the program; a test has few.
        let target = Box::leak(Box::new(target));
        let (started_ns, clock) = (wall_ns(), RunClock::start());
        Self { folder, run, target, clock, started_ns, events: Arc::default() }
    }

    pub(crate) async fn start(&self, nodes: usize) -> Cluster {
        let events = Arc::clone(&self.events);
        let keep = Box::new(move |stamped: &dsjepsen_history::StampedEvent| {
            events.lock().unwrap().push(stamped.event.clone());
        });
        let plan = ClusterPlan {
            run: self.run.clone(),
            target: self.target,
            variants: Variants::default(),
            nodes: (0..nodes).map(NodeId::at).collect(),
            directory: RunDirectory::create(self.folder.path(), &Plan::of_nodes(&self.run, "teller", 1)).unwrap(),
            executable: DSJEPSEN.into(),
            own_clocks: true,
            ready_time: Duration::from_secs(20),
            clock: self.clock,
            events: Events::new(self.clock, vec![keep]),
        };
        Cluster::start(plan).await.unwrap()
    }

    pub(crate) async fn stop(&self, cluster: Cluster) {
        cluster.stop().await;
        drop(cluster);
        eventually(Duration::from_secs(1), "processes are left", || find_marked(&self.run).is_empty());
    }

    /// The run's clock.
    pub(crate) fn now_ns(&self) -> i64 {
        i64::try_from(self.clock.now()).unwrap()
    }

    /// What was told of the run, as far as it is wanted.
    pub(crate) fn seen<T>(&self, wanted: impl Fn(&RunEvent) -> Option<T>) -> Vec<T> {
        self.events.lock().unwrap().iter().filter_map(wanted).collect()
    }

    /// All that a node told.
    pub(crate) fn told(&self, node: NodeId) -> Vec<Told> {
        let log = self.folder.path().join(&self.run).join("nodes").join(node.to_string()).join("log");
        let text = std::fs::read_to_string(log).unwrap();
        // The last line may be torn.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().filter_map(|line| self.read(line)).collect()
    }

    fn read(&self, line: &str) -> Option<Told> {
        let (arrived, rest) = line.split_once(' ')?;
        let arrived_ns: i64 = arrived.parse().ok()?;
        let mut clocks = [0; 5];
        for (clock, word) in clocks.iter_mut().zip(rest.strip_prefix("now ")?.split_whitespace()) {
            *clock = word.parse().ok()?;
        }
        Some(Told { arrived_ns, ahead_ns: clocks[0] - (self.started_ns + arrived_ns), clocks })
    }
}
