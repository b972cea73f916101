//! Reads a history back: lines to paired operations and faults, then to a workload's own types.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use thiserror::Error;

use crate::fault::FaultGatherer;
use crate::{
    Call, EventType, FaultInterval, Header, Index, Moment, Nanos, NodeId, OpenLine, Operation, Outcome, Process,
    ProcessLabel, Reason, Reply, SCHEMA,
};

/// Why a history cannot be read.
#[derive(Debug, Error)]
pub enum HistoryError {
    /// The file cannot be opened or read.
    #[error("cannot read {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file was written by a newer dsjepsen.
    #[error("{path} has schema {found}, and this dsjepsen reads up to {SCHEMA}: use a newer dsjepsen")]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: u64,
    },
    /// A line is no event, or an event that cannot follow those before it.
    #[error("{path}, line {line}: {problem}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
}

/// A call whose type is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct RawCall {
    /// Its kind.
    pub f: String,
    /// Its content.
    pub value: Value,
    /// When the generator had planned it, in ns.
    pub scheduled: Option<Nanos>,
}

/// An operation of any workload.
pub type RawOperation = Operation<RawCall, Value>;

/// A history of any workload.
pub type RawHistory = History<RawCall, Value>;

/// A history: the operations in the order of their invocation, and the faults in the order of their requests.
#[derive(Debug, Clone, PartialEq)]
pub struct History<C, R> {
    /// The workload that made it.
    pub workload: String,
    /// The operations.
    pub operations: Vec<Operation<C, R>>,
    /// The faults.
    pub faults: Vec<FaultInterval>,
    /// The last event.
    pub end: Moment,
    /// What the reader noticed: a torn last line, say.
    pub notes: Vec<String>,
}

/// Reads a history file.
///
/// A last line without its end is dropped with a note (the writer was killed while writing it).
///
/// # Errors
/// [`HistoryError`] names the line that is no event, that contradicts those before it, or a newer schema.
pub fn read_history(path: &Path) -> Result<RawHistory, HistoryError> {
    let mut pairing = Pairing::default();
    let (workload, notes) = read_lines(path, |line| pairing.take(line))?;
    let (operations, faults, end) = pairing.finish();
    Ok(History { workload, operations, faults, end, notes })
}

/// Reads a history event by event; `take` may refuse one with a sentence. Gives back the workload and what was noticed.
pub(crate) fn read_lines(
    path: &Path,
    mut take: impl FnMut(OpenLine) -> Result<(), String>,
) -> Result<(String, Vec<String>), HistoryError> {
    let io = |source| HistoryError::Io { path: path.to_owned(), source };
    let malformed = |line, problem: String| HistoryError::Malformed { path: path.to_owned(), line, problem };
    let mut reader = BufReader::with_capacity(1 << 18, File::open(path).map_err(io)?);
    let mut text = Vec::new();
    reader.read_until(b'\n', &mut text).map_err(io)?;
    let workload = read_header(path, &text)?;

    let mut notes = Vec::new();
    let mut number = 1;
    loop {
        text.clear();
        if reader.read_until(b'\n', &mut text).map_err(io)? == 0 {
            break;
        }
        number += 1;
        match serde_json::from_slice::<OpenLine>(&text) {
            Ok(line) => take(line).map_err(|problem| malformed(number, problem))?,
            Err(_) if text.last() != Some(&b'\n') => {
                notes.push(format!("line {number} is torn and was dropped: the run did not finish writing it (it was killed, or the disk was full)"));
            }
            Err(error) => return Err(malformed(number, format!("no event: {error}"))),
        }
    }
    Ok((workload, notes))
}

fn read_header(path: &Path, text: &[u8]) -> Result<String, HistoryError> {
    let malformed = |problem: String| HistoryError::Malformed { path: path.to_owned(), line: 1, problem };
    let value: Value = serde_json::from_slice(text)
        .map_err(|error| malformed(format!("the header {{\"schema\":…,\"workload\":…}} is missing: {error}")))?;
    match value.get("schema").and_then(Value::as_u64) {
        Some(found) if found > u64::from(SCHEMA) => Err(HistoryError::NewerSchema { path: path.to_owned(), found }),
        _ => serde_json::from_value::<Header>(value)
            .map(|header| header.workload)
            .map_err(|error| malformed(format!("no header: {error}"))),
    }
}

