//! `dsjepsen heal`: undoes what a run may have left that ended without its controller and its guardian.
//!
//! Every fault lives in the controller (links, workers) or in the nodes' processes (clocks, pauses, limits), and ends with them. So
//! healing is to end every process that carries the run's marker, wherever it went; the journal says which faults that undid.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::ArgMatches;
use dsjepsen_engine::nemesis::{Journal, Journaled};
use dsjepsen_engine::{find_marked, kill_marked};
use dsjepsen_history::RunDirectory;
use nix::unistd::Uid;
use serde::Serialize;

use crate::exit::{Exit, Failure, harness, usage};
use crate::say::say;

/// How long processes may take to end that were killed.
const END_TIME: Duration = Duration::from_secs(10);

/// What was done.
#[derive(Debug, Serialize)]
pub(crate) struct Healed {
    run: String,
    /// Processes that were left, and were ended.
    pub(crate) ended: Vec<Process>,
    /// Processes that are still there.
    pub(crate) left: Vec<Process>,
    /// Faults that were in force when the run ended.
    pub(crate) faults: Vec<Journaled>,
    /// What else is to be known.
    notes: Vec<String>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Process {
    pid: i32,
    command: String,
}

impl Process {
    fn of(pid: i32) -> Self {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = words.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        Self { pid, command: words.join(" ").trim_end().to_owned() }
    }
}

/// The command.
pub(crate) fn heal(arguments: &ArgMatches) -> Result<Exit, Failure> {
    let path: &PathBuf = arguments.get_one("run").ok_or_else(|| usage("which run?"))?;
    let directory = RunDirectory::open(path).map_err(usage)?;
    let plan = directory.read_plan().map_err(harness)?;
    let _hold =
        directory.hold().map_err(|error| usage(format!("{error}; Ctrl-C in its terminal ends and heals it")))?;
    let mut healed = undo(&plan.run, Some(&directory))?;
    healed.notes = notes(&directory);
    if arguments.get_flag("json") {
        say(serde_json::to_string_pretty(&healed).map_err(harness)?);
    } else {
        say(words(&healed));
    }
    Ok(if healed.left.is_empty() { Exit::Valid } else { Exit::Harness })
}

/// Ends every process of a run, and closes its journal. The caller sees to it that nobody is at work on it. A run that came to no directory
/// may have processes all the same.
pub(crate) fn undo(run: &str, directory: Option<&RunDirectory>) -> Result<Healed, Failure> {
    let processes = || find_marked(run).into_iter().map(Process::of).collect();
    let ended: Vec<Process> = processes();
    kill_marked(run, END_TIME);
    let left: Vec<Process> = processes();
    let mut faults = Vec::new();
    if let Some(directory) = directory {
        faults = Journal::unhealed(&directory.journal_file()).map_err(harness)?;
        if left.is_empty() && !faults.is_empty() {
            Journal::close(&directory.journal_file(), &faults).map_err(harness)?;
        }
    }
    Ok(Healed { run: run.to_owned(), ended, left, faults, notes: Vec::new() })
}

fn notes(directory: &RunDirectory) -> Vec<String> {
    use std::os::unix::fs::MetadataExt;
    let mut notes = Vec::new();
    let owner = fs::metadata(directory.path()).map_or(0, |metadata| metadata.uid());
    let own = Uid::effective();
    if !own.is_root() && own.as_raw() != owner {
        notes.push(format!(
            "the run was user {owner}'s, whose processes only that user or root can see: ask again as one of them"
        ));
    }
    if !directory.verdict_file().exists() {
        let path = directory.path().display();
        notes.push(format!("no verdict was reached; `dsjepsen check {path}` judges what was recorded"));
    }
    notes
}

fn words(healed: &Healed) -> String {
    let mut lines = Vec::new();
    for Process { pid, command } in &healed.ended {
        lines.push(match healed.left.iter().any(|left| left.pid == *pid) {
            true => format!("process {pid} could not be ended: {command}"),
            false => format!("ended process {pid}: {command}"),
        });
    }
    for fault in &healed.faults {
        let ended = if healed.left.is_empty() { "it ended with them" } else { "it may go on in what is left" };
        lines.push(format!("{} was in force in {}: {ended}", fault.name(), fault.places()));
    }
    if healed.ended.is_empty() && healed.faults.is_empty() {
        lines.push(format!("nothing was left of {}", healed.run));
    }
    lines.extend(healed.notes.iter().map(|note| format!("note: {note}")));
    lines.join("\n")
}
