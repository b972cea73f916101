//! Nodes that are killed as they boot, over and over: each time at a random moment between the start of the process and the time
//! that it took to become ready: at the start of the run, or in the last of its boots that came so far. (The first boot of a
//! system is often its longest, for its nodes must find one another.) A node that is ready before its moment is killed then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use dsjepsen_history::NodeId;
use rand::RngExt;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::Cluster;
use super::launch::Stage;
use crate::random::Random;

/// The pause between two looks at a node that boots.
const LOOK: Duration = Duration::from_millis(1);
/// How long the last look before a kill may take; a node that has not answered by then is not ready.
const LAST_LOOK: Duration = Duration::from_millis(20);
/// The pause between a kill and the next start: a node that boots in no time is not to take the machine for itself.
const REST: Duration = Duration::from_millis(50);
/// The boot time of a node that was never seen ready.
const UNKNOWN_BOOT: Duration = Duration::from_secs(1);

/// What came of the boots.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Boots {
    /// Kills before the node was seen ready.
    pub(crate) before_ready: u32,
    /// Kills after it had answered.
    pub(crate) after_ready: u32,
    /// Boots that ended by themselves.
    pub(crate) own_ends: u32,
    /// Starts that failed.
    pub(crate) not_started: u32,
}

/// A node that is killed at each boot. It is let be when this is dropped.
#[derive(Debug)]
pub struct BootKills {
    node: NodeId,
    /// The latest moment of its next boot at which it is killed.
    pub(crate) latest: Duration,
    boots: Arc<Mutex<Boots>>,
    stop: watch::Sender<bool>,
    ended: watch::Receiver<bool>,
}

impl Cluster {
    /// Starts a node that was killed, and kills it as it boots, until [`Cluster::let_boot`].
    pub fn kill_at_boot(&self, node: NodeId, random: Random) -> BootKills {
        let latest = match self.lock().get_mut(&node) {
            Some(state) => {
                state.killed_at_boot = true;
                state.boot_time()
            }
            None => None,
        };
        let latest = latest.unwrap_or(UNKNOWN_BOOT);
        let (stop, stopped) = watch::channel(false);
        let (end, ended) = watch::channel(false);
        let boots = Arc::default();
        let killer = Killer { cluster: self.clone(), node, latest, random, boots: Arc::clone(&boots), stopped };
        tokio::spawn(async move {
            killer.run().await;
            end.send_replace(true);
        });
        BootKills { node, latest, boots, stop, ended }
    }

    /// Kills a node no more; it may be down now, or boot. Says what came of its boots.
    pub(crate) async fn let_boot(&self, kills: &BootKills) -> Boots {
        kills.stop.send_replace(true);
        // It is never broken off between a process's start and the note of it.
        let _ = kills.ended.clone().wait_for(|ended| *ended).await;
        if let Some(state) = self.lock().get_mut(&kills.node) {
            state.killed_at_boot = false;
        }
        *kills.boots.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a fault keeps killing this node as it boots: it counts as down meanwhile.
    pub fn is_killed_at_boot(&self, node: NodeId) -> bool {
        self.lock().get(&node).is_some_and(|state| state.killed_at_boot)
    }
}

struct Killer {
    cluster: Cluster,
    node: NodeId,
    latest: Duration,
    random: Random,
    boots: Arc<Mutex<Boots>>,
    stopped: watch::Receiver<bool>,
}

impl Killer {
    async fn run(mut self) {
        while !self.is_stopped() {
            let launched = self.cluster.launch(self.node).await;
            let began = Instant::now();
            let moment = began + self.latest.mul_f64(self.random.random::<f64>());
            if launched.is_err() {
                self.count(|boots| boots.not_started += 1);
            } else {
                let Some(stage) = self.until(began, moment).await else { break };
                // One that has ended by itself has nothing to be killed.
                let killed = self.cluster.kill(self.node).await.is_some();
                self.count(|boots| match stage {
                    _ if !killed => boots.own_ends += 1,
                    Stage::Ready => boots.after_ready += 1,
                    Stage::Boots | Stage::Ended(_) | Stage::Absent => boots.before_ready += 1,
                });
            }
            tokio::select! {
                () = sleep(REST) => {}
                () = self.until_stopped() => {}
            }
        }
    }

    /// Until it is over; also when nobody is left to say so.
    async fn until_stopped(&self) {
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }

    /// Whether it is over.
    fn is_stopped(&self) -> bool {
        *self.stopped.borrow() || self.stopped.has_changed().is_err()
    }

    fn count(&self, what: impl FnOnce(&mut Boots)) {
        what(&mut self.boots.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Until this moment, or until the node is ready before it; how far it was then, by a last look. `None` where it is over
    /// before.
    async fn until(&mut self, began: Instant, moment: Instant) -> Option<Stage> {
        let until_ready = async {
            while self.cluster.stage(self.node).await != Stage::Ready {
                sleep(LOOK).await;
            }
        };
        tokio::select! {
            () = until_ready => {}
            () = sleep_until(moment) => {
                return Some(timeout(LAST_LOOK, self.cluster.stage(self.node)).await.unwrap_or(Stage::Boots));
            }
            () = self.until_stopped() => return None,
        }
        self.latest = began.elapsed();
        Some(Stage::Ready)
    }
}
