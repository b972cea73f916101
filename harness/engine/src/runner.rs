//! The runner: asks the generator, hands calls to workers, records what they see, and leads the run through its phases. A
//! run ends by its deadlines whatever clients, nodes and faults do.

mod worker;

use std::panic::AssertUnwindSafe;
use std::rc::Rc;
use std::time::Duration;

use dsjepsen_history::{NodeId, RunEvent, RunSettings};
use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::task::LocalSet;
use tokio::time::{Instant, sleep, sleep_until};

use crate::client::{Client, Seat};
use crate::clock::RunClock;
use crate::events::Events;
use crate::gate::Gate;
use crate::generator::{Completion, Context, Generator, Phase, Step};
use crate::nemesis::Nemesis;
use crate::recorder::Recorder;
use crate::stop::{Stop, StopReason};

use worker::{Finished, Job, WorkerSetup, work};

/// How long clients may take to finish after the recovery phase.
const FINAL_TIME: Duration = Duration::from_secs(20);
/// How long the final heal may take; it restarts nodes.
const HEAL_TIME: Duration = Duration::from_secs(15);
/// How often progress is told and the recorder's health is looked at.
const PROGRESS_EVERY: Duration = Duration::from_millis(1000);
/// A delay of the runtime worth telling: latencies around it are the harness's, not the target's.
const STALL: Duration = Duration::from_millis(50);

/// Everything that a run's clients need beside the workload.
#[derive(Clone)]
pub struct Conditions {
    /// The run's clock.
    pub clock: RunClock,
    /// The stream of run events.
    pub events: Events,
    /// Cuts the run short.
    pub stop: Stop,
    /// The settings.
    pub settings: RunSettings,
    /// The seed.
    pub seed: u64,
    /// The nodes; worker w is at home on node w modulo their number.
    pub nodes: Vec<NodeId>,
    /// A gate for each worker.
    pub gates: Vec<Gate>,
    /// When this program's process began, for the time to the first success.
    pub process_began: std::time::Instant,
}

/// Makes the client of a new process.
pub type Connect<K> =
    Rc<dyn Fn(Seat<<K as Client>::Call, <K as Client>::Reply>) -> Result<K, Box<dyn std::error::Error>>>;

/// Leads clients and faults through all phases. Returns when the final phase is over, or its deadline, or the run was cut
/// short; every fault has been healed then. Without a nemesis nothing is broken.
pub async fn run<K, G>(
    conditions: &Conditions,
    recorder: &Recorder<K::Call, K::Reply>,
    generator: G,
    connect: Connect<K>,
    nemesis: Option<Nemesis>,
) where
    K: Client + 'static,
    G: Generator<K::Call, K::Reply>,
{
    let (phase, phases) = watch::channel(Phase::Main);
    let tasks = LocalSet::new();
    let watcher = tasks.spawn_local(watch_run(conditions.clone(), recorder.clone()));
    // The sender of phases outlives the dispatcher, whatever becomes of the conductor.
    let phase = Rc::new(phase);
    let conducted = tasks.spawn_local(conduct(conditions.clone(), nemesis, Rc::clone(&phase)));
    let conducted = async {
        let ended = conducted.await;
        if let Err(error) = &ended {
            conditions.stop.ask(StopReason::Failed(format!("the nemesis failed: {error}")));
        }
    };
    tasks
        .run_until(async {
            let mut dispatcher = Dispatcher::new::<K>(conditions, recorder, generator, phases, connect);
            // A run that was cut short still heals; the conductor's own deadlines bound this.
            tokio::join!(dispatcher.dispatch(), conducted);
        })
        .await;
    drop(phase);
    watcher.abort();
}

/// Sets the phases: faults by their schedule until the time limit, heal, recovery, final.
async fn conduct(conditions: Conditions, mut nemesis: Option<Nemesis>, phase: Rc<watch::Sender<Phase>>) {
    let settings = &conditions.settings;
    let enter = |next: Phase| {
        conditions.events.emit(RunEvent::Phase { phase: next.name().to_owned() });
        phase.send_replace(next);
    };
    enter(Phase::Main);
    tell_health(&nemesis, false).await;
    let limit = sleep(Duration::from_millis(settings.time_limit_ms));
    tokio::select! {
        () = async { tokio::join!(follow(&mut nemesis), limit); } => {}
        () = conditions.stop.asked() => {}
        () = sleep(Duration::from_millis(settings.time_limit_ms) + HEAL_TIME) => {
            conditions.events.warn("a fault did not end in time; it is healed now");
        }
    }
    enter(Phase::Recovery);
    if let Some(nemesis) = &mut nemesis
        && tokio::time::timeout(HEAL_TIME, nemesis.heal_all()).await.is_err()
    {
        conditions.events.warn("not every fault could be healed in time");
    }
    tokio::select! {
        () = sleep(Duration::from_millis(settings.recovery_time_ms)) => {}
        () = conditions.stop.asked() => {}
    }
    tell_health(&nemesis, true).await;
    enter(Phase::Final);
}

async fn tell_health(nemesis: &Option<Nemesis>, after_faults: bool) {
    if let Some(nemesis) = nemesis {
        nemesis.tell_health(after_faults).await;
    }
}

async fn follow(nemesis: &mut Option<Nemesis>) {
    if let Some(nemesis) = nemesis {
        nemesis.follow_schedule().await;
    }
}

