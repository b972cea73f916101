//! What is kept of events so that their pairing can be undone, as long as later ones may still change their order.

use super::super::clients::NEMESIS;
use super::super::event::{ForeignEvent, ForeignProcess};
use super::super::operation::{ForeignOperation, ForeignOutcome};
use super::super::times::Times;
use super::super::value::{Text, Value};
use crate::EventType;

/// Numbers that mostly rise by one: only those that do not are kept, 16 bytes each.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Runs {
    /// The position and the number that each run begins with.
    starts: Vec<(u32, i64)>,
    length: u32,
}

impl Runs {
    pub(super) fn push(&mut self, number: i64) {
        if self.last().and_then(|last| last.checked_add(1)) != Some(number) {
            self.starts.push((self.length, number));
        }
        self.length += 1;
    }

    pub(super) fn last(&self) -> Option<i64> {
        let &(position, number) = self.starts.last()?;
        Some(number + i64::from(self.length - 1 - position))
    }

    /// Whether the number is there; the numbers must ascend.
    pub(super) fn contains(&self, number: i64) -> bool {
        let run = self.starts.partition_point(|&(_, first)| first <= number);
        let Some(&(position, first)) = run.checked_sub(1).and_then(|run| self.starts.get(run)) else { return false };
        let end = self.starts.get(run).map_or(self.length, |&(next, _)| next);
        number.abs_diff(first) < u64::from(end - position)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = i64> {
        let ends = self.starts.iter().skip(1).map(|&(position, _)| position).chain([self.length]);
        self.starts
            .iter()
            .zip(ends)
            .flat_map(|(&(position, first), end)| (0..end - position).map(move |step| first + i64::from(step)))
    }

    pub(super) fn bytes(&self) -> usize {
        size_of_val(self.starts.as_slice())
    }
}

/// What operations do not say of their events. With it they become events again.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) indices: Runs,
    lines: Runs,
    /// The positions of events without a kind whose operations have one, from the other event.
    without_kind: Vec<u32>,
    /// The events that are part of no operation, but for those that were dropped for their names.
    strays: Vec<(u32, ForeignEvent)>,
}

impl Ledger {
    pub(super) fn enter(&mut self, index: i64, line: u32) {
        self.indices.push(index);
        self.lines.push(i64::from(line));
    }

    /// Notes what is lost when an operation takes this completion.
    pub(super) fn completes(&mut self, operation: &ForeignOperation, position: u32, event: &ForeignEvent) {
        match (&operation.f, &event.f) {
            (Some(_), None) => self.without_kind.push(position),
            (None, Some(_)) => self.without_kind.push(operation.invoked),
            _ => {}
        }
    }

    pub(super) fn strays(&mut self, position: u32, event: ForeignEvent) {
        self.strays.push((position, event));
    }

    pub(super) fn bytes(&self) -> usize {
        let strays = size_of_val(self.strays.as_slice());
        self.indices.bytes() + self.lines.bytes() + strays + size_of_val(self.without_kind.as_slice())
    }

    /// The events that the operations were made of, in their order. `named` are those of named processes that were kept;
    /// others stand there without what they said.
    pub(super) fn undo(
        mut self,
        operations: Vec<ForeignOperation>,
        named: Vec<(u32, ForeignEvent)>,
        times: Option<&Times>,
    ) -> Vec<ForeignEvent> {
        let nobody = Text::new(NEMESIS);
        let mut events: Vec<ForeignEvent> =
            self.indices.iter().zip(self.lines.iter()).map(|place| blank(place, &nobody)).collect();
        for operation in operations {
            undo(operation, &mut events);
        }
        for (position, event) in std::mem::take(&mut self.strays).into_iter().chain(named) {
            events[position as usize] = event;
        }
        for position in self.without_kind {
            events[position as usize].f = None;
        }
        for (event, time) in events.iter_mut().zip(times.into_iter().flat_map(Times::iter)) {
            event.time = Some(time);
        }
        events
    }
}

/// An event of which nothing is known but its place.
fn blank((index, line): (i64, i64), nobody: &Text) -> ForeignEvent {
    ForeignEvent {
        process: ForeignProcess::Named(nobody.clone()),
        event_type: EventType::Info,
        f: None,
        value: Value::Nil,
        time: None,
        index: Some(index),
        has_error: false,
        line: u32::try_from(line).unwrap_or(u32::MAX),
    }
}

/// Puts the events of an operation to their places.
fn undo(operation: ForeignOperation, events: &mut [ForeignEvent]) {
    let is_alone = operation.completed() == Some(operation.invoked);
    if !is_alone {
        let event = &mut events[operation.invoked as usize];
        event.process = operation.owner();
        event.event_type = EventType::Invoke;
        event.f.clone_from(&operation.f);
        event.value = if operation.is_filled() { Value::Nil } else { operation.call.clone() };
    }
    if let Some(position) = operation.completed() {
        let event = &mut events[position as usize];
        event.process = operation.owner();
        event.event_type = match operation.outcome {
            ForeignOutcome::Ok => EventType::Ok,
            ForeignOutcome::Fail => EventType::Fail,
            ForeignOutcome::Info => EventType::Info,
        };
        event.has_error = operation.has_error();
        event.f = operation.f;
        event.value = operation.reply;
    }
}
