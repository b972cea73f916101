//! Everything that the page is drawn from, read once. Only the plan and the verdict must be there.

use std::path::PathBuf;

use dsjepsen_history::{
    FaultInterval, Index, Lanes, Nanos, NodeId, Plan, RawHistory, RawOperation, RunDirectory, RunDirectoryError,
    RunEvent, StampedEvent, Verdict, read_history,
};

use crate::log::{self, NodeLog, Windows};
use crate::plot::bands::Bands;
use crate::subject::Subject;

/// Around how many of the slowest operations a huge log is kept.
const SLOWEST: usize = 100;
/// How many nodes a page has room for; a plan with more is drawn with those that matter.
pub(crate) const MOST_NODES: usize = 50;

/// A part of the record, or why it cannot be read, in words.
pub(crate) type Part<T> = Result<T, String>;

/// A run as its directory tells it.
#[derive(Debug)]
pub(crate) struct RunRecord {
    /// The directory, as it was named.
    pub(crate) path: PathBuf,
    /// What was to be done.
    pub(crate) plan: Plan,
    /// What came of it.
    pub(crate) verdict: Verdict,
    /// Operations and faults.
    pub(crate) history: Part<RawHistory>,
    /// Everything else that happened.
    pub(crate) events: Part<Vec<StampedEvent>>,
    /// The nodes' logs, in the order of the nodes.
    pub(crate) logs: Vec<(NodeId, Part<NodeLog>)>,
    /// What the workload drew; none in a run that was judged before there were any.
    pub(crate) lanes: Part<Option<Lanes>>,
    /// How faults are drawn.
    pub(crate) bands: Bands,
}

impl RunRecord {
    /// Reads a run's directory.
    ///
    /// # Errors
    /// [`RunDirectoryError`] where the plan or the verdict cannot be read.
    pub(crate) fn read(directory: &RunDirectory) -> Result<Self, RunDirectoryError> {
        Self::read_with(directory, directory.read_verdict()?)
    }

    /// Reads a run's directory, but for its verdict.
    ///
    /// # Errors
    /// [`RunDirectoryError`] where the plan cannot be read.
    pub(crate) fn read_with(directory: &RunDirectory, verdict: Verdict) -> Result<Self, RunDirectoryError> {
        let plan = directory.read_plan()?;
        let mut record = Self {
            path: directory.path().to_owned(),
            history: read_history(&directory.history_file()).map_err(|error| error.to_string()),
            events: directory.read_events().map_err(|error| error.to_string()),
            logs: Vec::new(),
            lanes: directory.read_lanes().map_err(|error| error.to_string()),
            bands: Bands::new(&plan.bands),
            plan,
            verdict,
        };
        let (nodes, windows) = (record.nodes(), record.windows());
        let most = log::share(nodes.len());
        record.logs = nodes
            .into_iter()
            .map(|node| {
                let read = log::read(node, &directory.node_log(node), &windows, most);
                (node, read.map_err(|error| error.to_string()))
            })
            .collect();
        Ok(record)
    }

    /// The times around which a huge log is kept: the operations of findings, those that are info, and the slowest.
    fn windows(&self) -> Windows {
        let lasted = |operation: &RawOperation| {
            let from = operation.invoked.time;
            (from, operation.completed.map_or(from, |completed| completed.time))
        };
        let findings = self.verdict.findings.iter().flat_map(|finding| &finding.operations);
        let mut intervals: Vec<_> = findings.filter_map(|index| self.operation(*index)).map(lasted).collect();
        intervals.extend(self.conflict());
        intervals.extend(self.operations().iter().filter(|operation| operation.outcome.is_info()).map(lasted));
        let mut slowest: Vec<_> = self.operations().iter().map(lasted).collect();
        slowest.sort_unstable_by_key(|(from, to)| std::cmp::Reverse(to.saturating_sub(*from)));
        intervals.extend(slowest.into_iter().take(SLOWEST));
        Windows::around(intervals)
    }

    /// The nodes that have a place on the page, in order: those of the plan, and any other that the history names. Where
    /// there are too many, those that a fault named come first.
    pub(crate) fn nodes(&self) -> Vec<NodeId> {
        let mut nodes: Vec<_> = self.faults().iter().flat_map(|fault| fault.nodes.iter().copied()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        let planned = (0..usize::from(self.plan.settings.nodes)).map(NodeId::at);
        let named = self.history.as_ref().map(RawHistory::nodes).unwrap_or_default();
        for node in planned.chain(named) {
            if nodes.len() >= MOST_NODES {
                break;
            }
            if !nodes.contains(&node) {
                nodes.push(node);
            }
        }
        nodes.truncate(MOST_NODES);
        nodes.sort_unstable();
        nodes
    }

    /// The operations in the order of their invocation; none where the history cannot be read.
    pub(crate) fn operations(&self) -> &[RawOperation] {
        self.history.as_ref().map_or(&[], |history| &history.operations)
    }

    /// The operation that was invoked at this index.
    pub(crate) fn operation(&self, index: Index) -> Option<&RawOperation> {
        let operations = self.operations();
        operations
            .binary_search_by_key(&index, |operation| operation.invoked.index)
            .ok()
            .map(|position| &operations[position])
    }

    /// The faults as they happened; none where the history cannot be read.
    pub(crate) fn faults(&self) -> &[FaultInterval] {
        self.history.as_ref().map_or(&[], |history| &history.faults)
    }

    /// The faults that may have had effect.
    pub(crate) fn effective_faults(&self) -> impl Iterator<Item = &FaultInterval> {
        self.faults().iter().filter(|fault| fault.may_have_acted())
    }

    /// The run's other events; none where they cannot be read.
    pub(crate) fn events(&self) -> &[StampedEvent] {
        self.events.as_deref().unwrap_or_default()
    }

    /// The end of the record, in ns: the last event of the history, else the last event.
    pub(crate) fn end(&self) -> Nanos {
        match &self.history {
            Ok(history) if history.end.time > 0 => history.end.time,
            _ => self.events().last().map_or(0, |event| event.time_ns),
        }
    }

    /// When a phase began, in ns.
    pub(crate) fn phase(&self, name: &str) -> Option<Nanos> {
        self.events().iter().find_map(|event| match &event.event {
            RunEvent::Phase { phase } if phase == name => Some(event.time_ns),
            _ => None,
        })
    }

    /// The interval in which the first finding breaks its rule, in ns.
    pub(crate) fn conflict(&self) -> Option<(Nanos, Nanos)> {
        self.verdict.findings.first()?.timeline.as_ref()?.conflict_ns
    }
}

impl Subject for RunRecord {
    fn verdict(&self) -> &Verdict {
        &self.verdict
    }

    fn noun(&self) -> &'static str {
        "run"
    }

    fn grounds(&self) -> &'static str {
        "Each step follows from what the clients sent and received, timed on the controller’s monotonic clock. No node’s clock is \
         trusted."
    }

    fn elsewhere(&self) -> &'static str {
        "in verdict.json"
    }

    fn operation(&self, index: Index) -> Option<&RawOperation> {
        self.operation(index)
    }

    fn names_operations(&self) -> bool {
        true
    }

    fn unreadable(&self) -> Option<&str> {
        self.history.as_ref().err().map(String::as_str)
    }

    fn end(&self) -> Nanos {
        self.end()
    }

    fn bands(&self) -> &Bands {
        &self.bands
    }
}