/// Tells progress and stalls, and ends the run when its history can no longer be written.
async fn watch_run<C: dsjepsen_history::Call, R: dsjepsen_history::Reply>(
    conditions: Conditions,
    recorder: Recorder<C, R>,
) {
    const TICK: Duration = Duration::from_millis(20);
    let mut last_progress = Instant::now();
    let mut last_done = 0;
    let mut first_ok = false;
    loop {
        let before = Instant::now();
        sleep(TICK).await;
        let late = before.elapsed().saturating_sub(TICK);
        if late > STALL {
            conditions.events.emit(RunEvent::Stall { for_ms: late.as_millis() as u64 });
        }
        let (invoked, outcomes) = recorder.counts();
        if !first_ok && outcomes[0] > 0 {
            first_ok = true;
            let since_process_start_ms = conditions.process_began.elapsed().as_millis() as u64;
            conditions.events.emit(RunEvent::FirstOk { since_process_start_ms });
        }
        if last_progress.elapsed() >= PROGRESS_EVERY {
            let done: u64 = outcomes.iter().sum();
            let rate = ((done - last_done) as f64 / last_progress.elapsed().as_secs_f64()).round() as u64;
            conditions.events.emit(RunEvent::Progress { invoked, outcomes, rate });
            (last_progress, last_done) = (Instant::now(), done);
        }
        if let Some(failure) = recorder.failure() {
            conditions.stop.ask(StopReason::Failed(failure));
        }
    }
}

/// Asks the generator and hands its calls to free workers.
struct Dispatcher<'a, C, R, G> {
    conditions: &'a Conditions,
    generator: G,
    phases: watch::Receiver<Phase>,
    free: Vec<bool>,
    jobs: Vec<mpsc::UnboundedSender<Job<C>>>,
    finished: mpsc::UnboundedReceiver<Finished<C, R>>,
}

impl<'a, C, R, G> Dispatcher<'a, C, R, G>
where
    C: dsjepsen_history::Call,
    R: dsjepsen_history::Reply,
    G: Generator<C, R>,
{
    fn new<K: Client<Call = C, Reply = R> + 'static>(
        conditions: &'a Conditions,
        recorder: &Recorder<C, R>,
        generator: G,
        phases: watch::Receiver<Phase>,
        connect: Connect<K>,
    ) -> Self {
        let (report, finished) = mpsc::unbounded_channel();
        let jobs = (0..conditions.gates.len())
            .map(|worker| {
                let (send, receive) = mpsc::unbounded_channel();
                let setup = WorkerSetup {
                    worker,
                    conditions: conditions.clone(),
                    recorder: recorder.clone(),
                    phases: phases.clone(),
                    connect: Rc::clone(&connect),
                };
                let task = AssertUnwindSafe(work(setup, receive, report.clone())).catch_unwind();
                let stop = conditions.stop.clone();
                tokio::task::spawn_local(conditions.gates[worker].guard(async move {
                    if task.await.is_err() {
                        stop.ask(StopReason::Failed(format!("worker {worker} panicked")));
                    }
                }));
                send
            })
            .collect();
        Self { conditions, generator, phases, free: vec![true; conditions.gates.len()], jobs, finished }
    }

    async fn dispatch(&mut self) {
        let mut deadline: Option<Instant> = None;
        loop {
            if self.conditions.stop.reason().is_some() {
                return;
            }
            let phase = *self.phases.borrow_and_update();
            if phase == Phase::Final {
                let deadline = *deadline.get_or_insert_with(|| Instant::now() + FINAL_TIME);
                if Instant::now() >= deadline {
                    self.conditions
                        .events
                        .warn("clients did not finish in time; what was in flight stays indeterminate");
                    return;
                }
            }
            let step = self.step(phase);
            let wake = match step {
                Step::Invoke { .. } => continue,
                Step::Done if phase == Phase::Final && self.free.iter().all(|free| *free) => return,
                Step::WaitUntil(time) => Some(Instant::from_std(self.conditions.clock.instant(time))),
                Step::Pending | Step::Done => None,
            };
            self.wait(wake, deadline).await;
        }
    }

    /// One step of the generator; an invocation is handed over at once.
    fn step(&mut self, phase: Phase) -> Step<C> {
        while let Ok(finished) = self.finished.try_recv() {
            self.observe(phase, finished);
        }
        let context = Context { now: self.conditions.clock.now(), phase, free: &self.free };
        let step = self.generator.next(&context);
        if let Step::Invoke { worker, call, scheduled } = &step {
            self.free[*worker] = false;
            // A worker that is gone has panicked, and has ended the run.
            let _ = self.jobs[*worker].send(Job { call: call.clone(), scheduled: *scheduled });
        }
        step
    }

    fn observe(&mut self, phase: Phase, finished: Finished<C, R>) {
        self.free[finished.worker] = true;
        let context = Context { now: self.conditions.clock.now(), phase, free: &self.free };
        let Finished { worker, call, outcome } = &finished;
        self.generator.observe(&context, &Completion { worker: *worker, call, outcome });
    }

    async fn wait(&mut self, wake: Option<Instant>, deadline: Option<Instant>) {
        let far = Instant::now() + Duration::from_secs(3600);
        let until = wake.into_iter().chain(deadline).min().unwrap_or(far);
        let phase = *self.phases.borrow();
        tokio::select! {
            biased;
            finished = self.finished.recv() => {
                if let Some(finished) = finished {
                    self.observe(phase, finished);
                }
            }
            _ = self.phases.changed() => {}
            () = self.conditions.stop.asked() => {}
            () = sleep_until(until) => {}
        }
    }
}
