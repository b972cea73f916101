//! Whole runs of the real binary: verdicts, files, exit codes, and that nothing survives.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use common::{
    DSJEPSEN, Running, Store, assert_nothing_left, check, decided, eventually, nothing_left_soon, read_json, text,
};
use dsjepsen_history::{NodeHealth, RunEvent, StampedEvent};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;

const SHORT: &str = "--time-limit 6 --recovery-time 1 --nemesis-interval 2.4";

/// Breaks a lock that does not look at owners: pauses outlast leases, five times.
const BREAKS_TTL_LOCK: &str = "--target ttl-lock --nemesis pause(n2,n3,n4) --nemesis-interval 1 --lease-ttl-ms 500 --locks 2 \
                               --time-limit 13 --recovery-time 1 --seed 5";

#[test]
fn a_sound_lock_survives_a_partition_and_the_files_tell_it() {
    let store = Store::new();
    let output = store.decide(&format!("--workload lock --nemesis partition --seed 3 {SHORT}"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = store.latest();
    let plan = read_json(&run.join("plan.json"));
    assert_eq!(plan["faults"].as_array().unwrap().len(), 1);
    assert_eq!(plan["faults"][0]["fault"], "partition");
    let verdict = read_json(&run.join("verdict.json"));
    assert_eq!((&verdict["verdict"], &verdict["schema"]), (&Value::from("valid"), &Value::from(1)));
    for kind in ["acquire", "write", "release", "renew"] {
        assert!(verdict["operations"]["by_kind"][kind]["ok"].as_u64().unwrap() > 0, "no {kind} succeeded");
    }
    let history = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
    assert_eq!(history.lines().next().unwrap(), r#"{"schema":1,"workload":"lock"}"#);
    assert_eq!(history.matches(r#""process":"nemesis""#).count(), 4, "request and completion of inject and heal");
    for node in 1..=5 {
        let log = std::fs::read_to_string(run.join(format!("nodes/n{node}/log"))).unwrap();
        let stamp = log.lines().next().unwrap().split(' ').next().unwrap();
        assert!(stamp.parse::<u64>().unwrap() < 6_000_000_000, "{stamp}");
    }
    let page = std::fs::read_to_string(run.join("index.html")).unwrap();
    assert!(page.contains("VALID") && page.contains("dsjepsen test --workload lock"));
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap();
    let events = events.lines().filter_map(|line| serde_json::from_str::<StampedEvent>(line).ok());
    let health: Vec<_> = events
        .filter_map(|stamped| match stamped.event {
            RunEvent::Health { after_faults, nodes } => Some((after_faults, nodes)),
            _ => None,
        })
        .collect();
    let [(false, before), (true, after)] = health.as_slice() else { panic!("{health:?}") };
    assert_eq!((before.len(), after.len()), (5, 5));
    let told = format!("{}; {}.", NodeHealth::of_all(false, before), NodeHealth::of_all(true, after));
    assert!(page.contains(&told.replacen('b', "B", 1)), "{told}");
    assert!(page.contains("Who held the locks") && page.contains("Bytes per link"));
    for plot in ["faults", "latency", "lanes", "links"] {
        assert!(run.join(format!("plots/{plot}.svg")).is_file(), "no {plot}.svg");
        let image = std::fs::read(run.join(format!("plots/{plot}.png"))).unwrap();
        assert!(image.starts_with(b"\x89PNG\r\n") && image.len() > 5_000, "{plot}.png");
    }
    let lanes = read_json(&run.join("lanes.json"));
    std::fs::remove_file(run.join("lanes.json")).unwrap();
    let (code, again, _) = check(&run);
    assert_eq!((code, &again), (0, &verdict), "check gives the verdict that test gave");
    assert_eq!(read_json(&run.join("lanes.json")), lanes, "and makes the same lanes");
    // Lanes that cannot be kept are told and change nothing.
    std::fs::remove_file(run.join("lanes.json")).unwrap();
    std::fs::create_dir(run.join("lanes.json")).unwrap();
    let (code, again, said) = check(&run);
    assert_eq!((code, again), (0, verdict));
    assert!(said.contains("the lanes are not kept"), "{said}");
    assert_nothing_left(&store.latest_name());
}

#[test]
fn a_sound_lock_survives_poor_links_and_slow_nodes_and_each_is_seen() {
    let store = Store::new();
    let faults = [
        "delay(all,10ms..40ms)",
        "loss(20%)",
        "rate(16kB/s)",
        "slice",
        "drop(n1>n2)",
        "reset(n3,after 500B)",
        "flap",
        "half-close(n2)",
        "throttle(n1, 30%)",
    ];
    let mut test = store.test("--workload lock --nodes 3 --seed 3 --nemesis-interval 1.2 --time-limit 27");
    let output = decided(test.args(["--nemesis", &faults.join(",")]));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let verdict = read_json(&store.latest().join("verdict.json"));
    assert_eq!(verdict["verdict"], "valid");
    let history = std::fs::read_to_string(store.latest().join("history.jsonl")).unwrap();
    let heals: Vec<Value> = history
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|event| event["process"] == "nemesis" && event["value"]["action"] == "heal")
        .filter(|event| event["value"]["outcome"] == "installed")
        .collect();
    assert_eq!(heals.len(), faults.len());
    for heal in heals {
        assert_eq!(heal["value"]["confirmed"], true, "{heal}");
    }
}

#[test]
fn a_naive_lock_is_broken_by_pauses_with_proof() {
    let store = Store::new();
    let output = store.run(&format!("{BREAKS_TTL_LOCK} --json --expect invalid"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let verdict = read_json(&store.latest().join("verdict.json"));
    let findings = verdict["findings"].as_array().unwrap();
    let exclusion = findings.iter().find(|finding| finding["rule"] == "lock.exclusion").expect("two holders");
    assert!(exclusion["operations"].as_array().unwrap().len() >= 2);
    assert!(exclusion["sentence"].as_str().unwrap().contains("at the same time"));
    let events: Vec<Value> =
        String::from_utf8(output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.last().unwrap()["event"], "finished");
    assert_eq!(events.last().unwrap()["verdict"], "invalid");
    let (code, again, _) = check(&store.latest());
    assert_eq!((code, again), (1, verdict));
}

#[test]
fn the_same_naive_lock_is_valid_without_faults() {
    let store = Store::new();
    // Leases and calls outlast a moment in which the machine itself stands still.
    let line = "--target ttl-lock --nemesis none --seed 5 --lease-ttl-ms 8000 --op-timeout-ms 8000 --expect invalid";
    let output = store.run(&format!("{line} {SHORT}"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn ctrl_c_ends_a_run_in_good_order() {
    let store = Store::new();
    let mut run = Running::quietly(store.test("--nemesis pause --time-limit 60 --seed 1 --json"));
    wait_for_operations(&store);
    let name = store.latest_name();
    run.signal(Signal::SIGINT);
    assert_eq!(run.wait(), Some(130));
    assert_nothing_left(&name);
    let verdict = read_json(&store.latest().join("verdict.json"));
    assert_eq!(verdict["verdict"], "unknown");
    assert!(verdict["findings"].as_array().unwrap().iter().any(|finding| finding["reason"] == "interrupted"));
    assert!(store.latest().join("index.html").exists());
    assert_eq!(check(&store.latest()).0, 2, "130 is for whoever received the signal");
}

#[test]
fn a_second_ctrl_c_ends_it_at_once() {
    let store = Store::new();
    let mut run = Running::quietly(store.test("--nemesis kill --time-limit 60 --seed 1"));
    wait_for_operations(&store);
    let name = store.latest_name();
    run.signal(Signal::SIGINT);
    run.signal(Signal::SIGINT);
    let code = run.wait();
    assert_eq!(code, Some(130));
    nothing_left_soon(&name);
}

#[test]
fn a_killed_controller_leaves_nothing_but_a_history_that_can_be_judged() {
    for (after_ms, line) in [(0, "--nemesis partition"), (300, "--nemesis pause"), (3300, "--nemesis pause,kill")] {
        let store = Store::new();
        let mut run = Running::quietly(store.test(&format!("{line} --time-limit 30 --nemesis-interval 1 --seed 2")));
        eventually("the run directory exists", || store.path().join("latest").exists());
        std::thread::sleep(Duration::from_millis(after_ms));
        let name = store.latest_name();
        run.signal(Signal::SIGKILL);
        run.wait();
        nothing_left_soon(&name);
        let (code, verdict, error) = check(&store.latest());
        assert_eq!(code, 2, "{line} after {after_ms} ms: {error}");
        assert_eq!(verdict["verdict"], "unknown", "{line} after {after_ms} ms");
    }
}

/// The guardian of a run, by its command line.
fn guardian_of(run: &str) -> Option<Pid> {
    let wanted = format!("guardian\0{run}\0");
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let mut guardians = pids.filter(|pid: &i32| {
        std::fs::read(format!("/proc/{pid}/cmdline"))
            .is_ok_and(|line| String::from_utf8_lossy(&line).ends_with(&wanted))
    });
    guardians.next().map(Pid::from_raw)
}

#[test]
fn heal_ends_what_is_left_when_nobody_else_could_and_never_a_run_that_goes_on() {
    let heal = |run: &Path| Command::new(DSJEPSEN).arg("heal").arg(run).output().unwrap();
    let store = Store::new();
    let mut run = Running::quietly(store.test("--nemesis pause(n1) --time-limit 60 --seed 1"));
    wait_for_operations(&store);
    let (path, name) = (store.latest(), store.latest_name());
    let journal = || std::fs::read_to_string(path.join("journal.jsonl")).unwrap_or_default();
    eventually("the pause", || journal().contains("resume"));
    let output = heal(&path);
    assert_eq!(output.status.code(), Some(254), "{}", text(&output));
    assert!(text(&output).contains("is still at work; Ctrl-C in its terminal"), "{}", text(&output));
    kill(guardian_of(&name).unwrap(), Signal::SIGKILL).unwrap();
    run.signal(Signal::SIGKILL);
    run.wait();
    nothing_left_soon(&name);
    // As a daemon that the node had started would: no group and no parent ties it to the run.
    let mut daemon = Command::new("sleep");
    daemon.arg("600").env(dsjepsen_engine::MARKER, &name);
    let mut daemon = Running::quietly(daemon);
    eventually("the daemon", || !dsjepsen_engine::find_marked(&name).is_empty());
    let output = heal(&path);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let said = text(&output);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], format!("ended process {}: sleep 600", daemon.0.id()));
    assert_eq!(lines[1], "pause was in force in the processes of n1: it ended with them");
    assert!(lines[2].starts_with("note: no verdict was reached; `dsjepsen check "), "{said}");
    assert_eq!(daemon.wait(), None);
    let again = text(&heal(&path));
    assert!(again.starts_with(&format!("nothing was left of {name}\n")), "{again}");
}

#[test]
fn two_runs_at_once_do_not_disturb_each_other() {
    let store = Store::new();
    let line = format!("--nemesis kill --seed 9 {SHORT} --json");
    let outputs = std::thread::scope(|scope| {
        [(), ()].map(|()| scope.spawn(|| store.decide(&line))).map(|run| run.join().unwrap())
    });
    for output in outputs {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    }
    let runs =
        std::fs::read_dir(store.path()).unwrap().flatten().filter(|entry| entry.path().join("plan.json").exists());
    assert!(runs.filter(|entry| entry.file_name() != "latest").count() >= 2);
}

/// A run that has drawn its page and is not heard, and what one would read to hear it.
fn unread(store: &Store) -> (Running, std::io::PipeReader) {
    let (reads, writes) = std::io::pipe().unwrap();
    // As small as a pipe can be: the run says more than that.
    nix::fcntl::fcntl(&reads, nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let mut command = store.test(&format!("--workload lock --target ttl-lock --seed 1 --json {SHORT}"));
    let run = Running(command.stdout(writes).spawn().unwrap());
    eventually("the page of the run", || store.path().join("latest/index.html").exists());
    (run, reads)
}

#[test]
fn a_run_does_not_wait_for_whoever_reads_what_it_says() {
    let store = Store::new();
    let (mut run, reads) = unread(&store);
    assert!(run.0.try_wait().unwrap().is_none(), "it has ended, and not all that it said was read");
    let said = std::io::read_to_string(reads).unwrap();
    assert!(said.len() > 4096 && said.lines().last().unwrap().contains(r#""event":"finished""#), "{said}");
    assert!(matches!(run.wait(), Some(0 | 1)));
}

#[test]
fn a_second_ctrl_c_ends_a_run_that_nobody_reads() {
    let store = Store::new();
    let (mut run, _reads) = unread(&store);
    run.signal(Signal::SIGINT);
    run.signal(Signal::SIGTERM);
    assert_eq!(run.wait(), Some(130));
}

fn wait_for_operations(store: &Store) {
    eventually("the first operations", || {
        std::fs::read_to_string(store.path().join("latest/history.jsonl")).is_ok_and(|text| text.lines().count() > 20)
    });
}
