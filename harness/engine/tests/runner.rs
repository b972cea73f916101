//! The runner with clients that need no system: phases, processes, background calls, and that it ends.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use dsjepsen_engine::generator::{ByPhase, Calls, EachWorker, Limit, Stagger};
use dsjepsen_engine::runner::{Conditions, Connect, run};
use dsjepsen_engine::{Client, Events, Gate, Purpose, Recording, RunClock, Seat, Stop, StopReason, stream};
use dsjepsen_history::{Call, History, NodeId, Outcome, Reason, RunEvent, RunSettings, read_history, type_history};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
enum Ask {
    Work,
    Beat,
    Last,
}

impl Call for Ask {
    fn kind(&self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Beat => "beat",
            Self::Last => "last",
        }
    }

    fn is_background(&self) -> bool {
        *self == Self::Beat
    }
}

/// Answers after a moment; every third call stays indeterminate. Beats while it is idle.
struct Worker {
    seat: Seat<Ask, Ask>,
    calls: u32,
    stuck: bool,
}

impl Client for Worker {
    type Call = Ask;
    type Reply = Ask;

    async fn invoke(&mut self, call: &Ask) -> Outcome<Ask> {
        self.calls += 1;
        tokio::time::sleep(Duration::from_millis(2)).await;
        if self.stuck {
            std::future::pending::<()>().await;
        }
        match self.calls % 3 {
            0 => Outcome::Info(Reason::new("timeout")),
            1 => Outcome::Fail(Reason::new("refused")),
            _ => Outcome::Ok(call.clone()),
        }
    }

    async fn idle(&mut self) -> Infallible {
        loop {
            let ticket = self.seat.recorder.invoke(self.seat.process, Some(self.seat.node), Ask::Beat, None);
            self.seat.recorder.complete(ticket, Outcome::Ok(Ask::Beat));
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

struct Ran {
    history: History<Ask, Ask>,
    phases: Vec<String>,
    took: Duration,
}

/// Runs a second of work at 500 a second, then one last call of each worker.
async fn ran(stop_after: Option<Duration>, stuck: bool) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.jsonl");
    std::fs::write(&path, "{\"schema\":1,\"workload\":\"sample\"}\n").unwrap();
    let clock = RunClock::start();
    let phases = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&phases);
    let keep = Box::new(move |stamped: &dsjepsen_history::StampedEvent| {
        if let RunEvent::Phase { phase } = &stamped.event {
            seen.lock().unwrap().push(phase.clone());
        }
    });
    let conditions = Conditions {
        clock,
        events: Events::new(clock, vec![keep]),
        stop: Stop::default(),
        settings: RunSettings {
            nodes: 2,
            concurrency: 3,
            time_limit_ms: 1_000,
            recovery_time_ms: 50,
            rate: 500,
            op_timeout_ms: 100,
            nemesis_interval_ms: 100,
        },
        seed: 1,
        nodes: vec![NodeId::at(0), NodeId::at(1)],
        gates: (0..3).map(|_| Gate::default()).collect(),
        process_began: Instant::now(),
    };
    let recording = Recording::<Ask, Ask>::begin(&path, "sample", clock).unwrap();
    let main = Stagger::new(500, stream(1, Purpose::Stagger, 0), Calls(|| Ask::Work));
    let last = EachWorker::new(3, |_| Limit::new(1, Calls(|| Ask::Last)));
    let connect: Connect<Worker> = Rc::new(move |seat| Ok(Worker { seat, calls: 0, stuck }));
    let stop = conditions.stop.clone();
    if let Some(after) = stop_after {
        tokio::spawn(async move {
            tokio::time::sleep(after).await;
            stop.ask(StopReason::Interrupted);
        });
    }
    let began = Instant::now();
    run(&conditions, &recording.recorder(), ByPhase::new(main, last), connect, None).await;
    let took = began.elapsed();
    let (history, failure) = recording.finish();
    assert_eq!(failure, None);
    assert_eq!(read_back(&path), history);
    let phases = phases.lock().unwrap().clone();
    Ran { history, phases, took }
}

/// Also holds the rules of processes: none has two calls in flight, or one after an indeterminate one.
fn read_back(path: &Path) -> History<Ask, Ask> {
    type_history(read_history(path).unwrap(), path).unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn phases_follow_one_another_and_processes_retire() {
    let Ran { history, phases, .. } = ran(None, false).await;
    assert_eq!(phases, ["main", "recovery", "final"]);
    let of = |ask: Ask| history.operations.iter().filter(move |operation| operation.call == ask);
    assert!((50..900).contains(&of(Ask::Work).count()), "{} calls in 1,050 ms at 500/s", of(Ask::Work).count());
    assert_eq!(of(Ask::Last).count(), 3, "each worker's last call");
    assert!(of(Ask::Beat).count() > 0, "nothing went on between calls");
    let processes: BTreeSet<u32> = history.operations.iter().map(|operation| operation.process.0).collect();
    let infos = history.operations.iter().filter(|operation| operation.outcome.is_info()).count();
    assert!(infos > 3 && processes.len() > 3, "{infos} indeterminate calls, {} processes", processes.len());
    for operation in &history.operations {
        let worker = operation.process.0 as usize % 3;
        assert_eq!(operation.node, Some(NodeId::at(worker % 2)), "a worker's home stays");
    }
}

#[tokio::test(flavor = "current_thread")]
async fn a_run_that_is_cut_short_ends_at_once_though_clients_hang() {
    let Ran { history, took, .. } = ran(Some(Duration::from_millis(100)), true).await;
    assert!(took < Duration::from_secs(20), "{took:?}");
    let works = history.operations.iter().filter(|operation| operation.call == Ask::Work);
    assert!(works.clone().count() > 0 && works.clone().all(|operation| operation.completed.is_none()));
}
