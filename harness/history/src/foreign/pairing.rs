//! Makes operations of foreign events: which completion belongs to which invocation, and in which order.

use std::collections::{BTreeSet, HashMap};

use super::Format;
use super::error::{ForeignError, Trouble};
use super::event::{ForeignEvent, ForeignProcess, shown};
use super::value::{Text, Value};
use crate::EventType;

/// How many operations one process may have in flight where it may have several: each completion is compared with all.
const OPEN_MAX: usize = 1000;

/// What came of a foreign operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ForeignOutcome {
    /// It happened.
    Ok,
    /// It did not and will not happen.
    Fail,
    /// It may have happened, or will.
    Info,
}

/// One operation of a foreign history. Positions count the events of the history from 0, in the order by which it is judged.
#[derive(Debug, Clone, PartialEq)]
pub struct ForeignOperation {
    /// Who did it.
    pub process: ForeignProcess,
    /// Its kind, in the history's own word.
    pub f: Option<Text>,
    /// What was asked. Where that was nil and the operation succeeded, what came back: Knossos fills a read in like that.
    pub call: Value,
    /// What the completion says; nil where there is none.
    pub reply: Value,
    /// What came of it.
    pub outcome: ForeignOutcome,
    /// The position of its invocation.
    pub invoked: u32,
    /// The position of its completion, also of an indeterminate one; `None` where the history has none.
    pub completed: Option<u32>,
    /// Whether the completion names an error: a `:fail` of a cas without one says that the register held something else.
    pub has_error: bool,
    /// Whether [`ForeignOperation::call`] was filled in from the reply.
    pub is_filled: bool,
    /// Whether its real time is unknown: it has a completion without an invocation (both positions are then the same), or it
    /// cannot be told which of several equal invocations is its own. It has no real-time order with others.
    pub is_bare: bool,
    /// The line that its first event begins on, counted from 1.
    pub line: u32,
}

/// What a history may do without being malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairingRules {
    /// A process may have several operations in flight. Completions are then told apart by their kinds and values.
    pub may_overlap: bool,
    /// A completion may stand without an invocation.
    pub may_be_bare: bool,
    /// Whether the events of named processes (the nemesis) are kept beside the operations; else they are dropped.
    pub keeps_named: bool,
}

impl PairingRules {
    /// The rules of a format. Elle's and Jepsen's own tests write all operations as one process's, and leave invocations out; our
    /// own background calls run beside the others; the rest hold to one operation in flight.
    pub fn of(format: Format) -> Self {
        let is_jepsen = matches!(
            format,
            Format::EdnLines | Format::EdnVector | Format::JsonArray | Format::JsonLines | Format::HistoryTxt
        );
        Self { may_overlap: is_jepsen || format == Format::Dsjepsen, may_be_bare: is_jepsen, keeps_named: false }
    }
}

/// Operations, and what else is known of a history.
#[derive(Debug, Clone, PartialEq)]
pub struct Paired {
    /// The operations, in the order of their invocations.
    pub operations: Vec<ForeignOperation>,
    /// The events of named processes with their positions, if they were asked for.
    pub named: Vec<(u32, ForeignEvent)>,
    /// The time of each position in ns; empty where one event has none. Order is never judged by it.
    pub times: Vec<i64>,
    /// What was noticed.
    pub notes: Vec<String>,
}

/// Makes operations of events.
///
/// The order is that of the indices where all events have one and no two the same, else that of the file; never that of times,
/// which may be too coarse. What has no completion is indeterminate.
///
/// # Errors
/// [`ForeignError::Malformed`] where a process does what the rules forbid, or where it cannot be told which operation ended.
pub fn pair(events: Vec<ForeignEvent>, name: &str, rules: PairingRules) -> Result<Paired, ForeignError> {
    pair_events(events, rules).map_err(|trouble| trouble.named(name))
}

