//! Which completion belongs to which invocation, where the order of events is known.

use std::collections::HashMap;

use super::super::clients::{self, ClientNames, who};
use super::super::error::Trouble;
use super::super::event::{ForeignEvent, ForeignProcess, shown};
use super::super::operation::{ForeignOperation, ForeignOutcome};
use super::super::value::{Text, Value};
use super::PairingRules;
use super::ledger::Ledger;
use crate::EventType;

/// How many operations one process may have in flight where it may have several: each completion is compared with all.
const OPEN_MAX: usize = 1000;

/// Operations, and those of them that are in flight.
#[derive(Debug)]
pub(super) struct Matching {
    pub(super) rules: PairingRules,
    pub(super) operations: Vec<ForeignOperation>,
    /// The operations in flight of each process; under `None` those of nobody in particular.
    open: HashMap<Option<i64>, Open>,
    /// The operation of each process that is indeterminate, until the process invokes another.
    given_up: HashMap<i64, usize>,
    /// The clients that have names.
    pub(super) names: ClientNames,
    /// The events of processes that are no clients, if they are kept.
    pub(super) named: Vec<(u32, ForeignEvent)>,
    /// The line on which a process had several operations in flight first.
    pub(super) overlaps: Option<u32>,
    /// How many completions stand without an invocation, and the line of the first.
    pub(super) bare: Option<(u64, u32)>,
    /// How many completions could belong to several operations and change none.
    pub(super) dropped: u64,
    /// How many bytes the values of operations take on the heap.
    pub(super) heap: usize,
}

/// The operations of one process in flight, in the order of their invocations.
#[derive(Debug)]
struct Open {
    first: usize,
    others: Vec<usize>,
}

/// What an event does.
enum Step {
    /// It is no client's.
    Named,
    Invoke(Option<i64>),
    Complete(usize, ForeignOutcome),
    /// It completes an operation whose invocation is missing.
    Bare(Option<i64>, ForeignOutcome),
    /// It leaves open which; all of them stay indeterminate.
    OneOfSeveral,
}

impl Matching {
    pub(super) fn new(rules: PairingRules) -> Self {
        Self {
            rules,
            operations: Vec::new(),
            open: HashMap::new(),
            given_up: HashMap::new(),
            names: ClientNames::default(),
            named: Vec::new(),
            overlaps: None,
            bare: None,
            dropped: 0,
            heap: 0,
        }
    }

    /// Takes the next event. One that the rules forbid is given back, and changes nothing.
    pub(super) fn take(
        &mut self,
        position: u32,
        event: ForeignEvent,
        ledger: Option<&mut Ledger>,
    ) -> Result<(), Box<(Trouble, ForeignEvent)>> {
        match self.step(&event) {
            Ok(step) => {
                self.carry_out(&step, position, event, ledger);
                Ok(())
            }
            Err(trouble) => Err(Box::new((trouble, event))),
        }
    }

    fn step(&mut self, event: &ForeignEvent) -> Result<Step, Trouble> {
        let process = match &event.process {
            ForeignProcess::Client(number) => Some(*number),
            ForeignProcess::Unstated => None,
            ForeignProcess::Named(name) => match self.names.number(name, event)? {
                Some(number) => Some(number),
                None => return Ok(Step::Named),
            },
        };
        match event.event_type {
            EventType::Invoke => self.invoke(process, event),
            EventType::Ok => self.complete(process, event, ForeignOutcome::Ok),
            EventType::Fail => self.complete(process, event, ForeignOutcome::Fail),
            EventType::Info => self.complete(process, event, ForeignOutcome::Info),
        }
    }

    fn carry_out(&mut self, step: &Step, position: u32, event: ForeignEvent, ledger: Option<&mut Ledger>) {
        match *step {
            Step::Named if self.rules.keeps_named => {
                self.heap += event.value.heap_bytes();
                self.named.push((position, event));
            }
            // Whether it is a client is asked anew where the order changes.
            Step::Named => {
                if let Some(ledger) = ledger.filter(|_| !clients::is_nemesis(&event.process)) {
                    self.heap += event.value.heap_bytes();
                    ledger.strays(position, event);
                }
            }
            Step::Invoke(process) => {
                self.heap += event.value.heap_bytes();
                self.operations.push(ForeignOperation::invoked(process, position, event));
            }
            Step::Complete(place, outcome) => {
                let operation = &mut self.operations[place];
                if let Some(ledger) = ledger {
                    ledger.completes(operation, position, &event);
                }
                let is_shared = operation.complete(position, event, outcome);
                self.heap += if is_shared { 0 } else { operation.reply.heap_bytes() };
            }
            Step::Bare(process, outcome) => {
                self.bare.get_or_insert((0, event.line)).0 += 1;
                self.heap += event.value.heap_bytes();
                self.operations.push(ForeignOperation::bare(process, position, event, outcome));
            }
            Step::OneOfSeveral => {
                self.dropped += 1;
                if let Some(ledger) = ledger {
                    self.heap += event.value.heap_bytes();
                    ledger.strays(position, event);
                }
            }
        }
    }

    fn invoke(&mut self, process: Option<i64>, event: &ForeignEvent) -> Result<Step, Trouble> {
        process.map(|process| self.given_up.remove(&process));
        let place = self.operations.len();
        let Some(open) = self.open.get_mut(&process) else {
            self.open.insert(process, Open { first: place, others: Vec::new() });
            return Ok(Step::Invoke(process));
        };
        if process.is_some() && !self.rules.may_overlap {
            let other = &self.operations[open.first];
            let problem = format!(
                "{} invokes {} while its {} of line {} is in flight",
                who(&self.names, process),
                kind(event.f.as_ref()),
                kind(other.f.as_ref()),
                other.line
            );
            return Err(Trouble::at_line(event.line, problem));
        }
        if open.others.len() + 1 >= OPEN_MAX {
            let problem = format!("{} has more than {OPEN_MAX} operations in flight", who(&self.names, process));
            return Err(Trouble::at_line(event.line, problem));
        }
        open.others.push(place);
        if process.is_some() {
            self.overlaps.get_or_insert(event.line);
        }
        Ok(Step::Invoke(process))
    }

