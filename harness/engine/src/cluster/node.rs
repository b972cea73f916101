//! What the cluster knows of one node's process.

use std::process::ExitStatus;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use super::forms::{Form, Forms};
use super::spawner::Spawned;
use crate::target::Readiness;

/// A node, running or not.
#[derive(Debug, Default)]
pub(super) struct Node {
    starts: u32,
    current: Option<Current>,
    /// How long it took from its first start until it was ready.
    boot_time: Option<Duration>,
    /// How often it has ended by itself.
    own_ends: u32,
    /// Whether it is killed again and again as it boots.
    pub(super) killed_at_boot: bool,
    /// The forms that faults give it.
    pub(super) forms: Forms,
}

#[derive(Debug)]
struct Current {
    pid: i32,
    ended: watch::Receiver<Option<ExitStatus>>,
    readiness: Readiness,
    line_seen: watch::Receiver<bool>,
    end_expected: bool,
    begun: Instant,
    form: Form,
}

/// A node's process.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) pid: i32,
    pub(super) ended: watch::Receiver<Option<ExitStatus>>,
}

impl Node {
    /// A process was started; returns how often the node was started before.
    pub(super) fn begin(
        &mut self,
        spawned: &Spawned,
        readiness: Readiness,
        line_seen: watch::Receiver<bool>,
        form: Form,
    ) -> u32 {
        let (pid, ended, begun) = (spawned.pid, spawned.ended.clone(), Instant::now());
        self.current = Some(Current { pid, ended, readiness, line_seen, end_expected: false, begun, form });
        self.starts += 1;
        self.starts - 1
    }

    /// The process was seen ready.
    pub(super) fn is_ready(&mut self) {
        if let Some(current) = &self.current {
            self.boot_time.get_or_insert(current.begun.elapsed());
        }
    }

    /// How long it took at the start of the run until it was ready.
    pub(super) fn boot_time(&self) -> Option<Duration> {
        self.boot_time
    }

    /// How often it has ended by itself.
    pub(super) fn own_ends(&self) -> u32 {
        self.own_ends
    }

    /// The form in which its process was started.
    pub(super) fn started_in(&self) -> Option<&Form> {
        self.current.as_ref().map(|current| &current.form)
    }

    /// The process, unless it has ended.
    pub(super) fn running(&self) -> Option<Running> {
        let current = self.current.as_ref()?;
        let alive = current.ended.borrow().is_none();
        alive.then(|| Running { pid: current.pid, ended: current.ended.clone() })
    }

    /// The process group that it was started as last, also when the first process of it has ended by itself.
    pub(super) fn group(&self) -> Option<i32> {
        self.current.as_ref().map(|current| current.pid)
    }

    /// How to tell that it is ready, whether its awaited line was seen, and how it ended if it did.
    pub(super) fn readiness(&self) -> Option<(Readiness, bool, Option<ExitStatus>)> {
        let current = self.current.as_ref()?;
        Some((current.readiness.clone(), *current.line_seen.borrow(), *current.ended.borrow()))
    }

    /// The process is about to be ended by the harness.
    pub(super) fn expect_end(&mut self) {
        if let Some(current) = &mut self.current {
            current.end_expected = true;
        }
    }

    /// This process is gone; a newer one stays.
    pub(super) fn forget(&mut self, pid: i32) {
        self.current.take_if(|current| current.pid == pid && current.ended.borrow().is_some());
    }

    /// This process ended; returns whether the harness wanted it.
    pub(super) fn ended(&mut self, pid: i32) -> bool {
        let expected = match &self.current {
            Some(current) if current.pid == pid => current.end_expected,
            _ => true,
        };
        self.own_ends += u32::from(!expected);
        expected
    }
}