fn pair_events(mut events: Vec<ForeignEvent>, rules: PairingRules) -> Result<Paired, Trouble> {
    let mut pairing = Pairing { rules, operations: Vec::new(), open: HashMap::new(), overlaps: None, dropped: 0 };
    let mut notes = Vec::new();
    if !is_in_order(&events) && has_own_order(&events) {
        notes.push("the events do not stand in the order of their indices; that of the indices was taken".to_owned());
        events.sort_by_key(|event| event.index);
    }
    let times: Option<Vec<i64>> = events.iter().map(|event| event.time).collect();
    let mut named = Vec::new();
    for (position, event) in events.into_iter().enumerate() {
        let Ok(position) = u32::try_from(position) else {
            return Err(Trouble::at_line(event.line, "more than 4,294,967,296 events"));
        };
        if !matches!(event.process, ForeignProcess::Named(_)) {
            pairing.take(position, event)?;
        } else if rules.keeps_named {
            named.push((position, event));
        }
    }
    if let Some(line) = pairing.overlaps {
        notes.push(format!("processes have several operations in flight, first on line {line}"));
    }
    if pairing.dropped > 0 {
        let dropped = pairing.dropped;
        notes.push(format!("{dropped} indeterminate completions could belong to several operations and change none"));
    }
    Ok(Paired { operations: pairing.operations, named, times: times.unwrap_or_default(), notes })
}

fn is_in_order(events: &[ForeignEvent]) -> bool {
    events.windows(2).all(|pair| pair[0].index.is_some() && pair[0].index < pair[1].index)
}

/// Whether the history numbers its events: all, and each otherwise.
fn has_own_order(events: &[ForeignEvent]) -> bool {
    let mut seen = BTreeSet::new();
    events.iter().all(|event| event.index.is_some_and(|index| index >= 0 && seen.insert(index)))
}

struct Pairing {
    rules: PairingRules,
    operations: Vec<ForeignOperation>,
    /// The operations in flight, in the order of their invocations.
    open: HashMap<ForeignProcess, Vec<usize>>,
    overlaps: Option<u32>,
    dropped: usize,
}

impl Pairing {
    fn take(&mut self, position: u32, event: ForeignEvent) -> Result<(), Trouble> {
        let outcome = match event.event_type {
            EventType::Invoke => return self.invoke(position, event),
            EventType::Ok => ForeignOutcome::Ok,
            EventType::Fail => ForeignOutcome::Fail,
            EventType::Info => ForeignOutcome::Info,
        };
        match self.find(&event, outcome)? {
            Found::Operation(place) => {
                let operation = &mut self.operations[place];
                operation.is_filled = outcome == ForeignOutcome::Ok && operation.call.is_nil() && !event.value.is_nil();
                if operation.is_filled {
                    operation.call = event.value.clone();
                }
                operation.f = operation.f.take().or(event.f);
                operation.reply = event.value;
                operation.outcome = outcome;
                operation.completed = Some(position);
                operation.has_error = event.has_error;
            }
            Found::Nothing => self.bare(position, event, outcome)?,
            Found::OneOfSeveral => self.dropped += 1,
        }
        Ok(())
    }

    fn invoke(&mut self, position: u32, event: ForeignEvent) -> Result<(), Trouble> {
        let open = self.open.entry(event.process.clone()).or_default();
        if let (Some(&other), false) = (open.first(), event.process == ForeignProcess::Unstated) {
            if !self.rules.may_overlap {
                let other = &self.operations[other];
                let problem = format!(
                    "{} invokes {} while its {} of line {} is in flight",
                    who(&event.process),
                    kind(event.f.as_ref()),
                    kind(other.f.as_ref()),
                    other.line
                );
                return Err(Trouble::at_line(event.line, problem));
            }
            self.overlaps.get_or_insert(event.line);
        }
        if open.len() >= OPEN_MAX {
            let problem = format!("{} has more than {OPEN_MAX} operations in flight", who(&event.process));
            return Err(Trouble::at_line(event.line, problem));
        }
        open.push(self.operations.len());
        self.operations.push(ForeignOperation {
            process: event.process,
            f: event.f,
            call: event.value,
            reply: Value::Nil,
            outcome: ForeignOutcome::Info,
            invoked: position,
            completed: None,
            has_error: false,
            is_filled: false,
            is_bare: false,
            line: event.line,
        });
        Ok(())
    }

