//! Bad input: each with a clear message, the right code, and nothing left behind.

mod common;

use std::process::Command;

use common::{DSJEPSEN, Store, check, text};

fn refused(arguments: &str, code: i32, says: &str) {
    let store = Store::new();
    let output = store.run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments}: {}", text(&output));
    assert!(text(&output).contains(says), "{arguments} says: {}", text(&output));
    assert!(!store.path().exists(), "{arguments} left something in the store");
}

#[test]
fn unknown_names_are_refused_with_the_nearest() {
    refused("--workload lokc", 254, "did you mean `lock`");
    refused("--target rapt", 254, "did you mean `raft`");
    refused("--target raft:unfence", 254, "did you mean `unfenced`");
    refused("--nemesis partitoin", 254, "did you mean `partition`");
    refused("--no-such-flag", 254, "--no-such-flag");
    refused("--nodes 0", 254, "--nodes");
    refused("--concurrency none", 254, "--concurrency");
    refused("--expect maybe", 254, "invalid");
}

#[test]
fn seeds_beyond_the_greatest_are_refused() {
    refused(
        "--seed 18446744073709551615 --test-count 3",
        254,
        "3 seeds from 18446744073709551615 on pass the greatest",
    );
    let store = Store::new();
    let campaign = |seeds: &str| {
        let mut command = Command::new(DSJEPSEN);
        command.args(["campaign", "--workload", "lock", "--target", "ttl-lock", "--dry-run", "--store"]);
        command.arg(store.path()).args(["--seed", "18446744073709551614", "--seeds", seeds]).output().unwrap()
    };
    let output = campaign("3");
    assert_eq!(output.status.code(), Some(254), "{}", text(&output));
    assert!(text(&output).contains("pass the greatest"), "{}", text(&output));
    let output = campaign("2");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    assert!(text(&output).contains("--seed 18446744073709551615"), "{}", text(&output));
}

#[test]
fn what_is_asked_of_a_model_is_checked_before_its_history() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, missing) = (folder.path().join("empty.edn"), folder.path().join("missing.edn"));
    std::fs::write(&empty, "").unwrap();
    for (model, level, says) in [
        ("list-append", Some("nosuch"), "no consistency level `nosuch`"),
        ("rw-register", Some("serializable,nosuch"), "no consistency level `nosuch`"),
        ("txn-rw", Some("strict-serializable"), "no consistency level `strict-serializable`; there is: read-committed"),
        ("txn-rw", Some("causal,serializable"), "needs one level"),
        ("txn-rw", None, "needs one level"),
        ("register", Some("serializable"), "--consistency means nothing to model `register`"),
    ] {
        for history in [&empty, &missing] {
            let mut command = Command::new(DSJEPSEN);
            command.arg("check").arg(history).args(["--model", model]);
            level.map(|level| command.args(["--consistency", level]));
            let output = command.output().unwrap();
            assert_eq!(output.status.code(), Some(254), "{model} {level:?}: {}", text(&output));
            assert!(text(&output).contains(says), "{model} {level:?}: {}", text(&output));
        }
    }
    let mut command = Command::new(DSJEPSEN);
    let output =
        command.arg("check").arg(&empty).args(["--model", "txn-rw", "--consistency", "causal"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", text(&output));
}

#[test]
fn a_schedule_that_does_not_fit_names_the_least_limit() {
    refused("--nemesis partition,pause,kill --time-limit 3", 254, "at least 3.75 s");
    refused("--nemesis partition --nemesis-interval 9 --time-limit 10", 254, "at least 22.5 s");
}

#[test]
fn an_unwritable_store_is_a_failure_of_the_set_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "in the way").unwrap();
    let output = Command::new(DSJEPSEN).args(["test", "--store"]).arg(file.join("store")).output().unwrap();
    assert_eq!(output.status.code(), Some(255), "{}", text(&output));
    assert!(text(&output).contains("cannot create"), "{}", text(&output));
}