    /// What a completion does; the operation that it completes is in flight no more.
    fn complete(
        &mut self,
        process: Option<i64>,
        event: &ForeignEvent,
        outcome: ForeignOutcome,
    ) -> Result<Step, Trouble> {
        let Some(open) = self.open.get(&process) else { return self.bare(process, event, outcome) };
        if process.is_some() && open.others.is_empty() {
            let place = open.first;
            if !self.agrees(place, event) {
                return Err(self.other_kind(process, place, event));
            }
            self.open.remove(&process);
            self.give_up(process, place, outcome);
            return Ok(Step::Complete(place, outcome));
        }
        let of_kind: Vec<usize> = open.places().filter(|place| self.agrees(*place, event)).collect();
        let fitting: Vec<usize> = match of_kind.as_slice() {
            [] if process.is_some() => return Err(self.other_kind(process, open.first, event)),
            [] => return self.bare(process, event, outcome),
            [only] if process.is_some() => vec![*only],
            _ => of_kind.into_iter().filter(|place| fits(&self.operations[*place].call, &event.value)).collect(),
        };
        let equal = fitting.windows(2).all(|pair| self.operations[pair[0]].call == self.operations[pair[1]].call);
        let Some(&first) = fitting.first().filter(|_| equal) else {
            if outcome == ForeignOutcome::Info {
                return Ok(Step::OneOfSeveral);
            }
            let problem = format!(
                "{} has several operations in flight, and which of them ends with {} cannot be told",
                who(&self.names, process),
                shown(&event.value)
            );
            return Err(Trouble::at_line(event.line, problem));
        };
        if let [_, _, ..] = fitting.as_slice() {
            for place in fitting {
                self.operations[place].set_bare();
            }
        }
        self.close(process, first);
        self.give_up(process, first, outcome);
        Ok(Step::Complete(first, outcome))
    }

    /// Remembers what ended without an answer.
    fn give_up(&mut self, process: Option<i64>, place: usize, outcome: ForeignOutcome) {
        if let Some(process) = process.filter(|_| outcome == ForeignOutcome::Info) {
            self.given_up.insert(process, place);
        }
    }

    /// A completion of nothing that is in flight. As one of what had been told to be indeterminate it would count twice.
    fn bare(&self, process: Option<i64>, event: &ForeignEvent, outcome: ForeignOutcome) -> Result<Step, Trouble> {
        let told = process.and_then(|process| self.given_up.get(&process));
        if let Some(&place) =
            told.filter(|place| self.agrees(**place, event) && fits(&self.operations[**place].call, &event.value))
        {
            let problem = format!(
                "{} completes its {} of line {} again, after that was said to be indeterminate",
                who(&self.names, process),
                kind(event.f.as_ref()),
                self.operations[place].line
            );
            return Err(Trouble::at_line(event.line, problem));
        }
        if self.rules.may_be_bare {
            return Ok(Step::Bare(process, outcome));
        }
        let problem =
            format!("{} completes {} that it has not in flight", who(&self.names, process), kind(event.f.as_ref()));
        Err(Trouble::at_line(event.line, problem))
    }

    /// Whether an event may be of the kind of an operation.
    fn agrees(&self, place: usize, event: &ForeignEvent) -> bool {
        match (&self.operations[place].f, &event.f) {
            (Some(asked), Some(answered)) => asked == answered,
            _ => true,
        }
    }

    fn other_kind(&self, process: Option<i64>, place: usize, event: &ForeignEvent) -> Trouble {
        let problem = format!(
            "{} completes {} while its {} is in flight",
            who(&self.names, process),
            kind(event.f.as_ref()),
            kind(self.operations[place].f.as_ref())
        );
        Trouble::at_line(event.line, problem)
    }

    fn close(&mut self, process: Option<i64>, place: usize) {
        let Some(open) = self.open.get_mut(&process) else { return };
        if open.others.is_empty() {
            self.open.remove(&process);
        } else if open.first == place {
            open.first = open.others.remove(0);
        } else {
            open.others.retain(|other| *other != place);
        }
    }

    /// How many bytes all this takes.
    pub(super) fn bytes(&self) -> usize {
        // The empty half of a list that grew is not backed by memory.
        size_of_val(self.operations.as_slice())
            + size_of_val(self.named.as_slice())
            + self.open.capacity() * size_of::<(Option<i64>, Open)>()
            + self.given_up.capacity() * size_of::<(i64, usize)>()
            + self.names.bytes()
            + self.heap
    }
}

impl Open {
    fn places(&self) -> impl Iterator<Item = usize> {
        std::iter::once(self.first).chain(self.others.iter().copied())
    }
}

/// Whether a call may have come back as this: what was nil, or not there, may have become anything.
fn fits(call: &Value, reply: &Value) -> bool {
    match (call, reply) {
        (Value::Nil, _) | (_, Value::Nil) => true,
        (Value::List(asked), Value::List(answered)) => {
            asked.len() <= answered.len() && asked.iter().zip(answered.iter()).all(|(call, reply)| fits(call, reply))
        }
        (Value::Tagged(asked), Value::Tagged(answered)) => asked.0 == answered.0 && fits(&asked.1, &answered.1),
        (call, reply) => call == reply,
    }
}

fn kind(f: Option<&Text>) -> String {
    f.map_or_else(|| "an operation".to_owned(), |f| format!("`{f}`"))
}
