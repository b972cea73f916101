//! Writes the history of a run as Jepsen's own tools read it: `history.edn`, or the JSON of elle-cli.
//!
//! A workload says as data ([`JepsenShape`]) what its calls look like there. Events are numbered anew, without gaps; what the
//! nemesis does is two `:info` events of the process `:nemesis`.

mod attempts;
mod notation;

use std::collections::{HashMap, HashSet};
use std::io::{self, Write};
use std::path::Path;

use serde_json::{Map, Value};
use thiserror::Error;

use crate::reader::read_lines;
use crate::{EventType, FaultAction, FaultDetail, HistoryError, OpenLine, Process, ProcessLabel};
use attempts::merge;
pub use notation::JepsenNotation;
use notation::{Event, Writer};

/// What stands as the value of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JepsenValue {
    /// The whole content, as a map.
    Whole,
    /// Nothing.
    Nil,
    /// One member of the content; nil where it is absent.
    Member(&'static str),
    /// Several members, as a vector.
    Members(&'static [&'static str]),
    /// Of a reply: what the call shows.
    AsCalled,
}

/// How one kind of call stands in a history of Jepsen's. A kind of which nothing is said keeps its name, and its content is a map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JepsenShape {
    kind: &'static str,
    call: JepsenValue,
    reply: JepsenValue,
    object: Option<&'static str>,
    took_effect: Option<&'static str>,
    attempts_at: Option<&'static str>,
    is_left_out: bool,
}

impl JepsenShape {
    /// The kind, and what its invocation and its `:ok` show. A `:fail` and an `:info` show what the invocation does.
    pub const fn new(kind: &'static str, call: JepsenValue, reply: JepsenValue) -> Self {
        Self { kind, call, reply, object: None, took_effect: None, attempts_at: None, is_left_out: false }
    }

    /// A kind that has no place there: what runs beside a process's operations, or what the harness itself answers.
    pub const fn left_out(kind: &'static str) -> Self {
        Self { is_left_out: true, ..Self::new(kind, JepsenValue::Nil, JepsenValue::Nil) }
    }

    /// The member of the call that names its object. Values are `[object value]` then, as `jepsen.independent` has them.
    pub const fn of_object(self, member: &'static str) -> Self {
        Self { object: Some(member), ..self }
    }

    /// The member of the reply that says whether the call took effect. Where it is false the event is a `:fail` without an
    /// `:error`, as Jepsen has a cas that found another value.
    pub const fn took_effect(self, member: &'static str) -> Self {
        Self { took_effect: Some(member), ..self }
    }

    /// The member of the call whose equal values are attempts at one operation: it is written once, from its first attempt to its
    /// first success.
    pub const fn attempts_at(self, member: &'static str) -> Self {
        Self { attempts_at: Some(member), ..self }
    }
}

/// Why a history cannot be written.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The run's history cannot be read.
    #[error(transparent)]
    History(#[from] HistoryError),
    /// What was to be written cannot be.
    #[error("cannot write the history: {0}")]
    Write(#[from] io::Error),
}

/// Writes the history at `path` (a run's `history.jsonl`). Gives back what the reader noticed.
///
/// # Errors
/// [`ExportError`].
pub fn write_jepsen(
    path: &Path,
    shapes: &[JepsenShape],
    notation: JepsenNotation,
    out: &mut dyn Write,
) -> Result<Vec<String>, ExportError> {
    let mut lines = Vec::new();
    let (_, notes) = read_lines(path, |line| {
        lines.push(line);
        Ok(())
    })?;
    let mut writer = Writer::new(notation, out);
    let mut export = Export { shapes, open: HashMap::new(), faults: HashSet::new() };
    for line in merge(lines, shapes) {
        let number = line.index;
        let malformed = |problem: String| HistoryError::Malformed {
            path: path.to_owned(),
            line: usize::try_from(number).unwrap_or(usize::MAX),
            problem: format!("event {number}: {problem}"),
        };
        if let Some(event) = export.event(line).map_err(malformed)? {
            writer.event(&event)?;
        }
    }
    writer.finish()?;
    Ok(notes)
}

/// What a shape says of a kind, and what is taken for granted where none does.
fn shape<'a>(shapes: &'a [JepsenShape], kind: &str) -> &'a JepsenShape {
    const PLAIN: JepsenShape = JepsenShape::new("", JepsenValue::Whole, JepsenValue::Whole);
    shapes.iter().find(|shape| shape.kind == kind).unwrap_or(&PLAIN)
}

struct Export<'a> {
    shapes: &'a [JepsenShape],
    /// What was asked by those in flight.
    open: HashMap<(Process, String), Value>,
    /// The faults that were asked for.
    faults: HashSet<u32>,
}

impl Export<'_> {
    /// The event as Jepsen has it; nothing where it is left out.
    fn event(&mut self, line: OpenLine) -> Result<Option<Event>, String> {
        let ProcessLabel::Client(process) = line.process else {
            return self.fault(line);
        };
        let shape = shape(self.shapes, &line.f);
        if shape.is_left_out {
            return Ok(None);
        }
        let slot = (process, line.f.clone());
        let call = match line.event_type {
            EventType::Invoke => {
                self.open.insert(slot, line.value.clone());
                line.value.clone()
            }
            _ => self.open.remove(&slot).ok_or_else(|| format!("a `{}` ends that did not begin", line.f))?,
        };
        let mut event_type = line.event_type;
        let mut shown = select(shape.call, &call, &Value::Null);
        if event_type == EventType::Ok {
            let missed = shape.took_effect.is_some_and(|member| line.value.get(member) == Some(&Value::Bool(false)));
            if missed {
                event_type = EventType::Fail;
            } else {
                shown = select(shape.reply, &line.value, &shown);
            }
        }
        if let Some(member) = shape.object {
            shown = Value::Array(vec![member_of(&call, member), shown]);
        }
        Ok(Some(Event {
            time_ns: line.time_ns,
            process: Some(process),
            event_type,
            f: line.f,
            value: shown,
            node: line.node,
            error: line.error.map(|error| error.as_str().to_owned()),
        }))
    }

    /// A step of a fault: `:start-partition` and `:stop-partition`, each asked for and then done, with all that is known of it. A fault
    /// that has waited for whom it is to hit is asked for twice; Jepsen's tools count on one event before each that is done.
    fn fault(&mut self, line: OpenLine) -> Result<Option<Event>, String> {
        let detail: FaultDetail =
            serde_json::from_value(line.value.clone()).map_err(|error| format!("no step of a fault: {error}"))?;
        let verb = match detail.action {
            FaultAction::Inject => "start",
            FaultAction::Heal => "stop",
        };
        let asked = detail.action == FaultAction::Inject && detail.outcome.is_none();
        if asked && !self.faults.insert(detail.id) {
            return Ok(None);
        }
        Ok(Some(Event {
            time_ns: line.time_ns,
            process: None,
            event_type: EventType::Info,
            f: format!("{verb}-{}", line.f),
            value: line.value,
            node: None,
            error: None,
        }))
    }
}

fn select(value: JepsenValue, content: &Value, called: &Value) -> Value {
    match value {
        JepsenValue::Whole => content.clone(),
        JepsenValue::Nil => Value::Null,
        JepsenValue::Member(member) => member_of(content, member),
        JepsenValue::Members(members) => members.iter().map(|member| member_of(content, member)).collect(),
        JepsenValue::AsCalled => called.clone(),
    }
}

fn member_of(content: &Value, member: &str) -> Value {
    content.as_object().and_then(|content: &Map<String, Value>| content.get(member)).cloned().unwrap_or_default()
}

#[cfg(test)]
mod tests;
