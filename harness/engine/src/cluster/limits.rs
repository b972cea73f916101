//! Nodes that may open fewer files, or have less memory, than they were started with: the soft limits of their processes are
//! lowered, and raised again. Whoever owns a process may do that.
//!
//! Memory is RLIMIT_DATA: what a process has mapped privately and may write (`VmData`). Address space would be no measure: Go and
//! Java reserve far more of it than they ever use.

mod table;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use dsjepsen_history::NodeId;
use nix::libc;
use serde::{Deserialize, Serialize};
use tokio::time::sleep;

use super::node::Node;
use super::owners::Process;
use super::{Cluster, prlimit};
use table::{Own, Table};

/// The pause between two looks at a limited node's processes.
const LOOK: Duration = Duration::from_millis(50);
/// A process that has less memory than this left to its limit cannot get more: an allocator asks for at least as much at a
/// time.
const LEAST_MEMORY: u64 = 128 * 1024;

/// What is limited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resource {
    /// Open files, sockets included: the numbers of descriptors.
    Files,
    /// Memory that a process has for itself, in bytes.
    Memory,
}

impl Resource {
    fn number(self) -> u32 {
        match self {
            Self::Files => libc::RLIMIT_NOFILE,
            Self::Memory => libc::RLIMIT_DATA,
        }
    }

    /// How its line in `/proc/PID/limits` begins.
    fn line(self) -> &'static str {
        match self {
            Self::Files => "Max open files",
            Self::Memory => "Max data size",
        }
    }

    /// An amount of it in words.
    fn amount(self, amount: u64) -> String {
        match (self, amount) {
            (_, libc::RLIM64_INFINITY) => "no limit".to_owned(),
            (Self::Files, amount) => format!("{amount} files"),
            (Self::Memory, amount) => format!("{:.1} MiB", amount as f64 / f64::from(1 << 20)),
        }
    }
}

/// How much of what a node's processes may use, each by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limit {
    /// Of what.
    pub resource: Resource,
    /// How much.
    pub most: u64,
    /// Whether that is counted from what the process uses when the limit begins.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub above_use: bool,
}

/// A limit in force.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LimitId(u32);

/// What was seen of a limit.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Limited {
    /// Whether every process had it at the last look, and one of them met it, or the node ended by itself.
    pub confirmed: bool,
    /// Whether no process has it any more that should not.
    pub lifted: bool,
    /// What was seen, in words.
    pub seen: String,
}

/// What the looks at a limited node have shown.
#[derive(Debug, Default)]
struct Looks {
    count: u32,
    /// Looks at which a process could have no more.
    met: u32,
    /// The most that a process was seen to use.
    most: u64,
    /// The least that a process was held to at the last look that found any, and whether each really was.
    held_to: Option<(u64, bool)>,
    problem: Option<String>,
    own_ends_before: u32,
}

/// What came of holding the processes of a node to their limits.
#[derive(Debug, Default)]
struct Held {
    /// The least that one may have, and whether each is really held to its own.
    to: Option<(u64, bool)>,
    /// What the kernel said to it.
    refused: Option<String>,
    /// That a process has a limit of its own that is no higher.
    needless: Option<String>,
}

/// The limits of a cluster's nodes.
#[derive(Debug)]
pub(super) struct NodeLimits {
    nodes: Arc<Mutex<BTreeMap<NodeId, Node>>>,
    table: Mutex<Table>,
    looks: Mutex<BTreeMap<LimitId, Looks>>,
}

impl NodeLimits {
    pub(super) fn new(nodes: Arc<Mutex<BTreeMap<NodeId, Node>>>) -> Self {
        Self { nodes, table: Mutex::default(), looks: Mutex::default() }
    }

    fn of_node<T>(&self, node: NodeId, ask: impl Fn(&Node) -> T) -> Option<T> {
        self.nodes.lock().unwrap_or_else(PoisonError::into_inner).get(&node).map(ask)
    }

    /// The processes of a node, the one that was started first.
    pub(super) fn processes(&self, node: NodeId) -> Vec<i32> {
        let Some(running) = self.of_node(node, Node::running).flatten() else { return Vec::new() };
        let mut processes = Process::of_group(running.pid);
        processes.sort_by_key(|pid| (*pid != running.pid, *pid));
        processes
    }

    /// Holds every process of the node to what is in force now, and looks what they use.
    fn look(&self, node: NodeId, limit: LimitId, resource: Resource) {
        let processes = self.processes(node);
        let held = self.hold(node, resource, &processes);
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(looks) = looks.get_mut(&limit) else { return };
        if processes.is_empty() {
            return;
        }
        looks.count += 1;
        let used: Vec<(i32, Use)> = processes.iter().filter_map(|pid| Some((*pid, Use::of(*pid, resource)?))).collect();
        let meets = |(pid, used): &(i32, Use)| soft_limit(*pid, resource).is_some_and(|soft| used.meets(soft));
        looks.met += u32::from(used.iter().any(meets));
        looks.most = used.iter().map(|(_, used)| used.amount()).chain([looks.most]).max().unwrap_or_default();
        looks.held_to = held.to.or(looks.held_to);
        looks.problem = held.refused.or(held.needless);
    }