/// Of a cluster that never came up, what else is undecided follows from that and is not told.
#[test]
fn a_node_that_ends_at_once_is_what_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let (store, file) = (Store::new(), folder.path().join("target.toml"));
    let system = "name = \"system\"\nnodes = 1\nports = [7300]\n[node]\ncommand = [\"false\"]\n\
                  ready = { url = \"/\" }\n[clients]\ncontract = [\"counter\"]\n";
    std::fs::write(&file, system).unwrap();
    let output = store.test("--workload counter --nemesis pause --time-limit 6").arg("--target").arg(&file).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(255), "{}", text(&output));
    let check = |options: &[&str]| {
        let output = Command::new(DSJEPSEN).arg("check").arg(store.latest()).args(options).output().unwrap();
        assert_eq!(output.status.code(), Some(255), "{}", text(&output));
        output
    };
    for said in [text(&output), text(&check(&[]))] {
        let (_, verdict) = said.split_once("UNKNOWN").unwrap();
        assert!(verdict.trim_start().starts_with("The cluster never came up: n1 ended before it was ready"), "{said}");
        assert!(verdict.contains("the set-up failed, so nothing was tested: n1 ended"), "{said}");
        for follows in ["cut short", "final-read", "interrupted", "the harness failed"] {
            assert!(!verdict.contains(follows), "{follows}: {said}");
        }
    }
    let junit = folder.path().join("junit.xml");
    let again = check(&["--json", "--junit", junit.to_str().unwrap()]);
    let verdict: serde_json::Value = serde_json::from_slice(&again.stdout).unwrap();
    assert_eq!(verdict, common::read_json(&store.latest().join("verdict.json")));
    assert_eq!(verdict["findings"].as_array().unwrap().len(), 1);
    assert_eq!(verdict["findings"][0]["rule"], "setup-failed");
    let junit = std::fs::read_to_string(junit).unwrap();
    assert_eq!((junit.matches("<error ").count(), junit.matches("<failure ").count()), (1, 0), "{junit}");
}

#[test]
fn what_is_no_run_cannot_be_checked() {
    let folder = tempfile::tempdir().unwrap();
    let (code, _, error) = check(folder.path());
    assert_eq!(code, 254);
    assert!(error.contains("plan.json"), "{error}");
}

#[test]
fn damaged_and_newer_files_are_named() {
    let store = Store::new();
    let output = store.decide("--target ttl-lock --nodes 1 --time-limit 2 --recovery-time 0 --locks 9 --seed 1");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output));
    let run = store.latest();
    let history = std::fs::read_to_string(run.join("history.jsonl")).unwrap();
    let lines: Vec<&str> = history.lines().collect();

    let with = |number: usize, line: &str| {
        let mut changed = lines.clone();
        changed[number - 1] = line;
        std::fs::write(run.join("history.jsonl"), changed.join("\n") + "\n").unwrap();
        check(&run)
    };
    let (code, _, error) = with(5, r#"{"index": 3, "time"#);
    assert!(code == 255 && error.contains("line 5"), "{code}: {error}");
    let (code, _, error) = with(1, r#"{"schema":2,"workload":"lock"}"#);
    assert!(code == 255 && error.contains("newer dsjepsen"), "{code}: {error}");
    let (code, _, error) = with(1, r#"{"schema":1,"workload":"dance"}"#);
    assert!(code == 255 && error.contains("dance"), "{code}: {error}");

    // A torn end alone is no error, but the run cannot be called valid any more.
    std::fs::write(run.join("history.jsonl"), &history[..history.len() - 9]).unwrap();
    assert_eq!(check(&run).0, 2);
}

#[test]
fn help_and_version_are_no_errors() {
    for arguments in [&["--help"][..], &["--version"], &["test", "--help"], &["list"], &["list", "--json"]] {
        let output = Command::new(DSJEPSEN).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", text(&output));
    }
    let output = Command::new(DSJEPSEN).output().unwrap();
    assert_eq!(output.status.code(), Some(254));
}
