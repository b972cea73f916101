//! Clients: what carries out calls. A client belongs to one process; the runner makes a fresh one for each new process.

use std::convert::Infallible;
use std::future::{Future, pending};

use dsjepsen_history::{Call, Nanos, NodeId, Outcome, Process, Reply};
use tokio::sync::watch;

use crate::clock::RunClock;
use crate::gate::Occupancy;
use crate::generator::Phase;
use crate::random::Random;
use crate::recorder::Recorder;

/// Carries out the calls of one process, one at a time.
pub trait Client {
    /// What it is asked.
    type Call: Call;
    /// What it answers.
    type Reply: Reply;

    /// Carries out one call. It must end by itself, by its own deadlines; the runner drops it only when the run is over.
    fn invoke(&mut self, call: &Self::Call) -> impl Future<Output = Outcome<Self::Reply>>;

    /// What goes on between calls (renewing a lease). Dropped when the next call comes, so its state belongs in `self`.
    fn idle(&mut self) -> impl Future<Output = Infallible> {
        pending()
    }
}

/// What a client is given when its process begins.
pub struct Seat<C, R> {
    /// The worker, whose home and randomness stay when processes retire.
    pub worker: usize,
    /// The process.
    pub process: Process,
    /// The worker's home node.
    pub node: NodeId,
    /// The run's clock.
    pub clock: RunClock,
    /// Records background calls.
    pub recorder: Recorder<C, R>,
    /// The phase, as it changes.
    pub phase: watch::Receiver<Phase>,
    /// Tells the nemesis what this worker holds.
    pub occupancy: Occupancy,
    /// Randomness of the client's own.
    pub random: Random,
}

impl<C: Call, R: Reply> Seat<C, R> {
    /// The time, in ns since the start of the run.
    pub fn now(&self) -> Nanos {
        self.clock.now()
    }
}