/// Pairs invocations with completions: a process has at most one operation of a kind in flight.
#[derive(Default)]
struct Pairing {
    operations: Vec<RawOperation>,
    open: HashMap<Process, Vec<usize>>,
    faults: FaultGatherer,
    last: Option<Moment>,
}

impl Pairing {
    fn take(&mut self, line: OpenLine) -> Result<(), String> {
        let at = Moment { index: line.index, time: line.time_ns };
        if let Some(last) = self.last
            && (at.index <= last.index || at.time < last.time)
        {
            return Err(format!(
                "event {} at {} ns follows event {} at {} ns",
                at.index, at.time, last.index, last.time
            ));
        }
        self.last = Some(at);
        match line.process {
            ProcessLabel::Nemesis(_) => {
                let stage = serde_json::from_value(json!({"f": line.f, "value": line.value}))
                    .map_err(|error| format!("no step of a fault: {error}"))?;
                self.faults.take(at, stage);
                Ok(())
            }
            ProcessLabel::Client(process) if line.event_type == EventType::Invoke => {
                self.invoke(process, at, line);
                Ok(())
            }
            ProcessLabel::Client(process) => self.complete(process, at, line),
        }
    }

    fn invoke(&mut self, process: Process, at: Moment, line: OpenLine) {
        self.open.entry(process).or_default().push(self.operations.len());
        self.operations.push(Operation {
            process,
            node: line.node,
            call: RawCall { f: line.f, value: line.value, scheduled: line.scheduled_ns },
            invoked: at,
            outcome: Outcome::Info(Reason::unfinished()),
            completed: None,
        });
    }

    fn complete(&mut self, process: Process, at: Moment, line: OpenLine) -> Result<(), String> {
        let open = self.open.entry(process).or_default();
        let slot = open
            .iter()
            .position(|&index| self.operations[index].call.f == line.f)
            .ok_or_else(|| format!("process {process} completes a `{}` that it has not in flight", line.f))?;
        let operation = &mut self.operations[open.swap_remove(slot)];
        let reason = || line.error.clone().unwrap_or_else(|| Reason::new("no reason was recorded"));
        operation.completed = Some(at);
        operation.outcome = match line.event_type {
            EventType::Ok => Outcome::Ok(line.value),
            EventType::Fail => Outcome::Fail(reason()),
            EventType::Info | EventType::Invoke => Outcome::Info(reason()),
        };
        Ok(())
    }

    fn finish(self) -> (Vec<RawOperation>, Vec<FaultInterval>, Moment) {
        (self.operations, self.faults.finish(), self.last.unwrap_or(Moment { index: 0, time: 0 }))
    }
}

/// Gives a history the types of its workload, and holds the rules of processes: one foreground operation in flight, none
/// after an indeterminate one.
///
/// # Errors
/// [`HistoryError::Malformed`] where a call or a result is none of the workload's, or a rule of processes is broken. Its
/// `line` is the event's index.
pub fn type_history<C: Call, R: Reply>(raw: RawHistory, path: &Path) -> Result<History<C, R>, HistoryError> {
    let mut busy: HashMap<Process, Busy> = HashMap::new();
    let mut operations = Vec::with_capacity(raw.operations.len());
    for operation in raw.operations {
        let index = operation.invoked.index;
        let malformed = |problem: String| HistoryError::Malformed {
            path: path.to_owned(),
            line: usize::try_from(index).unwrap_or(usize::MAX),
            problem: format!("operation {index}: {problem}"),
        };
        let typed = type_operation::<C, R>(operation).map_err(malformed)?;
        if !typed.call.is_background() {
            busy.entry(typed.process).or_default().take(&typed).map_err(malformed)?;
        }
        operations.push(typed);
    }
    Ok(History { workload: raw.workload, operations, faults: raw.faults, end: raw.end, notes: raw.notes })
}

