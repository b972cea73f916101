//! Series of whole runs, as one leaves them to a machine overnight: sound systems stay valid under every fault, alone and combined, and each
//! fault is seen to act; and whatever ends a run, nothing of it is left. A few of each here; `DSJEPSEN_SERIES=100` asks for so many.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]
#![allow(clippy::print_stderr, reason = "what is skipped is told")]

mod common;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use common::{DSJEPSEN, Running, Store, eventually, nothing_left_soon, read_json, text};
use dsjepsen_engine::nemesis::{Journal, faults};
use dsjepsen_engine::{Purpose, Random, stream};
use libtest_mimic::{Arguments, Trial};
use nix::sys::signal::Signal;
use rand::RngExt;
use rand::seq::IndexedRandom;

type Test = fn();

fn main() -> std::process::ExitCode {
    let arguments = Arguments::from_args();
    let no_etcd = Command::new("etcd").arg("--version").output().is_err();
    let tests: [(&str, bool, Test); 3] = [
        ("raft_is_valid_under_every_fault_alone_and_together", false, raft),
        ("etcd_is_valid_under_what_is_hardest_for_it", no_etcd, etcd),
        ("short_runs_leave_nothing_broken_however_they_end", false, short_runs),
    ];
    let trials = tests.into_iter().map(|(name, skipped, test)| {
        let name = if skipped { format!("{name} (skipped: etcd is not installed)") } else { name.to_owned() };
        let trial = Trial::test(name, move || {
            test();
            Ok(())
        });
        trial.with_ignored_flag(skipped)
    });
    libtest_mimic::run(&arguments, trials.collect()).exit_code()
}

/// How many runs are made side by side.
const AT_ONCE: u64 = 3;

/// The number of runs that is asked for.
fn asked() -> Option<u64> {
    std::env::var("DSJEPSEN_SERIES").ok().map(|text| text.parse().expect("DSJEPSEN_SERIES is a number"))
}

fn count(default: u64) -> u64 {
    asked().unwrap_or(default)
}