    /// Sets what each process should have.
    fn hold(&self, node: NodeId, resource: Resource, processes: &[i32]) -> Held {
        let mut table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
        table.keep_only(node, processes);
        let mut held = Held::default();
        for (position, pid) in processes.iter().enumerate() {
            // One that ended meanwhile is of no interest.
            let Ok(has) = prlimit::read(*pid, resource.number()) else { continue };
            let own = Own { node, pid: *pid, is_first: position == 0 };
            let Some(wanted) = table.wanted(own, resource, has.soft) else { continue };
            if wanted.soft != has.soft
                && let Err(error) = prlimit::set_soft(*pid, resource.number(), wanted.soft)
                && error.raw_os_error() != Some(libc::ESRCH)
            {
                held.refused = Some(format!("the kernel refuses the limit of process {pid}: {error}"));
            }
            if wanted.limited {
                let really = soft_limit(*pid, resource).is_none_or(|soft| soft == wanted.soft);
                let (least, all) = held.to.unwrap_or((u64::MAX, true));
                held.to = Some((wanted.soft.min(least), all && really));
            } else {
                held.needless = Some(format!("may not have more than {} anyway", resource.amount(wanted.soft)));
            }
        }
        held
    }

    fn begin(&self, node: NodeId, limit: Limit) -> LimitId {
        let processes = self.processes(node);
        let above = |pid: &i32| Some((*pid, Use::of(*pid, limit.resource)?.and(limit.most)));
        let of_each: BTreeMap<i32, u64> =
            if limit.above_use { processes.iter().filter_map(above).collect() } else { BTreeMap::new() };
        let of_first = processes.first().and_then(|pid| of_each.get(pid).copied());
        let most = of_first.unwrap_or(limit.most);
        let id = self.table.lock().unwrap_or_else(PoisonError::into_inner).begin(node, limit.resource, most, of_each);
        let own_ends_before = self.of_node(node, Node::own_ends).unwrap_or_default();
        let looks = Looks { own_ends_before, ..Looks::default() };
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).insert(id, looks);
        self.look(node, id, limit.resource);
        id
    }

    fn seen(&self, node: NodeId, limit: LimitId, resource: Resource) -> Limited {
        let looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(looks) = looks.get(&limit) else {
            return Limited { seen: "was not limited".to_owned(), ..Limited::default() };
        };
        let own_ends = self.of_node(node, Node::own_ends).unwrap_or_default() - looks.own_ends_before;
        let Some((least, everywhere)) = looks.held_to else {
            let seen = looks.problem.clone().unwrap_or_else(|| "did not run".to_owned());
            return Limited { seen, ..Limited::default() };
        };
        let mut words = vec![format!(
            "may have {}, was seen with {} and could have no more at {} of {} looks",
            resource.amount(least),
            resource.amount(looks.most),
            looks.met,
            looks.count
        )];
        if !everywhere {
            words.push("not every process has that limit".to_owned());
        }
        if own_ends > 0 {
            words.push(format!("ended by itself {own_ends} times"));
        }
        words.extend(looks.problem.clone());
        let confirmed = everywhere && looks.problem.is_none() && (looks.met > 0 || own_ends > 0);
        Limited { confirmed, lifted: false, seen: words.join(", ") }
    }

    fn end(&self, node: NodeId, limit: LimitId, resource: Resource) -> Limited {
        let mut seen = self.seen(node, limit, resource);
        self.table.lock().unwrap_or_else(PoisonError::into_inner).end(limit);
        // A child may have been forked between the list and the change, with the limit of its parent.
        let mut problems = BTreeSet::new();
        let mut restored = None;
        for _ in 0..2 {
            let processes = self.processes(node);
            problems.extend(self.hold(node, resource, &processes).refused);
            restored = processes.first().and_then(|pid| soft_limit(*pid, resource));
            let table = self.table.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = |pid: &&i32| table.is_to_be_restored(**pid, resource, soft_limit(**pid, resource));
            problems.extend(processes.iter().find(kept).map(|pid| format!("process {pid} keeps the limit")));
        }
        let words = match (restored, problems.first()) {
            (_, Some(problem)) => problem.clone(),
            (Some(soft), None) => format!("then again {}", resource.amount(soft)),
            (None, None) => "then not running".to_owned(),
        };
        seen.lifted = problems.is_empty();
        seen.seen = format!("{}; {words}", seen.seen);
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).remove(&limit);
        seen
    }
}

