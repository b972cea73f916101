//! How many operations a second the runner drives and records, with a client that does nothing, and how much memory an
//! operation takes. `cargo bench -p dsjepsen-engine --bench runner`.
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::convert::Infallible;
use std::rc::Rc;
use std::time::{Duration, Instant};

use dsjepsen_engine::generator::Calls;
use dsjepsen_engine::runner::{Conditions, Connect, run};
use dsjepsen_engine::{Client, Events, Gate, Recording, RunClock, Stop};
use dsjepsen_history::{Call, NodeId, Outcome, RunSettings};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
enum Ask {
    Write(u64),
}

impl Call for Ask {
    fn kind(&self) -> &'static str {
        "write"
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "f", content = "value", rename_all = "kebab-case")]
enum Answer {
    Write(bool),
}

struct Idle;

impl Client for Idle {
    type Call = Ask;
    type Reply = Answer;

    async fn invoke(&mut self, _call: &Ask) -> Outcome<Answer> {
        Outcome::Ok(Answer::Write(true))
    }

    async fn idle(&mut self) -> Infallible {
        std::future::pending().await
    }
}

const SECONDS: u64 = 3;
const RUNS: usize = 5;

/// One run: operations a second, and bytes of memory an operation.
fn drive() -> (f64, f64) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = RunClock::start();
    let settings = RunSettings {
        nodes: 5,
        concurrency: 10,
        time_limit_ms: SECONDS * 1000,
        recovery_time_ms: 0,
        rate: 0,
        op_timeout_ms: 1000,
        nemesis_interval_ms: 1000,
    };
    let conditions = Conditions {
        clock,
        events: Events::new(clock, Vec::new()),
        stop: Stop::default(),
        settings,
        seed: 1,
        nodes: (0..5).map(NodeId::at).collect(),
        gates: (0..10).map(|_| Gate::default()).collect(),
        process_began: Instant::now(),
    };
    let before = resident_bytes();
    let path = folder.path().join("history.jsonl");
    std::fs::write(&path, "{\"schema\":1,\"workload\":\"idle\"}\n").expect("a history file");
    let recording = Recording::<Ask, Answer>::begin(&path, "idle", clock).expect("a recording");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let connect: Connect<Idle> = Rc::new(|_| Ok(Idle));
    let mut next = 0;
    let generator = UntilFinal(Calls(move || {
        next += 1;
        Ask::Write(next)
    }));
    runtime.block_on(run(&conditions, &recording.recorder(), generator, connect, None));
    let (history, failure) = recording.finish();
    assert_eq!(failure, None, "the recording failed");
    let operations = history.operations.len() as f64;
    let memory = resident_bytes().saturating_sub(before) as f64;
    (operations / Duration::from_nanos(history.end.time).as_secs_f64(), memory / operations)
}

/// Ends with the final phase.
struct UntilFinal<G>(G);

impl<G> dsjepsen_engine::generator::Generator<Ask, Answer> for UntilFinal<G>
where
    G: dsjepsen_engine::generator::Generator<Ask, Answer>,
{
    fn next(&mut self, context: &dsjepsen_engine::generator::Context<'_>) -> dsjepsen_engine::generator::Step<Ask> {
        if context.phase == dsjepsen_engine::generator::Phase::Final {
            return dsjepsen_engine::generator::Step::Done;
        }
        self.0.next(context)
    }
}

fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status.split_whitespace().nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

fn main() {
    let mut runs: Vec<(f64, f64)> = (0..RUNS).map(|_| drive()).collect();
    runs.sort_by(|a, b| a.0.total_cmp(&b.0));
    let rates: Vec<String> = runs.iter().map(|(rate, _)| format!("{rate:.0}")).collect();
    println!("operations a second, {RUNS} runs of {SECONDS} s: {} (median {:.0})", rates.join(" "), runs[RUNS / 2].0);
    let memory = runs.iter().map(|(_, bytes)| *bytes).fold(0.0, f64::max);
    println!("memory an operation: {memory:.0} bytes at most");
}
