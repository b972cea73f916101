//! One worker: carries out calls one at a time under its current process, and retires the process after an indeterminate one.

use dsjepsen_history::{Call, Nanos, Outcome, Process, Reason, Reply};
use tokio::sync::{mpsc, watch};

use super::{Conditions, Connect};
use crate::client::{Client, Seat};
use crate::generator::Phase;
use crate::random::{Purpose, stream};
use crate::recorder::Recorder;

/// A call to carry out.
pub(super) struct Job<C> {
    pub(super) call: C,
    pub(super) scheduled: Nanos,
}

/// A call that was carried out.
pub(super) struct Finished<C, R> {
    pub(super) worker: usize,
    pub(super) call: C,
    pub(super) outcome: Outcome<R>,
}

pub(super) struct WorkerSetup<K: Client> {
    pub(super) worker: usize,
    pub(super) conditions: Conditions,
    pub(super) recorder: Recorder<K::Call, K::Reply>,
    pub(super) phases: watch::Receiver<Phase>,
    pub(super) connect: Connect<K>,
}

impl<K: Client> WorkerSetup<K>
where
    K::Call: Call,
    K::Reply: Reply,
{
    fn open(&self, process: Process) -> Result<K, String> {
        let nodes = &self.conditions.nodes;
        let seat = Seat {
            worker: self.worker,
            process,
            node: nodes[self.worker % nodes.len()],
            clock: self.conditions.clock,
            recorder: self.recorder.clone(),
            phase: self.phases.clone(),
            occupancy: self.conditions.gates[self.worker].occupancy(),
            random: stream(self.conditions.seed, Purpose::Client, process.0 as usize),
        };
        (self.connect)(seat).map_err(|error| error.to_string())
    }
}

/// The worker's whole life: ends when the runner drops its side of `jobs`.
pub(super) async fn work<K: Client>(
    setup: WorkerSetup<K>,
    mut jobs: mpsc::UnboundedReceiver<Job<K::Call>>,
    report: mpsc::UnboundedSender<Finished<K::Call, K::Reply>>,
) {
    let concurrency = setup.conditions.settings.concurrency;
    let nodes = &setup.conditions.nodes;
    let node = nodes[setup.worker % nodes.len()];
    let mut process = Process(setup.worker as u32);
    let mut client: Option<K> = None;
    loop {
        let job = match &mut client {
            Some(client) => tokio::select! {
                biased;
                job = jobs.recv() => job,
                never = client.idle() => match never {},
            },
            None => jobs.recv().await,
        };
        let Some(Job { call, scheduled }) = job else { return };
        let opened = match client.take() {
            Some(client) => Ok(client),
            None => setup.open(process),
        };
        let ticket = setup.recorder.invoke(process, call.node().or(Some(node)), call.clone(), Some(scheduled));
        let outcome = match opened {
            Ok(mut opened) => {
                let outcome = opened.invoke(&call).await;
                client = Some(opened);
                outcome
            }
            Err(error) => Outcome::Fail(Reason::new(format!("no-client: {error}"))),
        };
        setup.recorder.complete(ticket, outcome.clone());
        if outcome.is_info() {
            client = None;
            process = Process(process.0 + concurrency);
        }
        if report.send(Finished { worker: setup.worker, call, outcome }).is_err() {
            return;
        }
    }
}
