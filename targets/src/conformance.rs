//! Whether a system keeps the contract that it claims, step by step and without faults: what `dsjepsen target check` shows.
//! It knows the system only through the engine's abilities, so it holds for nodes over HTTP and for client programs alike.

mod cluster;
mod counter;
mod leader;
mod locks;
mod refusals;
mod registers;
mod shown;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use dsjepsen_engine::Cluster;
use dsjepsen_engine::api::{Abilities, Access, CallError, Deadline, Serve};
use dsjepsen_engine::target::{Target, Variants};
use dsjepsen_history::{NodeId, Process, Promises};
use tokio::time::{Instant, sleep};

pub use cluster::start_cluster;
use shown::Shown;

/// How long one request may take, and how long anything is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long one attempt of a request may take that may be repeated.
const ATTEMPT_TIME: Duration = Duration::from_secs(1);
/// The pause between two looks at what has to come about.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One step of the examination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is about: `counter`, `lock`, ….
    pub ability: &'static str,
    /// What was done.
    pub step: String,
    /// What has to come of it.
    pub expected: String,
    /// What came of it.
    pub result: CheckResult,
}

/// What came of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CheckResult {
    /// What has to; in words what it was.
    Passed(String),
    /// Something else; in words what it was.
    Failed(String),
    /// It was not tried, and why.
    Skipped(String),
}

impl Check {
    /// Whether it failed.
    pub fn failed(&self) -> bool {
        matches!(self.result, CheckResult::Failed(_))
    }
}

/// What is examined.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The system.
    pub target: &'a dyn Target,
    /// Its options.
    pub variants: &'a Variants,
    /// The port on which its nodes serve the HTTP/JSON contract themselves, where they do.
    pub contract_port: Option<u16>,
}

/// Examines a cluster that is up and ready and that nobody else uses: it must be new.
pub async fn examine(subject: Subject<'_>, cluster: &Cluster) -> Vec<Check> {
    let mut examination = Examination {
        cluster,
        abilities: subject.target.abilities(subject.variants),
        promises: subject.target.promises(subject.variants),
        contract_port: subject.contract_port,
        checks: Vec::new(),
        processes: 0,
    };
    examination.leader().await;
    examination.counter().await;
    examination.registers().await;
    examination.locks().await;
    examination.refusals().await;
    examination.checks
}

/// A step failed, so that those after it would show nothing.
struct Broken;

/// An examination so far.
struct Examination<'a> {
    cluster: &'a Cluster,
    abilities: Abilities,
    promises: Promises,
    contract_port: Option<u16>,
    checks: Vec<Check>,
    processes: u32,
}

impl Examination<'_> {
    /// A new process's access to a node.
    fn access(&mut self, node: NodeId) -> Access {
        self.processes += 1;
        self.cluster.access(Process(self.processes), node, node, ATTEMPT_TIME)
    }

    /// A new process's client at a node.
    fn connect<T: ?Sized>(&mut self, ability: &'static str, serve: &Serve<T>, node: NodeId) -> Result<Arc<T>, Broken> {
        let access = self.access(node);
        serve(&access).map_err(|error| {
            let failed = CheckResult::Failed(error.to_string());
            self.push(ability, &format!("connect to {node}"), "a client", failed);
            Broken
        })
    }

    /// The first node and the last, which may be the same.
    fn ends(&self) -> (NodeId, NodeId) {
        let nodes = self.cluster.nodes();
        (nodes[0], nodes[nodes.len() - 1])
    }

    fn push(&mut self, ability: &'static str, step: &str, expected: impl Display, result: CheckResult) {
        let (step, expected) = (step.to_owned(), expected.to_string());
        self.checks.push(Check { ability, step, expected, result });
    }

    fn skip(&mut self, ability: &'static str, step: &str, why: &str) {
        self.push(ability, step, "", CheckResult::Skipped(why.to_owned()));
    }

    /// What came of a step, held against what has to. Passes it on if it is so.
    fn expect<T: Shown>(
        &mut self,
        ability: &'static str,
        step: &str,
        expected: impl Display,
        came: Result<T, CallError>,
        fits: impl FnOnce(&T) -> bool,
    ) -> Result<T, Broken> {
        let (result, passed_on) = match came {
            Ok(value) if fits(&value) => (CheckResult::Passed(value.shown()), Ok(value)),
            Ok(value) => (CheckResult::Failed(value.shown()), Err(Broken)),
            Err(error) => (CheckResult::Failed(format!("no result: {error}")), Err(Broken)),
        };
        self.push(ability, step, expected, result);
        passed_on
    }

    /// What every node shows when it is asked, held against the one value that it has to be; asked again for a while unless
    /// every read is promised to see it.
    async fn everywhere<A: ?Sized, T: Shown + PartialEq>(
        &mut self,
        ability: &'static str,
        step: &str,
        serve: &Serve<A>,
        wanted: T,
        read: impl AsyncFn(Arc<A>) -> Result<T, CallError>,
    ) -> Result<(), Broken> {
        for node in self.cluster.nodes() {
            let client = self.connect(ability, serve, node)?;
            let came = look(
                self.promises.linearizable_reads,
                async || read(Arc::clone(&client)).await,
                |value| *value == wanted,
            )
            .await;
            if came.as_ref() != Ok(&wanted) {
                let step = format!("{step}, at {node}");
                return self.expect(ability, &step, wanted.shown(), came, |_| false).map(drop);
            }
        }
        let step = format!("{step}, at every node");
        let expected = wanted.shown();
        self.expect(ability, &step, expected, Ok(wanted), |_| true).map(drop)
    }

    /// Says that the rest of an ability's steps was not tried.
    fn conclude(&mut self, ability: &'static str, examined: Result<(), Broken>) {
        if examined.is_err() {
            self.skip(ability, "the rest", "a step before it failed");
        }
    }
}

/// The deadline of a request that begins now.
fn soon() -> Deadline {
    Instant::now() + PATIENCE
}

/// Looks until what is seen fits, no longer than is reasonable; then what was seen last. Where `promised` says that every look
/// sees the truth, it looks once.
async fn look<T>(
    promised: bool,
    what: impl AsyncFn() -> Result<T, CallError>,
    fits: impl Fn(&T) -> bool,
) -> Result<T, CallError> {
    let until = soon();
    loop {
        let seen = what().await;
        if promised || seen.as_ref().is_ok_and(&fits) || Instant::now() >= until {
            return seen;
        }
        sleep(LOOK_EVERY).await;
    }
}
