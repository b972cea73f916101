//! `dsjepsen export` of real runs: read again as another tool's history, the verdict is that of the run.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::path::PathBuf;
use std::process::{Command, Output};

use common::{DSJEPSEN, Store, check, read_json, text};

const SHORT: &str = "--time-limit 3 --recovery-time 1 --nemesis-interval 0.8";

fn dsjepsen(arguments: &[&str]) -> Output {
    Command::new(DSJEPSEN).args(arguments).output().unwrap()
}

/// Exports the newest run in both notations, and judges both. The exit codes must be one, and no file may be left beside.
fn judged(store: &Store, model: &[&str]) -> i32 {
    let run = store.latest();
    let codes = ["edn", "json"].map(|format| {
        let file = run.with_extension(format);
        let (run, file) = (run.to_str().unwrap(), file.to_str().unwrap());
        let output = dsjepsen(&["export", run, "--format", format, "--output", file]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output));
        let beside = std::fs::read_dir(store.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(!beside.into_iter().any(|name| name.to_str().unwrap().ends_with(".tmp")));
        dsjepsen(&[&["check", file, "--model"], model].concat()).status.code().unwrap()
    });
    assert_eq!(codes[0], codes[1]);
    codes[0]
}

#[test]
fn registers_are_judged_as_the_run_was() {
    let store = Store::new();
    let output = store.decide(&format!("--workload register --target raft --nemesis partition --seed 3 {SHORT}"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let model = ["cas-register", "--independent", "--failed-cas", "observe"];
    assert_eq!(judged(&store, &model), 0);
    let edn = std::fs::read_to_string(store.latest().with_extension("edn")).unwrap();
    assert!(edn.starts_with("{:index 0, :time ") && edn.contains(":process :nemesis, :f :start-partition"), "{edn}");
    let total = read_json(&store.latest().join("verdict.json"))["operations"]["total"].as_u64().unwrap();
    assert_eq!(edn.matches(":type :invoke").count() as u64, total, "each operation is there once");

    // The same history with one read of a value that was never there.
    let broken = store.latest().with_extension("broken.edn");
    let read = edn.lines().find(|line| line.contains(":type :ok") && line.contains(":f :read, :value [")).unwrap();
    let (head, tail) = read.split_once(", :value [").unwrap();
    let key = tail.split(' ').next().unwrap();
    std::fs::write(&broken, edn.replacen(read, &format!("{head}, :value [{key} 987654321]}}"), 1)).unwrap();
    let output = dsjepsen(&[&["check", broken.to_str().unwrap(), "--model"], &model[..]].concat());
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
}

#[test]
fn counters_are_judged_as_the_run_was() {
    let store = Store::new();
    let output = store.decide(&format!("--workload counter --target raft --nemesis kill --seed 4 {SHORT}"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(judged(&store, &["counter"]), 0);

    let store = Store::new();
    let output = store.decide(&format!("--workload counter --target rmw-counter --nemesis none --seed 4 {SHORT}"));
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    assert_eq!(judged(&store, &["counter"]), 1);
}

#[test]
fn locks_and_views_have_their_shapes() {
    let store = Store::new();
    let output = store.decide(&format!("--workload lock --target raft --nemesis none --seed 3 {SHORT}"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert_eq!(judged(&store, &["mutex", "--independent"]), 0);
    let output = store.decide(&format!("--workload election --target raft --nemesis none --seed 3 {SHORT}"));
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let output = dsjepsen(&["export", store.latest().to_str().unwrap()]);
    let edn = String::from_utf8(output.stdout).unwrap();
    assert!(edn.contains(":f :poll, :value {:node \"n1\"}") && edn.contains(":believes_leader true"), "{edn}");
}

#[test]
fn the_page_of_a_run_is_drawn_again_from_its_directory() {
    let store = Store::new();
    assert_eq!(store.decide(&format!("--workload register --nemesis none --seed 1 {SHORT}")).status.code(), Some(0));
    let run = store.latest();
    let first = std::fs::read_to_string(run.join("index.html")).unwrap();
    let again = run.with_extension("html");
    let output = dsjepsen(&["check", run.to_str().unwrap(), "--html", again.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains(again.to_str().unwrap()), "{}", text(&output));
    assert_eq!(std::fs::read_to_string(&again).unwrap(), first, "the same record makes the same page");

    // A run that was killed has neither verdict nor page.
    std::fs::remove_file(run.join("verdict.json")).unwrap();
    let output = dsjepsen(&["check", run.to_str().unwrap(), "--html", again.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
    assert!(std::fs::read_to_string(&again).unwrap().contains("UNKNOWN"));
}

#[test]
fn what_cannot_be_exported_is_named_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = folder.path().join("nowhere");
    assert_eq!(dsjepsen(&["export", nowhere.to_str().unwrap()]).status.code(), Some(254));
    let store = Store::new();
    assert_eq!(store.decide(&format!("--workload register --nemesis none --seed 1 {SHORT}")).status.code(), Some(0));
    let run: PathBuf = store.latest();
    assert_eq!(dsjepsen(&["export", run.to_str().unwrap(), "--format", "xml"]).status.code(), Some(254));
    let target = nowhere.join("history.edn");
    let output = dsjepsen(&["export", run.to_str().unwrap(), "--output", target.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(254), "{}", text(&output));

    let history = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
    std::fs::write(run.join("history.jsonl"), history.replacen("\"from\":", "\"form\":", 1)).unwrap();
    let target = folder.path().join("history.edn");
    let output = dsjepsen(&["export", run.to_str().unwrap(), "--output", target.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(255), "{}", text(&output));
    assert!(text(&output).contains("no call of this workload"), "{}", text(&output));
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left");

    // A run that was killed while it wrote.
    std::fs::write(run.join("history.jsonl"), format!("{history}{{\"index\":99")).unwrap();
    let output = dsjepsen(&["export", run.to_str().unwrap(), "--output", target.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("is torn and was dropped"), "{}", text(&output));
    assert_eq!(check(&run).0, 2, "and is judged as one that was cut short");
}