/// Makes the runs of these numbers, some at a time, and says which of them were not as they should be, and why.
fn series(runs: u64, run: impl Fn(u64) -> Result<(), String> + Sync) {
    let next = Mutex::new(0..runs);
    let draw = || next.lock().unwrap().next();
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE.min(runs) {
            scope.spawn(|| {
                while let Some(number) = draw() {
                    if let Err(why) = run(number) {
                        failures.lock().unwrap().push(format!("run {number}: {why}"));
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} of {runs} runs:\n{}", failures.len(), failures.join("\n"));
}

/// Every fault that this machine can do.
fn available() -> Vec<&'static str> {
    let (can, cannot) = faults().iter().copied().partition::<Vec<_>, _>(|fault| fault.available().is_ok());
    for fault in cannot {
        eprintln!("skipped: fault {} is not available here", fault.name());
    }
    can.into_iter().map(|fault| fault.name()).collect()
}

fn chance(number: u64) -> Random {
    stream(number, Purpose::Schedule, 0)
}

/// First every fault alone, then twos and threes of them.
fn schedule(number: u64, faults: &[&str]) -> String {
    match faults.get(number as usize) {
        Some(alone) => format!("{alone} for 3s every 5s"),
        None => together(number, faults, 100),
    }
}

/// Two or three faults that overlap, all within 80 of these units of time.
fn together(number: u64, faults: &[&str], unit_ms: u64) -> String {
    let mut random = chance(number);
    let mut some: BTreeSet<&str> = BTreeSet::new();
    while some.len() < 2 + number as usize % 2 {
        some.extend(faults.choose(&mut random));
    }
    let each = some.iter().map(|fault| {
        // Not at once: something must have succeeded before, also on a machine that is busy.
        let (start, lasts) = (random.random_range(10..=30), random.random_range(20..=50));
        format!("{fault} at {}ms for {}ms", start * unit_ms, lasts * unit_ms)
    });
    each.collect::<Vec<_>>().join("; ")
}

/// One run that must be valid: then every fault was seen to act, too. Of the few runs of a test, one that showed nothing, as on a
/// machine that stood still, is made once more.
fn valid(line: &str, nemesis: &str) -> Result<(), String> {
    match once(line, nemesis) {
        Err((Some(2), why)) if asked().is_none() => {
            eprintln!("once more: {why}");
            once(line, nemesis).map_err(|(_, why)| why)
        }
        other => other.map_err(|(_, why)| why),
    }
}

/// The exit code, and why it is not as it should be. Such a run is kept.
fn once(line: &str, nemesis: &str) -> Result<(), (Option<i32>, String)> {
    let store = Store::new();
    let mut run = store.test(line);
    run.args(["--nemesis", nemesis, "--quiet"]);
    let mut run = Running::quietly(run);
    let code = run.wait();
    let told = format!("{line} --nemesis '{nemesis}': exit code {code:?}");
    if !store.path().join("latest").exists() {
        return Err((code, told));
    }
    nothing_left_soon(&store.latest_name());
    let verdict = read_json(&store.latest().join("verdict.json"));
    if code == Some(0) && verdict["verdict"] == "valid" {
        return Ok(());
    }
    let run = store.keep();
    Err((code, format!("{told}, {} {}", verdict["sentence"], run.display())))
}

fn raft() {
    let faults = available();
    series(count(3), |number| {
        let workload = ["lock", "counter", "election", "register"][number as usize % 4];
        let line = format!("--workload {workload} --target raft --time-limit 10 --seed {number}");
        valid(&line, &schedule(number, &faults))
    });
}

fn etcd() {
    let hard = [
        "kill(one, boot) for 3s every 6s",
        "flap for 3s every 6s",
        "throttle for 3s every 6s",
        "partition(one-way) for 3s every 6s",
    ];
    series(count(1), |number| {
        let line = format!("--workload counter --target etcd --time-limit 10 --seed {number}");
        valid(&line, hard[number as usize % hard.len()])
    });
}

/// How a short run ends.
#[derive(PartialEq)]
enum Ending {
    Killed,
    Interrupted,
    Finished,
}

impl Ending {
    /// Of ten runs, three are killed and two interrupted.
    fn of(number: u64) -> Self {
        match number % 10 {
            0 | 3 | 6 => Self::Killed,
            1 | 4 => Self::Interrupted,
            _ => Self::Finished,
        }
    }

    fn signal(&self) -> Option<Signal> {
        match self {
            Self::Killed => Some(Signal::SIGKILL),
            Self::Interrupted => Some(Signal::SIGINT),
            Self::Finished => None,
        }
    }
}

fn short_runs() {
    let faults = available();
    series(count(3), |number| {
        let store = Store::new();
        let mut run =
            store.test(&format!("--workload lock --target raft --time-limit 2 --recovery-time 0.5 --seed {number}"));
        run.args(["--nemesis", &together(number, &faults, 20), "--quiet"]);
        let mut run = Running::quietly(run);
        let ending = Ending::of(number);
        if let Some(signal) = ending.signal() {
            eventually("a run directory", || store.path().join("latest").exists());
            std::thread::sleep(Duration::from_millis(chance(number).random_range(0..2500)));
            run.signal(signal);
        }
        let code = run.wait();
        let directory = store.latest();
        nothing_left_soon(&store.latest_name());
        if ending == Ending::Interrupted && code != Some(130) {
            return Err(format!("interrupted, it ended with {code:?}"));
        }
        let heal = || Command::new(DSJEPSEN).arg("heal").arg(&directory).output().unwrap();
        if ending == Ending::Killed {
            let output = heal();
            if output.status.code() != Some(0) {
                return Err(format!("heal failed: {}", text(&output)));
            }
        }
        let open = Journal::unhealed(&directory.join("journal.jsonl")).unwrap();
        if open.is_empty() { Ok(()) } else { Err(format!("not healed: {open:?}")) }
    });
}
