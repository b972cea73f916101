//! Events in EDN or JSON. Keywords of the one are strings of the other.

use std::fmt;
use std::io::{self, Write};
use std::str::FromStr;

use serde::Serialize;
use serde_json::Value;

use crate::foreign;
use crate::{EventType, Nanos, NodeId, Process};

/// How a history is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JepsenNotation {
    /// Jepsen's `history.edn`, a map a line.
    #[default]
    Edn,
    /// An array of objects, a line each, as elle-cli takes it.
    Json,
}

impl JepsenNotation {
    /// All of them.
    pub const ALL: [Self; 2] = [Self::Edn, Self::Json];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Edn => "edn",
            Self::Json => "json",
        }
    }
}

impl fmt::Display for JepsenNotation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.pad(self.name())
    }
}

impl FromStr for JepsenNotation {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let called = |notation: &Self| notation.name() == name;
        Self::ALL.into_iter().find(called).ok_or_else(|| format!("`{name}` is neither edn nor json"))
    }
}

/// An event as it is written.
pub(super) struct Event {
    pub(super) time_ns: Nanos,
    /// Nobody's are the nemesis's.
    pub(super) process: Option<Process>,
    pub(super) event_type: EventType,
    pub(super) f: String,
    pub(super) value: Value,
    pub(super) node: Option<NodeId>,
    pub(super) error: Option<String>,
}

/// Writes events, and numbers them.
pub(super) struct Writer<'a> {
    notation: JepsenNotation,
    out: &'a mut dyn Write,
    next: u64,
}

impl<'a> Writer<'a> {
    pub(super) fn new(notation: JepsenNotation, out: &'a mut dyn Write) -> Self {
        Self { notation, out, next: 0 }
    }

    pub(super) fn event(&mut self, event: &Event) -> io::Result<()> {
        let index = self.next;
        self.next += 1;
        match self.notation {
            JepsenNotation::Edn => self.edn(index, event),
            JepsenNotation::Json => self.json(index, event),
        }
    }

    /// Writes what stands behind the last event.
    pub(super) fn finish(self) -> io::Result<()> {
        match (self.notation, self.next) {
            (JepsenNotation::Edn, _) => {}
            (JepsenNotation::Json, 0) => self.out.write_all(b"[]\n")?,
            (JepsenNotation::Json, _) => self.out.write_all(b"\n]\n")?,
        }
        self.out.flush()
    }

    fn edn(&mut self, index: u64, event: &Event) -> io::Result<()> {
        let process = event.process.map_or_else(|| ":nemesis".to_owned(), |process| process.to_string());
        let (time, kind, f) = (event.time_ns, word(event.event_type), keyword(&event.f));
        write!(self.out, "{{:index {index}, :time {time}, :type :{kind}, :process {process}, :f {f}")?;
        write!(self.out, ", :value {}", edn(&event.value))?;
        if let Some(node) = event.node {
            write!(self.out, ", :node {}", foreign::Value::string(&node.to_string()))?;
        }
        if let Some(error) = &event.error {
            write!(self.out, ", :error {}", foreign::Value::string(error))?;
        }
        self.out.write_all(b"}\n")
    }

    fn json(&mut self, index: u64, event: &Event) -> io::Result<()> {
        self.out.write_all(if index == 0 { b"[\n" } else { b",\n" })?;
        let process = event.process.map_or_else(|| Value::from("nemesis"), |process| Value::from(process.0));
        let line = JsonLine {
            index,
            time: event.time_ns,
            kind: event.event_type,
            process,
            f: &event.f,
            value: &event.value,
            node: event.node,
            error: event.error.as_deref(),
        };
        serde_json::to_writer(&mut *self.out, &line).map_err(io::Error::from)
    }
}

#[derive(Serialize)]
struct JsonLine<'a> {
    index: u64,
    time: Nanos,
    #[serde(rename = "type")]
    kind: EventType,
    process: Value,
    f: &'a str,
    value: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<NodeId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

fn word(event_type: EventType) -> &'static str {
    match event_type {
        EventType::Invoke => "invoke",
        EventType::Ok => "ok",
        EventType::Fail => "fail",
        EventType::Info => "info",
    }
}

/// A keyword, or a string where the text cannot be one.
fn keyword(text: &str) -> foreign::Value {
    let begins = text.starts_with(|character: char| character.is_ascii_alphabetic());
    if begins && text.chars().all(|character| character.is_ascii_alphanumeric() || "-_".contains(character)) {
        foreign::Value::keyword(text)
    } else {
        foreign::Value::string(text)
    }
}

/// A value with keywords for the names of members.
fn edn(value: &Value) -> foreign::Value {
    match value {
        Value::Null => foreign::Value::Nil,
        Value::Bool(value) => foreign::Value::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(integer), _) => foreign::Value::Integer(integer),
            (None, Some(float)) if !number.is_u64() => foreign::Value::float(float),
            _ => foreign::Value::Number(foreign::Text::new(format!("{number}N"))),
        },
        Value::String(text) => foreign::Value::string(text),
        Value::Array(items) => foreign::Value::list(items.iter().map(edn).collect::<Vec<_>>()),
        Value::Object(members) => {
            let entries = members.iter().map(|(name, value)| (keyword(name), edn(value))).collect();
            foreign::Value::map(entries).unwrap_or(foreign::Value::Nil)
        }
    }
}