fn type_operation<C: Call, R: Reply>(raw: RawOperation) -> Result<Operation<C, R>, String> {
    let RawCall { f, value, .. } = raw.call;
    let call: C = from_tagged(&f, value).map_err(|error| format!("no call of this workload: {error}"))?;
    let outcome = match raw.outcome {
        Outcome::Ok(value) => {
            Outcome::Ok(from_tagged(&f, value).map_err(|error| format!("no result of a `{f}`: {error}"))?)
        }
        Outcome::Fail(reason) => Outcome::Fail(reason),
        Outcome::Info(reason) => Outcome::Info(reason),
    };
    let Operation { process, node, invoked, completed, .. } = raw;
    Ok(Operation { process, node, call, invoked, outcome, completed })
}

fn from_tagged<T: serde::de::DeserializeOwned>(f: &str, value: Value) -> Result<T, serde_json::Error> {
    let mut map = serde_json::Map::with_capacity(2);
    map.insert("f".to_owned(), Value::String(f.to_owned()));
    if !value.is_null() {
        map.insert("value".to_owned(), value);
    }
    serde_json::from_value(Value::Object(map))
}

/// Where a process stands between its foreground operations.
#[derive(Default)]
struct Busy {
    until: Option<Index>,
    retired: bool,
}

impl Busy {
    fn take<C, R>(&mut self, operation: &Operation<C, R>) -> Result<(), String> {
        let process = operation.process;
        if self.until.is_some_and(|until| until > operation.invoked.index) {
            return Err(format!("process {process} has two operations in flight"));
        }
        if self.retired {
            return Err(format!("process {process} invokes after an operation that stayed indeterminate"));
        }
        self.until = Some(operation.completed.map_or(Index::MAX, |completed| completed.index));
        self.retired = operation.outcome.is_info();
        Ok(())
    }
}

