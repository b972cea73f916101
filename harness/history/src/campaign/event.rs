//! What `dsjepsen campaign --json` prints.

use serde::{Deserialize, Serialize};

use super::{Cell, Tally, Unavailable};

/// The JSON Schema of one line of `dsjepsen campaign --json`. A test makes it of [`CampaignEvent`] and holds it against the file.
pub const CAMPAIGN_EVENT_SCHEMA: &str = include_str!("../../campaign-event.schema.json");

/// What happens in a campaign.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(tag = "event", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CampaignEvent {
    /// It begins, or goes on after an interruption.
    Planned {
        /// Version of the format.
        schema: u32,
        /// The campaign's name.
        name: String,
        /// Its directory.
        directory: String,
        /// How many runs it has.
        runs: u64,
        /// How many of them had ended before.
        ended: u64,
        /// How many go on at once.
        jobs: u32,
        /// What cannot be run here.
        unavailable: Vec<Unavailable>,
    },
    /// A run began.
    Begun {
        /// The number of its cell.
        id: u32,
        /// The run's name.
        run: String,
    },
    /// A run ended, or it is certain that it will not be run.
    Ended {
        /// Its cell.
        cell: Box<Cell>,
    },
    /// A run that was under way when its controller ended was cleared away.
    Cleared {
        /// The number of its cell.
        id: u32,
        /// The run's name.
        run: String,
        /// How many processes of it were still there.
        ended_processes: u64,
        /// Faults that were in force when it ended.
        faults: u64,
    },
    /// The campaign ended, in whatever way.
    Finished {
        /// How many runs came to what.
        tally: Tally,
        /// The exit code.
        exit_code: u8,
        /// Where the page is.
        page: String,
        /// The command that goes on with it, where something is left to run.
        resume: Option<String>,
    },
}
