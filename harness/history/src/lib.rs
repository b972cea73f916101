//! What happened: the vocabulary that every other crate speaks.
//!
//! Operations and their outcomes, faults, verdicts with their proof, and the files of a run directory in which all of it
//! is kept. This crate stands at the bottom of the house: it knows no cluster, no clock and no checker.

mod campaign;
mod counts;
mod crowd;
mod event;
mod fault;
pub mod foreign;
mod jepsen;
mod lanes;
mod operation;
mod plan;
mod reader;
mod replace;
mod run_directory;
mod run_event;
mod shell;
mod verdict;
mod words;

pub use campaign::{
    CAMPAIGN_EVENT_SCHEMA, CAMPAIGN_SCHEMA, Campaign, CampaignDirectory, CampaignEvent, CampaignHost, Cell,
    CellFinding, CellHealth, CellKind, CellOperations, CellResult, CellState, Combination, FailureGroup, HarnessError,
    HarnessReason, JournalEntry, Tally, Unavailable,
};
pub use counts::OperationCounts;
pub use crowd::{Cells, Crowd, Gathered, gather};
pub use event::{EventType, Header, Line, LineBody, OpenLine, ProcessLabel};
pub use fault::{Band, FaultAction, FaultDetail, FaultInterval, FaultOutcome, FaultStage, Pattern};
pub use jepsen::{ExportError, JepsenNotation, JepsenShape, JepsenValue, write_jepsen};
pub use lanes::{BUSIEST, Curve, Lanes, MOST_LANES, Panel, Point, PointStyle};
pub use operation::{Call, Index, Moment, Nanos, NodeId, Operation, Outcome, Process, Reason, Reply};
pub use plan::{OptionValue, Options, Plan, PlannedFault, Promises, RunSettings, Versions};
pub use reader::{History, HistoryError, RawCall, RawHistory, RawOperation, read_history, type_history};
pub use replace::{Destination, replace_file, replaceable};
pub use run_directory::{Hold, RunDirectory, RunDirectoryError, read_plan_file};
pub use run_event::{Moved, NodeHealth, RUN_EVENT_SCHEMA, RunEvent, StampedEvent};
pub use shell::{shell_line, shell_word};
pub use verdict::{
    Edge, EdgeKind, Figure, Finding, Gravity, Judgement, Lane, Mark, Span, SpanStyle, Step, Timeline, UnknownReason,
    Verdict,
};
pub use words::thousands;

/// The version of every file format of a run directory. Files carry it as `schema`; a reader refuses a newer one.
pub const SCHEMA: u32 = 1;
