//! Programs that tell the time, in several languages, as the nodes of a cluster; and what they told.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use dsjepsen_engine::Cluster;
use dsjepsen_engine::target::{Addressing, NODE_PATH};
use dsjepsen_history::{FaultDetail, NodeId, RunEvent};

use crate::shell::{ADDRESS, Bench, PORT, Shell, Words};
use crate::wall_ns;

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

/// A line of a program's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Told {
    /// When it came, in ns of the run's clock.
    pub(crate) arrived_ns: i64,
    /// How far its wall clock was ahead of the machine's at that time.
    pub(crate) ahead_ns: i64,
    /// What it told of its clocks, the wall clock first; zeros where it told no more.
    pub(crate) clocks: [i64; 10],
}

fn running(program: &Path, arguments: Vec<String>) -> Shell {
    let program = program.display().to_string().into();
    Shell { program, arguments: Words::Given(arguments), ..Shell::running("") }
}

/// A cluster of programs that tell the time.
pub(crate) struct Teller {
    bench: Bench,
    target: &'static Shell,
    /// The machine's wall-clock time when the run's clock started.
    started_ns: i64,
}

impl Teller {
    pub(crate) fn new(language: Language, arguments: &[&str], addressing: Addressing) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (program, mut all) = language.build(folder.path());
        all.extend(arguments.iter().map(|word| (*word).to_owned()));
        Self::of(folder, Shell { addressing, ..running(&program, all) })
    }

    /// A program in C behind a script that runs others, too, and then becomes it.
    pub(crate) fn behind_a_script(wrappers: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (program, _) = Language::C.build(folder.path());
        let line = format!("date; sleep 0.05; exec {}", program.display());
        Self::of(folder, Shell { wrappers, ..running(Path::new("/bin/sh"), vec!["-c".to_owned(), line]) })
    }

    /// A program that never looks at the time.
    pub(crate) fn silent() -> Self {
        let target = Shell::running("echo node is ready; sleep 600 & wait");
        Self::of(tempfile::tempdir().unwrap(), target)
    }

    /// Nodes of etcd, each alone, with the interface that tells the time.
    pub(crate) fn etcd() -> Self {
        let line = format!(
            "--enable-v2 --data-dir=data.etcd --listen-client-urls=http://{ADDRESS}:{PORT} \
             --advertise-client-urls=http://{ADDRESS}:{PORT} --listen-peer-urls=http://{ADDRESS}:0"
        );
        let arguments = line.split_whitespace().map(str::to_owned).collect();
        let ready = "serving insecure client requests";
        Self::of(tempfile::tempdir().unwrap(), Shell { ready, ..running(Path::new("etcd"), arguments) })
    }

    fn of(folder: tempfile::TempDir, target: Shell) -> Self {
        use std::sync::atomic::{AtomicU32, Ordering};
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // Targets live as long as the program; a test has few.
        let target = Box::leak(Box::new(target));
        let name = format!("clocks-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let bench = Bench::within(folder, &name);
        // Whoever is held up between two looks finds too late a time; of some, the earliest is right.
        let looks = (0..9).map(|_| -i64::try_from(bench.clock.now()).unwrap() + wall_ns());
        Self { started_ns: looks.min().unwrap(), bench, target }
    }

    pub(crate) async fn start(&self, nodes: usize) -> Cluster {
        self.bench.start_with(self.target, nodes, true, Duration::from_secs(20)).await.unwrap()
    }

    /// Does to the nodes what a schedule says within two seconds, and tells what the nemesis recorded.
    pub(crate) async fn follow(&self, cluster: &Cluster, faults: &str) -> Vec<FaultDetail> {
        self.bench.follow(cluster, faults, Duration::from_secs(2)).await
    }

    pub(crate) async fn stop(&self, cluster: Cluster) {
        cluster.stop().await;
        drop(cluster);
        self.bench.nothing_left();
    }

    /// The run's clock.
    pub(crate) fn now_ns(&self) -> i64 {
        i64::try_from(self.bench.clock.now()).unwrap()
    }

    /// What was told of the run, as far as it is wanted.
    pub(crate) fn seen<T>(&self, wanted: impl Fn(&RunEvent) -> Option<T>) -> Vec<T> {
        self.bench.seen.lock().unwrap().iter().filter_map(wanted).collect()
    }

    /// All that a node told.
    pub(crate) fn told(&self, node: NodeId) -> Vec<Told> {
        let text = self.bench.read(&format!("{node}/log"));
        // The last line may be torn.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole.lines().filter_map(|line| self.read(line)).collect()
    }

    fn read(&self, line: &str) -> Option<Told> {
        let (arrived, rest) = line.split_once(' ')?;
        let arrived_ns: i64 = arrived.parse().ok()?;
        let mut clocks = [0; 10];
        for (clock, word) in clocks.iter_mut().zip(rest.strip_prefix("now ")?.split_whitespace()) {
            *clock = word.parse().ok()?;
        }
        Some(Told { arrived_ns, ahead_ns: clocks[0] - (self.started_ns + arrived_ns), clocks })
    }
}
