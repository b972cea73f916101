//! A store with one campaign in it, and what is asked of it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use dsjepsen_history::{Campaign, CampaignDirectory, Cell, CellState, JournalEntry, RunDirectory};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::XMLLINT;
use crate::common::{DSJEPSEN, eventually, nothing_left_soon, text};

/// A store with one campaign in it.
pub(crate) struct Night {
    pub(crate) folder: tempfile::TempDir,
}

impl Night {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(DSJEPSEN);
        command.arg("campaign").args(arguments).current_dir(self.folder.path());
        command.env_remove("GITHUB_ACTIONS").env_remove("GITHUB_STEP_SUMMARY").env_remove("GITHUB_SHA");
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Output {
        self.command(&line.split_whitespace().collect::<Vec<_>>()).output().unwrap()
    }

    /// The campaign's directory, once there is one.
    pub(crate) fn found(&self) -> Option<CampaignDirectory> {
        let latest = fs::canonicalize(self.path("store").join("latest-campaign")).ok()?;
        CampaignDirectory::open(&latest).ok()
    }

    pub(crate) fn directory(&self) -> CampaignDirectory {
        self.found().unwrap()
    }

    pub(crate) fn campaign(&self) -> Campaign {
        self.directory().read().unwrap()
    }

    pub(crate) fn resume(&self, arguments: &[&str]) -> Command {
        let directory = self.directory();
        let mut all = vec!["--resume", directory.path().to_str().unwrap()];
        all.extend(arguments);
        self.command(&all)
    }

    /// Processes whose command line names this store: the controller and its runs. (What runs start has their marker.)
    pub(crate) fn processes(&self) -> Vec<i32> {
        let folder = self.folder.path().to_str().unwrap();
        let all = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        all.filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            String::from_utf8_lossy(&line).contains(folder)
        })
        .collect()
    }

    /// Every run that was ever begun, by the number of its cell, in order.
    pub(crate) fn begun(&self) -> BTreeMap<u32, Vec<String>> {
        let mut begun: BTreeMap<u32, Vec<String>> = BTreeMap::new();
        for entry in self.directory().journal().unwrap() {
            if let JournalEntry::Begun { id, run } = entry {
                begun.entry(id).or_default().push(run);
            }
        }
        begun
    }

    pub(crate) fn assert_nothing_left(&self) {
        eventually("runs of the campaign are left", || self.processes().is_empty());
        for run in self.begun().values().flatten() {
            nothing_left_soon(run);
        }
    }

    /// Holds everything that a campaign says of its runs against what their directories say.
    pub(crate) fn assert_agrees(&self) {
        let (directory, campaign) = (self.directory(), self.campaign());
        assert_eq!(without_times(directory.replay().unwrap()), without_times(campaign.clone()));
        let mut ends: BTreeMap<u32, usize> = BTreeMap::new();
        for entry in directory.journal().unwrap() {
            if let JournalEntry::Ended { id, .. } = entry {
                *ends.entry(id).or_default() += 1;
            }
        }
        let begun = self.begun();
        for cell in &campaign.cells {
            let Some(result) = cell.result() else { continue };
            assert_eq!(ends.get(&cell.id), Some(&1), "{}", cell.title());
            assert_eq!(begun[&cell.id].len(), cell.attempts as usize);
            assert_eq!(begun[&cell.id].last(), Some(&result.run));
            let run = RunDirectory::open(&directory.runs().join(&result.run)).unwrap();
            let (plan, verdict) = (run.read_plan().unwrap(), run.read_verdict().unwrap());
            assert_eq!((&plan.workload, &plan.target, plan.seed), (&cell.workload, &cell.target, cell.seed));
            assert_eq!(result.verdict, Some(verdict.verdict), "{}", cell.title());
            assert_eq!(result.sentence, verdict.sentence);
            assert_eq!(result.operations.total, verdict.operations.total);
            assert!(run.page_file().exists() && result.page);
        }
        // A run that ended is nobody's twice.
        let runs: BTreeSet<_> = campaign.cells.iter().filter_map(Cell::result).map(|result| &result.run).collect();
        assert_eq!(runs.len(), campaign.cells.iter().filter(|cell| cell.result().is_some()).count());
        assert!(directory.page_file().exists());
    }
}

/// A test that fails leaves no run behind either; what runs start ends with them.
impl Drop for Night {
    fn drop(&mut self) {
        for pid in self.processes() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// Without what two readings of one state may differ in: the time, and how the one was gone about who went on with it.
pub(crate) fn without_times(mut campaign: Campaign) -> Campaign {
    (campaign.worked_ms, campaign.worked_before_ms, campaign.exit_code) = (0, 0, None);
    (campaign.jobs, campaign.for_ms) = (0, None);
    campaign.updated.clear();
    for cell in &mut campaign.cells {
        if matches!(cell.state, CellState::NotRun { .. }) {
            cell.state = CellState::Waiting;
        }
    }
    campaign
}

/// The exit code that the runs come to.
pub(crate) fn worst(campaign: &Campaign) -> i32 {
    let codes: BTreeSet<u8> =
        campaign.cells.iter().map(|cell| cell.result().map_or(2, |result| result.exit_code)).collect();
    [1, 255, 2, 0].into_iter().find(|code| codes.contains(code)).map_or(0, i32::from)
}

pub(crate) fn code(output: &Output) -> i32 {
    output.status.code().unwrap_or_else(|| panic!("{}", text(output)))
}
/// A JUnit file that keeps to the schema: how many elements there are of each path.
pub(crate) fn junit(path: &Path, counted: &[&str]) -> Vec<usize> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/junit.xsd");
    let output = Command::new(XMLLINT).args(["--noout", "--schema"]).arg(schema).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", text(&output));
    let count = |of: &&str| {
        let output = Command::new(XMLLINT).args(["--xpath", &format!("count({of})")]).arg(path).output().unwrap();
        String::from_utf8(output.stdout).unwrap().trim().parse().unwrap()
    };
    counted.iter().map(count).collect()
}
