//! Nodes that are stopped and go on: for a while, or many times a second, so that they run at a fraction of their speed.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use dsjepsen_history::NodeId;
use nix::sys::signal::Signal;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use super::Cluster;

/// How often a second a throttled node is stopped and goes on: every so often.
const PERIOD: Duration = Duration::from_millis(20);

/// The nodes that are paused. Who stops a node or lets it go on holds this meanwhile, so that a throttled node that is paused
/// stays so.
pub(super) type PausedNodes = Mutex<BTreeSet<NodeId>>;

/// The state of a process, as `/proc` shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProcessState {
    /// Stopped by a signal (`T`).
    Stopped,
    /// Anything else.
    Running,
}

impl Cluster {
    /// Stops a node's processes with SIGSTOP; says their state as the kernel shows it, or `None` if it does not run.
    pub async fn pause(&self, node: NodeId) -> Option<ProcessState> {
        let mut paused = self.inner.paused.lock().await;
        let state = self.signal_and_look(node, Signal::SIGSTOP, ProcessState::Stopped).await;
        if state.is_some() {
            paused.insert(node);
        }
        state
    }

    /// Lets a stopped node go on.
    pub async fn resume(&self, node: NodeId) -> Option<ProcessState> {
        let mut paused = self.inner.paused.lock().await;
        paused.remove(&node);
        self.signal_and_look(node, Signal::SIGCONT, ProcessState::Running).await
    }

    async fn signal_and_look(&self, node: NodeId, signal: Signal, wanted: ProcessState) -> Option<ProcessState> {
        let running = self.running(node)?;
        if !self.inner.spawner.signal(running.pid, signal).await {
            return None;
        }
        let deadline = Instant::now() + Duration::from_secs(1);
        loop {
            let state = process_state(running.pid)?;
            if state == wanted || Instant::now() >= deadline {
                return Some(state);
            }
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Lets a node run for so many hundredths of the time only, also after it was started again.
    pub fn throttle(&self, node: NodeId, percent: u8) -> Throttling {
        let times = Arc::new(AtomicU32::new(0));
        let begun = self.cpu_time(node).map(|(pid, used)| (pid, used, Instant::now()));
        let (cluster, counted) = (self.clone(), Arc::clone(&times));
        let on = PERIOD * u32::from(percent.min(100)) / 100;
        let task = tokio::spawn(async move {
            loop {
                cluster.signal_unless_paused(node, Signal::SIGSTOP).await;
                sleep(PERIOD.saturating_sub(on)).await;
                // One that waits for a processor stops only once it gets it, so it is looked at as late as can be.
                if cluster.signal_unless_paused(node, Signal::SIGCONT).await == Some(ProcessState::Stopped) {
                    counted.fetch_add(1, Ordering::Relaxed);
                }
                sleep(on).await;
            }
        });
        Throttling { node, task, times, begun }
    }

    /// Lets a throttled node run all the time again, unless it is paused; says how often it was stopped, and the share of a
    /// processor that it used, where it is still the same process.
    pub async fn unthrottle(&self, throttling: &Throttling) -> (u32, Option<f64>) {
        throttling.task.abort();
        self.signal_unless_paused(throttling.node, Signal::SIGCONT).await;
        let used = throttling.begun.zip(self.cpu_time(throttling.node));
        let share = used.filter(|((before, ..), (now, _))| before == now).and_then(|((_, before, at), (_, after))| {
            let used = after.checked_sub(before)?.as_secs_f64();
            Some(used / at.elapsed().as_secs_f64().max(1e-3))
        });
        (throttling.times.load(Ordering::Relaxed), share)
    }

    /// Signals a node's processes; the state that they were in before, unless they are paused or do not run.
    async fn signal_unless_paused(&self, node: NodeId, signal: Signal) -> Option<ProcessState> {
        let paused = self.inner.paused.lock().await;
        if paused.contains(&node) {
            return None;
        }
        let pid = self.running(node)?.pid;
        let before = process_state(pid)?;
        self.inner.spawner.signal(pid, signal).await.then_some(before)
    }

    /// Which process a node's is, and how much time of a processor it has used.
    fn cpu_time(&self, node: NodeId) -> Option<(i32, Duration)> {
        let pid = self.running(node)?.pid;
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        // Fields 14 and 15 of proc(5), where the state is field 3: user and system time in ticks.
        let ticks: u64 = fields.get(11..13)?.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
        let tick = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok()??;
        Some((pid, Duration::from_secs_f64(ticks as f64 / tick as f64)))
    }
}

/// A node that is throttled.
#[derive(Debug)]
pub struct Throttling {
    node: NodeId,
    task: JoinHandle<()>,
    times: Arc<AtomicU32>,
    /// Which process it was, the time of a processor that it had used, and when that was.
    begun: Option<(i32, Duration, Instant)>,
}

impl Drop for Throttling {
    fn drop(&mut self) {
        self.task.abort();
    }
}

fn process_state(pid: i32) -> Option<ProcessState> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in brackets may contain anything; the state follows the last bracket.
    let state = stat.rsplit_once(')')?.1.trim_start().chars().next()?;
    Some(if state == 'T' { ProcessState::Stopped } else { ProcessState::Running })
}
