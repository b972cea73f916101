//! The lines of `history.jsonl`: a header, then one event a line, in the one order of the run.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fault::FaultStage;
use crate::{Index, Nanos, NodeId, Process, Reason};

/// The first line of a history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Header {
    /// Version of the format.
    pub schema: u32,
    /// The workload whose operations these are.
    pub workload: String,
}

/// Jepsen's four event types. A fault's request is an `invoke`, its completion an `info`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum EventType {
    /// An operation began.
    Invoke,
    /// It happened.
    Ok,
    /// It did not and will not happen.
    Fail,
    /// It may have happened, or will.
    Info,
}

/// Who caused an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ProcessLabel {
    /// A client's process.
    Client(Process),
    /// The injector of faults, written `"nemesis"`.
    Nemesis(Nemesis),
}

/// The word `nemesis`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Nemesis {
    /// The only value.
    Nemesis,
}

impl ProcessLabel {
    /// The label of the injector of faults.
    pub const NEMESIS: Self = Self::Nemesis(Nemesis::Nemesis);
}

/// One event as it is written.
#[derive(Debug, Serialize)]
pub struct Line<'a, C, R> {
    /// Position in the history.
    pub index: Index,
    /// Time in ns since the start.
    pub time_ns: Nanos,
    /// Who.
    pub process: ProcessLabel,
    /// The node spoken to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<NodeId>,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// `f` and `value`.
    #[serde(flatten)]
    pub body: LineBody<'a, C, R>,
    /// Why it failed or is indeterminate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a Reason>,
    /// When the generator had planned the invocation, in ns; the difference to `time_ns` is the client's own delay.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheduled_ns: Option<Nanos>,
}

/// The body of a [`Line`], tagged `f` with its content in `value`.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum LineBody<'a, C, R> {
    /// What was asked.
    Call(&'a C),
    /// What came of it.
    Reply(&'a R),
    /// A step of a fault.
    Fault(&'a FaultStage),
}

/// One event as it is read, before its body is given a type.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OpenLine {
    /// Position in the history.
    pub index: Index,
    /// Time in ns since the start.
    pub time_ns: Nanos,
    /// Who.
    pub process: ProcessLabel,
    /// The node spoken to.
    #[serde(default)]
    pub node: Option<NodeId>,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: EventType,
    /// The kind of call, or the name of the fault.
    pub f: String,
    /// Its content.
    #[serde(default)]
    pub value: Value,
    /// Why it failed or is indeterminate.
    #[serde(default)]
    pub error: Option<Reason>,
    /// When the generator had planned the invocation, in ns.
    #[serde(default)]
    pub scheduled_ns: Option<Nanos>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Serialize)]
    #[serde(tag = "f", content = "value", rename_all = "kebab-case")]
    enum Sample {
        Write { token: u64 },
        Release,
    }

    fn text(body: &Sample) -> String {
        serde_json::to_string(&Line {
            index: 7,
            time_ns: 12,
            process: ProcessLabel::Client(Process(3)),
            node: Some(NodeId::at(0)),
            event_type: EventType::Invoke,
            body: LineBody::<_, ()>::Call(body),
            error: None,
            scheduled_ns: None,
        })
        .unwrap()
    }

    #[test]
    fn a_line_reads_as_it_was_written() {
        let written = text(&Sample::Write { token: 9 });
        assert_eq!(
            written,
            r#"{"index":7,"time_ns":12,"process":3,"node":"n1","type":"invoke","f":"write","value":{"token":9}}"#
        );
        let read: OpenLine = serde_json::from_str(&written).unwrap();
        assert_eq!(read.f, "write");
        assert_eq!(read.value, serde_json::json!({"token": 9}));
        let read: OpenLine = serde_json::from_str(&text(&Sample::Release)).unwrap();
        assert_eq!((read.f.as_str(), read.value), ("release", Value::Null));
    }

    #[test]
    fn the_nemesis_is_a_word() {
        assert_eq!(serde_json::to_string(&ProcessLabel::NEMESIS).unwrap(), r#""nemesis""#);
        assert_eq!(serde_json::from_str::<ProcessLabel>(r#""nemesis""#).unwrap(), ProcessLabel::NEMESIS);
        assert!(serde_json::from_str::<ProcessLabel>(r#""nobody""#).is_err());
    }
}
