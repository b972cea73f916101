//! A campaign: a matrix of runs, what came of each, and the files in which that is kept. Pages, CI systems, later trends over nights and a
//! live server all read `campaign.json`, and nothing else of a campaign but its runs' directories.

mod combination;
mod directory;
mod event;
mod failures;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Gravity, UnknownReason};

pub use combination::Combination;
pub use directory::{CampaignDirectory, JournalEntry};
pub use event::{CAMPAIGN_EVENT_SCHEMA, CampaignEvent};
pub use failures::{FailureGroup, Tally};

/// The JSON Schema of `campaign.json`. A test makes it of [`Campaign`] and the types in it, and holds it against the file.
pub const CAMPAIGN_SCHEMA: &str = include_str!("../campaign.schema.json");

/// `campaign.json`: the plan of a campaign and what has come of it so far.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Campaign {
    /// Version of the format.
    pub schema: u32,
    /// The campaign's name; the name of its directory.
    pub name: String,
    /// What its like are called, night after night: nights of one series can be compared. Empty where nobody named it.
    pub series: String,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// When this was written, RFC 3339, UTC.
    pub updated: String,
    /// The command that began it, as words.
    pub command: Vec<String>,
    /// The folder in which the command was given: paths of targets count from there.
    pub folder: String,
    /// How many runs go on at once.
    pub jobs: u32,
    /// No run begins that would not end within this time, in ms; none for no limit.
    pub for_ms: Option<u64>,
    /// How long a run may take beyond its own time limits before it is ended, in ms.
    pub grace_ms: u64,
    /// For how long there was a controller at work, in ms. It is less than from the first start to now where one was interrupted.
    pub worked_ms: u64,
    /// How much of that was before it was last resumed, in ms: the limit is one for each part.
    pub worked_before_ms: u64,
    /// What ran it.
    pub host: CampaignHost,
    /// Whether what cannot be run here is unknown, and so no pass.
    pub require_all: bool,
    /// What cannot be run here, each with the reason.
    pub unavailable: Vec<Unavailable>,
    /// All runs that were asked for and can be run, in the order in which they begin.
    pub cells: Vec<Cell>,
    /// The exit code, once the campaign has ended, in whatever way.
    pub exit_code: Option<u8>,
}

/// The machine and the program.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CampaignHost {
    /// The version of dsjepsen.
    pub dsjepsen: String,
    /// Kernel and architecture.
    pub system: String,
    /// How many processors it may use.
    pub cores: u32,
    /// Memory in bytes, where it is known.
    pub memory_bytes: Option<u64>,
    /// The commit that is tested, where the environment names it (`GITHUB_SHA`).
    pub commit: Option<String>,
}

/// A combination that cannot be run here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Unavailable {
    /// The workload.
    pub workload: String,
    /// The target with its options.
    pub target: String,
    /// The faults as the matrix names them.
    pub nemesis: String,
    /// Why it cannot be run, and what to do about it.
    pub reason: String,
}

/// One run of the matrix.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct Cell {
    /// Its number, counted from 1.
    pub id: u32,
    /// The workload.
    pub workload: String,
    /// The target with its options.
    pub target: String,
    /// The faults as the matrix names them: `pause+partition`.
    pub nemesis: String,
    /// The seed.
    pub seed: u64,
    /// The verdict that it should have; another than valid belongs to a planted flaw.
    pub expect: Gravity,
    /// How long it takes by its own time limits alone, in ms.
    pub own_time_ms: u64,
    /// The options, as they stand in its command, that tell it from others of its workload, target and faults; empty where none do.
    pub options: String,
    /// The command that makes this run, as words, without where it is recorded.
    pub command: Vec<String>,
    /// How often it was begun.
    pub attempts: u32,
    /// What came of it.
    #[serde(flatten)]
    pub state: CellState,
}

/// What came of a [`Cell`].
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CellState {
    /// Nothing yet.
    #[default]
    Waiting,
    /// It goes on.
    Running {
        /// The run's name; the name of its directory below `runs/`.
        run: String,
    },
    /// It ended.
    Done(Box<CellResult>),
    /// It will not be run, unless the campaign is resumed. It is no pass.
    NotRun {
        /// Why.
        reason: String,
    },
}