    fn bare(&mut self, position: u32, event: ForeignEvent, outcome: ForeignOutcome) -> Result<(), Trouble> {
        if !self.rules.may_be_bare {
            let problem =
                format!("{} completes {} that it has not in flight", who(&event.process), kind(event.f.as_ref()));
            return Err(Trouble::at_line(event.line, problem));
        }
        self.operations.push(ForeignOperation {
            process: event.process,
            f: event.f,
            call: event.value.clone(),
            reply: event.value,
            outcome,
            invoked: position,
            completed: Some(position),
            has_error: event.has_error,
            is_filled: false,
            is_bare: true,
            line: event.line,
        });
        Ok(())
    }

    /// The operation that an event completes; it is in flight no more.
    fn find(&mut self, event: &ForeignEvent, outcome: ForeignOutcome) -> Result<Found, Trouble> {
        let Some(open) = self.open.get_mut(&event.process).filter(|open| !open.is_empty()) else {
            return Ok(Found::Nothing);
        };
        let operations = &self.operations;
        let agrees = |place: &usize| match (&operations[*place].f, &event.f) {
            (Some(asked), Some(answered)) => asked == answered,
            _ => true,
        };
        let of_kind: Vec<usize> = open.iter().copied().filter(agrees).collect();
        let is_stated = event.process != ForeignProcess::Unstated;
        let fitting: Vec<usize> = match of_kind.as_slice() {
            [] if is_stated => {
                let problem = format!(
                    "{} completes {} while its {} is in flight",
                    who(&event.process),
                    kind(event.f.as_ref()),
                    kind(operations[open[0]].f.as_ref())
                );
                return Err(Trouble::at_line(event.line, problem));
            }
            [] => return Ok(Found::Nothing),
            [only] if is_stated => vec![*only],
            _ => of_kind.into_iter().filter(|place| fits(&operations[*place].call, &event.value)).collect(),
        };
        let equal = fitting.windows(2).all(|pair| operations[pair[0]].call == operations[pair[1]].call);
        let Some(&first) = fitting.first().filter(|_| equal) else {
            if outcome == ForeignOutcome::Info {
                return Ok(Found::OneOfSeveral);
            }
            let problem = format!(
                "{} has several operations in flight, and which of them ends with {} cannot be told",
                who(&event.process),
                shown(&event.value)
            );
            return Err(Trouble::at_line(event.line, problem));
        };
        if let [_, _, ..] = fitting.as_slice() {
            for place in fitting {
                self.operations[place].is_bare = true;
            }
        }
        open.retain(|place| *place != first);
        Ok(Found::Operation(first))
    }
}

enum Found {
    Operation(usize),
    /// No invocation is known.
    Nothing,
    /// It leaves open which; all of them stay indeterminate.
    OneOfSeveral,
}

/// Whether a call may have come back as this: what was nil, or not there, may have become anything.
fn fits(call: &Value, reply: &Value) -> bool {
    match (call, reply) {
        (Value::Nil, _) | (_, Value::Nil) => true,
        (Value::List(asked), Value::List(answered)) => {
            asked.len() <= answered.len() && asked.iter().zip(answered.iter()).all(|(call, reply)| fits(call, reply))
        }
        (call, reply) => call == reply,
    }
}

fn who(process: &ForeignProcess) -> String {
    match process {
        ForeignProcess::Client(number) => format!("process {number}"),
        ForeignProcess::Named(name) => format!("process {name}"),
        ForeignProcess::Unstated => "a process without a number".to_owned(),
    }
}

fn kind(f: Option<&Text>) -> String {
    f.map_or_else(|| "an operation".to_owned(), |f| format!("`{f}`"))
}