/// The nodes that a history names, in order.
impl RawHistory {
    /// Every node that an operation was sent to or a fault acted on, without repetition, in order.
    pub fn nodes(&self) -> Vec<NodeId> {
        let mut nodes: Vec<_> = self.operations.iter().filter_map(|operation| operation.node).collect();
        nodes.extend(self.faults.iter().flat_map(|fault| fault.nodes.iter().copied()));
        nodes.sort_unstable();
        nodes.dedup();
        nodes
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use serde::{Deserialize, Serialize};

    use super::*;

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "f", content = "value", rename_all = "kebab-case")]
    enum Ask {
        Write(u64),
        Renew,
    }

    impl Call for Ask {
        fn kind(&self) -> &'static str {
            match self {
                Self::Write(_) => "write",
                Self::Renew => "renew",
            }
        }

        fn is_background(&self) -> bool {
            matches!(self, Self::Renew)
        }
    }

    #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
    #[serde(tag = "f", content = "value", rename_all = "kebab-case")]
    enum Answer {
        Write(bool),
        Renew,
    }

    const HEADER: &str = r#"{"schema":1,"workload":"sample"}"#;

    fn read(lines: &[&str], tail: &str) -> Result<History<Ask, Answer>, HistoryError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        for line in lines {
            writeln!(file, "{line}").unwrap();
        }
        write!(file, "{tail}").unwrap();
        type_history(read_history(file.path())?, file.path())
    }

    fn problem(lines: &[&str]) -> String {
        read(lines, "").unwrap_err().to_string()
    }

    #[test]
    fn pairs_operations_beside_background_ones() {
        let history = read(
            &[
                HEADER,
                r#"{"index":0,"time_ns":1,"process":0,"node":"n1","type":"invoke","f":"write","value":4}"#,
                r#"{"index":1,"time_ns":2,"process":0,"type":"invoke","f":"renew"}"#,
                r#"{"index":2,"time_ns":2,"process":0,"type":"ok","f":"write","value":true}"#,
                r#"{"index":3,"time_ns":9,"process":0,"type":"info","f":"renew","error":"timeout"}"#,
                r#"{"index":4,"time_ns":9,"process":0,"type":"invoke","f":"write","value":5}"#,
            ],
            "",
        )
        .unwrap();
        assert_eq!(history.operations.len(), 3);
        assert_eq!(history.operations[0].outcome, Outcome::Ok(Answer::Write(true)));
        assert_eq!(history.operations[1].outcome, Outcome::Info(Reason::new("timeout")));
        assert_eq!(history.operations[2].outcome, Outcome::Info(Reason::unfinished()));
        assert_eq!(history.operations[2].completed, None);
        assert_eq!(history.end, Moment { index: 4, time: 9 });
    }

    #[test]
    fn drops_a_torn_last_line_with_a_note_and_only_that() {
        let whole = r#"{"index":0,"time_ns":1,"process":0,"type":"invoke","f":"write","value":4}"#;
        let torn = read(&[HEADER, whole], r#"{"index":1,"time_ns":2,"proc"#).unwrap();
        assert_eq!((torn.operations.len(), torn.notes.len()), (1, 1));
        let complete = read(&[HEADER], whole).unwrap();
        assert_eq!((complete.operations.len(), complete.notes.len()), (1, 0));
        let error = problem(&[HEADER, r#"{"index":1,"time_ns":2,"proc"#, whole]);
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn refuses_what_cannot_have_happened() {
        let invoke = r#"{"index":0,"time_ns":5,"process":0,"type":"invoke","f":"write","value":4}"#;
        let again = r#"{"index":1,"time_ns":5,"process":0,"type":"invoke","f":"write","value":4}"#;
        assert!(problem(&[HEADER, invoke, again]).contains("two operations in flight"));
        let info = r#"{"index":1,"time_ns":5,"process":0,"type":"info","f":"write","error":"timeout"}"#;
        let after = r#"{"index":2,"time_ns":5,"process":0,"type":"invoke","f":"write","value":4}"#;
        assert!(problem(&[HEADER, invoke, info, after]).contains("after an operation that stayed indeterminate"));
        let ok = r#"{"index":1,"time_ns":5,"process":1,"type":"ok","f":"write","value":true}"#;
        assert!(problem(&[HEADER, invoke, ok]).contains("not in flight"));
        let back = r#"{"index":1,"time_ns":4,"process":1,"type":"invoke","f":"write","value":4}"#;
        assert!(problem(&[HEADER, invoke, back]).contains("follows event"));
        let foreign = r#"{"index":1,"time_ns":6,"process":1,"type":"invoke","f":"dance"}"#;
        assert!(problem(&[HEADER, invoke, foreign]).contains("no call of this workload"));
    }

    #[test]
    fn refuses_a_newer_schema_and_a_missing_header() {
        assert!(problem(&[r#"{"schema":99,"workload":"sample","shape":"new"}"#]).contains("newer dsjepsen"));
        assert!(problem(&[]).contains("header"));
        assert!(problem(&[r#"{"schema":1}"#]).contains("no header"));
    }

    #[test]
    fn gathers_a_fault_from_its_four_events() {
        let history = read(
            &[
                HEADER,
                r#"{"index":0,"time_ns":5,"process":"nemesis","type":"invoke","f":"pause","value":{"id":1,"action":"inject","target":"minority"}}"#,
                r#"{"index":1,"time_ns":6,"process":"nemesis","type":"info","f":"pause","value":{"id":1,"action":"inject","outcome":"installed","confirmed":true,"nodes":["n2"],"evidence":{"n2":"stopped"}}}"#,
                r#"{"index":2,"time_ns":8,"process":"nemesis","type":"invoke","f":"pause","value":{"id":1,"action":"heal"}}"#,
                r#"{"index":3,"time_ns":9,"process":"nemesis","type":"info","f":"pause","value":{"id":1,"action":"heal","outcome":"installed","evidence":{"n2":"resumed"}}}"#,
            ],
            "",
        )
        .unwrap();
        let [fault] = history.faults.as_slice() else { panic!("{:?}", history.faults) };
        assert!(fault.confirmed && fault.took_place());
        assert_eq!((fault.target.as_str(), fault.span(100)), ("minority", (5, 9)));
        assert_eq!(fault.nodes, [NodeId::at(1)]);
        assert_eq!((fault.evidence["n2"].as_str(), fault.heal_evidence["n2"].as_str()), ("stopped", "resumed"));
    }
}
