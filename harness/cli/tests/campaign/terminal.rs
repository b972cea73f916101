//! A terminal that is closed: whoever was told to go on does, and nothing is lost by what can no longer be said.

use std::fs::{self, File};
use std::process::{Command, Stdio};

use libtest_mimic::Failed;
use nix::sys::signal::Signal;

use crate::SHORT;
use crate::common::{Running, Store, eventually, read_json};
use crate::night::{Night, worst};

/// The same command as `nohup` starts it.
fn nohup(command: &Command) -> Command {
    let mut shell = Command::new("/bin/sh");
    shell.args(["-c", r#"trap "" HUP; exec "$@""#, "sh"]).arg(command.get_program()).args(command.get_args());
    if let Some(folder) = command.get_current_dir() {
        shell.current_dir(folder);
    }
    shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    shell
}

pub(crate) fn closed() -> Result<(), Failed> {
    let night = Night::new();
    let line = format!("--target raft --seeds 2 --jobs 1 {SHORT}");
    let mut running = Running::start(nohup(&night.command(&line.split_whitespace().collect::<Vec<_>>())));
    eventually("a run", || night.found().is_some() && !night.begun().is_empty());
    running.signal(Signal::SIGHUP);
    let ended = running.wait();
    let campaign = night.campaign();
    assert!(campaign.is_complete(), "it goes on to its end");
    assert_eq!(ended, Some(worst(&campaign)));
    // A run alone, likewise.
    let store = Store::new();
    let mut running = Running::start(nohup(&store.test("--target raft --nodes 1 --time-limit 3 --recovery-time 0")));
    let history = store.path().join("latest").join("history.jsonl");
    eventually("operations", || fs::read_to_string(&history).is_ok_and(|text| text.lines().count() > 3));
    running.signal(Signal::SIGHUP);
    assert_ne!(running.wait(), Some(130));
    assert_ne!(read_json(&store.latest().join("verdict.json"))["interrupted"], true);
    Ok(())
}

pub(crate) fn deaf() -> Result<(), Failed> {
    let night = Night::new();
    let line = "--target raft --nodes 1 --time-limit 600 --json";
    let mut command = night.command(&line.split_whitespace().collect::<Vec<_>>());
    command.stdout(File::create(night.path("events.jsonl")).unwrap()).stderr(Stdio::piped());
    let mut running = Running::start(command);
    drop(running.0.stderr.take());
    eventually("a run", || night.found().is_some() && !night.begun().is_empty());
    running.signal(Signal::SIGTERM);
    assert_eq!(running.wait(), Some(130));
    let events = fs::read_to_string(night.path("events.jsonl")).unwrap();
    assert!(events.lines().last().is_some_and(|line| line.contains(r#""event":"finished""#)), "{events}");
    night.assert_nothing_left();
    Ok(())
}
