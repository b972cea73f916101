//! Commands whose output nobody reads, or for whose output there is no room: each ends as it would have otherwise.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod common;

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use common::{DSJEPSEN, Store, text};

/// Where output goes in vain.
#[derive(Debug, Clone, Copy)]
enum Nowhere {
    /// To a pipe whose reader has gone.
    Closed,
    /// To a device that is always full, full(4).
    Full,
}

impl Nowhere {
    fn open(self) -> Stdio {
        match self {
            Self::Closed => std::io::pipe().unwrap().1.into(),
            Self::Full => File::options().write(true).open("/dev/full").unwrap().into(),
        }
    }
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(DSJEPSEN);
    command.args(words).stdin(Stdio::null());
    command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY");
    command
}

/// Runs the command as it is, and with its standard output, its standard error and both of them in vain.
fn ends_the_same(words: &[&str], expected: i32) {
    let read = command(words).output().unwrap();
    assert_eq!(read.status.code(), Some(expected), "{words:?}: {}", text(&read));
    assert!(!text(&read).trim().is_empty(), "{words:?} says nothing that could be lost");
    for nowhere in [Nowhere::Closed, Nowhere::Full] {
        let out = command(words).stdout(nowhere.open()).output().unwrap();
        assert_eq!(out.status.code(), Some(expected), "{words:?}, output {nowhere:?}: {}", text(&out));
        assert_eq!(out.stderr, read.stderr, "{words:?}, output {nowhere:?}: {}", text(&out));
        let aside = command(words).stderr(nowhere.open()).output().unwrap();
        assert_eq!(aside.status.code(), Some(expected), "{words:?}, errors {nowhere:?}: {}", text(&aside));
        let both = command(words).stdout(nowhere.open()).stderr(nowhere.open()).status().unwrap();
        assert_eq!(both.code(), Some(expected), "{words:?}, both {nowhere:?}");
    }
}

struct Histories(tempfile::TempDir);

impl Histories {
    /// A read of what was never written, and a table with it.
    fn new() -> Self {
        let histories = Self(tempfile::tempdir().unwrap());
        let line = |kind: &str, value: &str, index: u64| {
            format!("{{:process 0, :type :{kind}, :f :read, :value {value}, :index {index}}}\n")
        };
        fs::write(histories.at("history.edn"), line("invoke", "nil", 0) + &line("ok", "7", 1)).unwrap();
        let row = "history.edn\tedn-lines\tregister\tfalse\n".to_owned();
        fs::write(histories.at("table.tsv"), format!("file\tformat\tmodel\tverdict\n{row}{row}")).unwrap();
        histories
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }
}

#[test]
fn verdicts_keep_their_exit_codes() {
    let histories = Histories::new();
    let (history, table) = (histories.at("history.edn"), histories.at("table.tsv"));
    let (history, table) = (history.to_str().unwrap(), table.to_str().unwrap());
    ends_the_same(&["check", history, "--model", "register", "--json"], 1);
    ends_the_same(&["check", history, "--model", "register"], 1);
    ends_the_same(&["check", "--manifest", table], 0);
    ends_the_same(&["check", "--manifest", table, "--json"], 0);
    // What is said to standard error alone.
    ends_the_same(&["check", history, "--model", "nothing"], 254);
    ends_the_same(&["check", history, "--model", "register", "--html", "/nowhere/page.html", "--quiet"], 1);
}

#[test]
fn what_looks_after_runs_ends_the_same() {
    let store = Store::new();
    let short = "--workload lock --target ttl-lock --nodes 3 --nemesis none --seed 1 --time-limit 1 --recovery-time 1";
    let read = store.run(short).status.code();
    let mut unread = store.test(short);
    assert_eq!(unread.stdout(Nowhere::Closed.open()).stderr(Nowhere::Full.open()).status().unwrap().code(), read);
    let run = store.latest();
    let run = run.to_str().unwrap();
    ends_the_same(&["heal", run], 0);
    ends_the_same(&["heal", run, "--json"], 0);
    ends_the_same(&["check", run], read.unwrap());
    ends_the_same(&["campaign", "--workload", "lock", "--target", "ttl-lock", "--dry-run"], 0);
    ends_the_same(&["campaign", "--workload", "lock", "--target", "ttl-lock", "--dry-run", "--json"], 0);
}

#[test]
fn what_there_is_is_listed_to_nobody() {
    for words in [&["list"][..], &["list", "--json"], &["list", "--json-schema"], &["--help"]] {
        ends_the_same(words, 0);
    }
}

#[test]
fn a_target_that_is_checked_for_nobody_is_checked_all_the_same() {
    ends_the_same(&["target", "check", "ttl-lock", "--nodes", "1"], 0);
}
