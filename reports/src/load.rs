//! Everything that the page is drawn from, read once. Only the plan and the verdict must be there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use dsjepsen_history::{
    FaultInterval, FaultOutcome, Index, Lanes, Nanos, NodeId, Plan, RawHistory, RawOperation, RunDirectory,
    RunDirectoryError, RunEvent, StampedEvent, Verdict, read_history,
};

use crate::plot::bands::Bands;
use crate::subject::Subject;

/// How much of a log's end is read, in bytes.
const TAIL_BYTES: u64 = 64 * 1024;
/// How many lines of a log are shown.
pub(crate) const TAIL_LINES: usize = 40;
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
    /// The ends of the nodes' logs, in the order of the nodes.
    pub(crate) logs: Vec<(NodeId, Part<LogTail>)>,
    /// What the workload drew; none in a run that was judged before there were any.
    pub(crate) lanes: Part<Option<Lanes>>,
    /// How faults are drawn.
    pub(crate) bands: Bands,
}

/// The end of a node's log.
#[derive(Debug, Default)]
pub(crate) struct LogTail {
    /// The last lines, oldest first.
    pub(crate) lines: Vec<LogLine>,
    /// Size of the whole log in bytes.
    pub(crate) size: u64,
    /// Whether there is more before the first line.
    pub(crate) cut: bool,
}

/// One line of a log.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LogLine {
    /// When it arrived, in ns since the start of the run; absent where the line does not begin with it.
    pub(crate) time: Option<Nanos>,
    /// The line without its time.
    pub(crate) text: String,
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
        record.logs = record
            .nodes()
            .into_iter()
            .map(|node| (node, read_tail(&directory.node_log(node)).map_err(|error| error.to_string())))
            .collect();
        Ok(record)
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

    /// The faults that may have had effect: all that were asked for and not skipped.
    pub(crate) fn effective_faults(&self) -> impl Iterator<Item = &FaultInterval> {
        self.faults().iter().filter(|fault| fault.outcome != Some(FaultOutcome::Skipped))
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

/// Reads the last lines of a log without reading the rest.
fn read_tail(path: &Path) -> io::Result<LogTail> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let skipped = size.saturating_sub(TAIL_BYTES);
    file.seek(SeekFrom::Start(skipped))?;
    let mut content = Vec::new();
    file.take(TAIL_BYTES).read_to_end(&mut content)?;
    let text = String::from_utf8_lossy(&content);
    let mut lines: Vec<&str> = text.lines().collect();
    if skipped > 0 && lines.len() > 1 {
        // The first is what is left of a line that begins before.
        lines.remove(0);
    }
    let cut = skipped > 0 || lines.len() > TAIL_LINES;
    let first = lines.len().saturating_sub(TAIL_LINES);
    Ok(LogTail { lines: lines[first..].iter().map(|line| log_line(line)).collect(), size, cut })
}

fn log_line(line: &str) -> LogLine {
    let (time, text) = match line.split_once(' ') {
        Some((first, rest)) => match first.parse() {
            Ok(time) => (Some(time), rest),
            Err(_) => (None, line),
        },
        None => (None, line),
    };
    LogLine { time, text: without_colour(text) }
}

/// The line without a terminal's control sequences (ESC `[` … final byte), which many systems write into their logs.
fn without_colour(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find("\u{1b}[") {
        out.push_str(&rest[..at]);
        let sequence = &rest[at + 2..];
        match sequence.find(|character: char| ('@'..='~').contains(&character)) {
            Some(last) => rest = &sequence[last + 1..],
            None => return out,
        }
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::fs;

    use super::*;

    #[test]
    fn only_the_end_of_a_log_is_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let mut text = String::new();
        for line in 0..20_000 {
            writeln!(text, "{line} line {line}").unwrap();
        }
        fs::write(file.path(), &text).unwrap();
        let tail = read_tail(file.path()).unwrap();
        assert_eq!((tail.lines.len(), tail.cut), (TAIL_LINES, true));
        assert_eq!(tail.lines[TAIL_LINES - 1], LogLine { time: Some(19_999), text: "line 19999".into() });
        assert_eq!(tail.size, text.len() as u64);

        fs::write(file.path(), "7 one\nno time\n").unwrap();
        let tail = read_tail(file.path()).unwrap();
        assert_eq!((tail.lines.len(), tail.cut), (2, false));
        assert_eq!(tail.lines[1], LogLine { time: None, text: "no time".into() });
    }

    #[test]
    fn one_endless_line_is_still_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "é".repeat(100_000)).unwrap();
        let tail = read_tail(file.path()).unwrap();
        assert_eq!((tail.lines.len(), tail.cut), (1, true));
    }

    #[test]
    fn colours_of_a_terminal_are_taken_off() {
        assert_eq!(without_colour("\u{1b}[31mred\u{1b}[0m plain"), "red plain");
        assert_eq!(without_colour("torn \u{1b}[3"), "torn ");
        assert_eq!(without_colour("é plain"), "é plain");
    }
}
