//! The clocks of a cluster's nodes, where faults are to skew them: put in each process as it is started, and looked at all the
//! time, so that the run can tell what the nodes took for the time.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use dsjepsen_history::{NodeId, RunEvent};
use tokio::time::{Instant, sleep};

use super::Cluster;
use crate::clocks::{LastRead, NodeClock, Patch, Skew, SkewId, Witnessed};

/// The time between two looks at the nodes' clocks.
const LOOK: Duration = Duration::from_millis(100);
/// After this time a node's clock is told again although it has not changed.
const TELL_AGAIN: Duration = Duration::from_secs(1);
/// A smaller change of a skew is none; `gettimeofday` counts in microseconds.
const CHANGE_NS: u64 = 2_000;

/// The clocks, by node. Empty where none is to be skewed.
#[derive(Debug)]
pub(super) struct NodeClocks(BTreeMap<NodeId, Arc<NodeClock>>);

impl NodeClocks {
    pub(super) fn new(nodes: &[NodeId]) -> io::Result<Self> {
        nodes.iter().map(|node| Ok((*node, Arc::new(NodeClock::new()?)))).collect::<io::Result<_>>().map(Self)
    }

    /// By what the page of a node's clock is known among the files of this machine, where the node has one.
    pub(super) fn page(&self, node: NodeId) -> Option<u64> {
        self.0.get(&node)?.page_inode().ok()
    }

    /// How a process of this node gets its clock, behind so many wrappers.
    pub(super) fn patch(&self, node: NodeId, wrappers: usize) -> Option<Patch> {
        self.0.get(&node).map(|clock| Patch { clock: Arc::clone(clock), execs: wrappers })
    }
}

/// What was told of a node's clock last.
struct Told {
    read: LastRead,
    at: Instant,
}

impl Told {
    fn tells_more_than(&self, before: &Self) -> bool {
        let changed = self.read.ahead_ns.abs_diff(before.read.ahead_ns) >= CHANGE_NS;
        self.read.times > before.read.times && (changed || self.at - before.at >= TELL_AGAIN)
    }
}

impl Cluster {
    /// Skews a node's clock, as its processes see it now and after restarts. `None` where the nodes have no clocks of their
    /// own.
    pub fn skew(&self, node: NodeId, skew: Skew) -> Option<SkewId> {
        let clock = Arc::clone(self.inner.clocks.0.get(&node)?);
        let id = clock.begin(skew);
        if let Some(every) = skew.strobes_every() {
            tokio::spawn(async move {
                loop {
                    sleep(every).await;
                    if !clock.strobe(id) {
                        break;
                    }
                }
            });
        }
        Some(id)
    }

    /// Takes a skew away, and says what the node's processes saw of it.
    pub fn unskew(&self, node: NodeId, id: SkewId) -> Option<Witnessed> {
        self.inner.clocks.0.get(&node)?.end(id)
    }

    /// What the node's processes saw of a skew so far.
    pub fn witnessed(&self, node: NodeId, id: SkewId) -> Option<Witnessed> {
        self.inner.clocks.0.get(&node)?.witnessed(id)
    }

    /// How far ahead a node's processes read their clock last, in ns, if they have since it was last changed.
    pub fn clock_read(&self, node: NodeId) -> Option<i64> {
        self.inner.clocks.0.get(&node)?.last_read().map(|read| read.ahead_ns)
    }

    /// Tells, as events, how far ahead each node reads its clock, whenever that changes.
    pub(super) fn watch_clocks(&self) {
        if self.inner.clocks.0.is_empty() {
            return;
        }
        let weak = Arc::downgrade(&self.inner);
        tokio::spawn(async move {
            let mut told: BTreeMap<NodeId, Told> = BTreeMap::new();
            loop {
                sleep(LOOK).await;
                let Some(inner) = weak.upgrade() else { break };
                for (node, clock) in &inner.clocks.0 {
                    let Some(read) = clock.last_read() else { continue };
                    let before = told.get(node);
                    let events = &inner.plan.events;
                    let tell = |ahead_ns| events.emit(RunEvent::ClockRead { node: *node, ahead_ns });
                    let jumps = read.before_changes.into_iter().flat_map(|(least, most)| [least, most]);
                    let jumps: Vec<i64> = jumps.filter(|jump| jump.abs_diff(read.ahead_ns) >= CHANGE_NS).collect();
                    let jumped = !jumps.is_empty();
                    jumps.into_iter().for_each(tell);
                    let fresh = Told { read, at: Instant::now() };
                    if jumped || before.is_none_or(|before| fresh.tells_more_than(before)) {
                        tell(read.ahead_ns);
                        told.insert(*node, fresh);
                    }
                }
            }
        });
    }
}