/// What came of a [`Cell`], in a word: the gravest last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CellKind {
    /// Valid, as it should be.
    Valid,
    /// A planted flaw that was found, or whatever else was expected and is not valid.
    Expected,
    /// Going on, or yet to begin.
    Open,
    /// Not run, and no pass.
    NotRun,
    /// It cannot be said.
    Unknown,
    /// The harness failed; nothing is said of the target.
    Harness,
    /// A rule is broken, or what should have been found was not.
    Invalid,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CellResult {
    /// The run's name; the name of its directory below `runs/`.
    pub run: String,
    /// Whether there is such a directory, with a page in it.
    pub page: bool,
    /// When it began, RFC 3339, UTC.
    pub started: String,
    /// How long it took, set-up and judging included, in ms.
    pub took_ms: u64,
    /// What this run adds to the exit code of the campaign: 0 where it is as expected.
    pub exit_code: u8,
    /// Its verdict, where it came to one.
    pub verdict: Option<Gravity>,
    /// One plain sentence.
    pub sentence: String,
    /// What decides the verdict, gravest first.
    pub findings: Vec<CellFinding>,
    /// What failed in the harness itself or in the set-up; then nothing is said in favour of the target.
    pub harness_error: Option<HarnessError>,
    /// How many operations were judged.
    pub operations: CellOperations,
    /// What says how far the run can be trusted.
    pub health: CellHealth,
    /// The target's version, as it names it.
    pub target_version: String,
}

/// A finding without its proof, which is in the run's directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CellFinding {
    /// Stable name of the rule; for an `unknown`, the name of its reason.
    pub rule: String,
    /// Invalid or unknown.
    pub gravity: Gravity,
    /// Why it is unknown.
    pub reason: Option<UnknownReason>,
    /// One plain sentence.
    pub sentence: String,
    /// How many violations of this rule were found.
    pub count: u64,
}

/// What failed in the harness.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct HarnessError {
    /// In a word.
    pub reason: HarnessReason,
    /// In words.
    pub text: String,
}

/// What can fail in the harness, as the controller of a campaign sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum HarnessReason {
    /// The run itself says so: the set-up failed, a disk was full.
    Run,
    /// It did not end in its time, and was ended.
    Deadline,
    /// Its process ended by a signal or a panic, without a verdict.
    Crashed,
    /// It refused to run what it could have run when the campaign was planned.
    Refused,
    /// Its exit code and its verdict do not agree.
    Contradiction,
}

impl fmt::Display for HarnessReason {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(match self {
            Self::Run => "run",
            Self::Deadline => "deadline",
            Self::Crashed => "crashed",
            Self::Refused => "refused",
            Self::Contradiction => "contradiction",
        })
    }
}

/// Counts of a run's operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CellOperations {
    /// All of them.
    pub total: u64,
    /// Those that happened.
    pub ok: u64,
    /// Those that did not.
    pub fail: u64,
    /// The indeterminate ones.
    pub info: u64,
}

/// What says how far a run can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub struct CellHealth {
    /// How often the run's controller stood still for longer than 50 ms.
    pub stalls: u64,
    /// For how long at most, in ms.
    pub longest_stall_ms: u64,
    /// Warnings of the run.
    pub warnings: u64,
    /// Faults that were planned.
    pub faults: u64,
    /// Processes of the run that were still there when it had ended, and were ended by the controller of the campaign.
    pub left_over: u64,
}

impl Campaign {
    /// Which runs are still to be begun: all but those that have ended.
    pub fn open_cells(&self) -> impl Iterator<Item = &Cell> {
        self.cells.iter().filter(|cell| cell.result().is_none())
    }

    /// How many combinations cannot be run here, and should be ([`Campaign::require_all`]).
    pub fn missing(&self) -> u64 {
        if self.require_all { self.unavailable.len() as u64 } else { 0 }
    }

    /// Whether every run has ended.
    pub fn is_complete(&self) -> bool {
        self.open_cells().next().is_none()
    }
}

impl Cell {
    /// What came of it, in a word.
    pub fn kind(&self) -> CellKind {
        match &self.state {
            CellState::Waiting | CellState::Running { .. } => CellKind::Open,
            CellState::NotRun { .. } => CellKind::NotRun,
            CellState::Done(result) => match (result.exit_code, self.expect) {
                (0, Gravity::Valid) => CellKind::Valid,
                (0, _) => CellKind::Expected,
                (1, _) => CellKind::Invalid,
                (2, _) => CellKind::Unknown,
                _ => CellKind::Harness,
            },
        }
    }

    /// What came of it, once it has ended.
    pub fn result(&self) -> Option<&CellResult> {
        match &self.state {
            CellState::Done(result) => Some(result),
            _ => None,
        }
    }

    /// `lock on raft under partition, seed 31`; with the options that tell it from others, `lock on raft under partition, --rate 50, seed 31`.
    pub fn title(&self) -> String {
        let combination = Combination::of(self);
        format!("{combination}, seed {}", self.seed)
    }
}

#[cfg(test)]
mod tests;