impl Cluster {
    /// Limits what each process of a node may use, also of one that is started later, until [`Cluster::lift`].
    pub fn limit(&self, node: NodeId, limit: Limit) -> LimitId {
        let limits = Arc::clone(&self.inner.limits);
        let id = limits.begin(node, limit);
        let limits: Weak<NodeLimits> = Arc::downgrade(&limits);
        tokio::spawn(async move {
            loop {
                sleep(LOOK).await;
                let Some(limits) = limits.upgrade() else { break };
                if !limits.looks.lock().unwrap_or_else(PoisonError::into_inner).contains_key(&id) {
                    break;
                }
                // It reads much of `/proc`, which is not for the thread of the clients.
                let look = tokio::task::spawn_blocking(move || limits.look(node, id, limit.resource));
                if look.await.is_err() {
                    break;
                }
            }
        });
        id
    }

    /// What was seen of a limit so far.
    pub fn limited(&self, node: NodeId, id: LimitId, resource: Resource) -> Limited {
        self.inner.limits.seen(node, id, resource)
    }

    /// Takes a limit away again: each process has what it would have without; says what was seen of it.
    pub fn lift(&self, node: NodeId, id: LimitId, resource: Resource) -> Limited {
        self.inner.limits.end(node, id, resource)
    }
}

/// What a process uses.
enum Use {
    /// These descriptors are open.
    Files(BTreeSet<u64>),
    /// It has so many bytes.
    Memory(u64),
}

impl Use {
    /// `None` for one that has ended or may not be looked at.
    fn of(pid: i32, resource: Resource) -> Option<Self> {
        match resource {
            Resource::Files => {
                let entries = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
                Some(Self::Files(entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()))
            }
            Resource::Memory => {
                let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
                let line = status.lines().find_map(|line| line.strip_prefix("VmData:"))?;
                let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
                Some(Self::Memory(kib * 1024))
            }
        }
    }

    fn amount(&self) -> u64 {
        match self {
            Self::Files(open) => open.len() as u64,
            Self::Memory(bytes) => *bytes,
        }
    }

    /// The limit with which it can have so much more. Of files that is a number: each new one gets the least that is free.
    fn and(&self, more: u64) -> u64 {
        match self {
            Self::Files(open) => (0..).filter(|number| !open.contains(number)).nth(more as usize).unwrap_or(u64::MAX),
            Self::Memory(bytes) => bytes.saturating_add(more),
        }
    }

    /// Whether the process would be refused more: a new file gets the least number that is free, and it must be below the
    /// limit.
    fn meets(&self, soft: u64) -> bool {
        match self {
            Self::Files(open) => {
                open.iter().zip(0..).take_while(|(open, number)| *open == number).count() as u64 >= soft
            }
            Self::Memory(bytes) => bytes.saturating_add(LEAST_MEMORY) > soft,
        }
    }
}

/// The soft limit of a process, as `/proc` shows it; what is not a number is none at all.
fn soft_limit(pid: i32, resource: Resource) -> Option<u64> {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).ok()?;
    let line = limits.lines().find_map(|line| line.strip_prefix(resource.line()))?;
    let word = line.split_whitespace().next()?;
    if word == "unlimited" { Some(libc::RLIM64_INFINITY) } else { word.parse().ok() }
}

impl fmt::Display for Limit {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { resource, most, above_use } = self;
        let sign = if *above_use { "+" } else { "" };
        match resource {
            Resource::Files => write!(out, "files {sign}{most}"),
            Resource::Memory if most % (1 << 20) == 0 => write!(out, "memory {sign}{}MiB", most >> 20),
            Resource::Memory => write!(out, "memory {sign}{most}B"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_meets_its_limit_when_no_number_below_it_is_free() {
        let open = |numbers: &[u64]| Use::Files(numbers.iter().copied().collect());
        assert!(open(&[0, 1, 2, 3]).meets(4) && open(&[0, 1, 2, 3, 9]).meets(3));
        assert!(!open(&[0, 1, 2, 3]).meets(5));
        // Many are open, and one below the limit is free.
        assert!(!open(&[0, 1, 3, 4, 5, 6]).meets(4));
        assert_eq!([0, 1, 2].map(|more| open(&[0, 1, 3, 4]).and(more)), [2, 5, 6]);
        assert!(open(&[0, 1, 3]).meets(open(&[0, 1, 3]).and(0)) && !open(&[0, 1, 3]).meets(open(&[0, 1, 3]).and(1)));
        assert!(Use::Memory(10 << 20).meets(10 << 20) && Use::Memory(10 << 20).meets(5 << 20));
        assert!(!Use::Memory(10 << 20).meets(11 << 20));
    }

    #[test]
    fn ones_own_limits_and_use_are_read() {
        let own = std::process::id() as i32;
        let before = prlimit::read(own, Resource::Files.number()).unwrap();
        assert_eq!(soft_limit(own, Resource::Files), Some(before.soft));
        let memory = prlimit::read(own, Resource::Memory.number()).unwrap();
        assert_eq!(soft_limit(own, Resource::Memory), Some(memory.soft));
        assert!(Use::of(own, Resource::Files).unwrap().amount() >= 3);
        assert!(Use::of(own, Resource::Memory).unwrap().amount() > 100_000);
        assert!(Use::of(-1, Resource::Files).is_none() && soft_limit(-1, Resource::Files).is_none());
    }
}
