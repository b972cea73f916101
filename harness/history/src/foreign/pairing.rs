//! Makes operations of foreign events: which completion belongs to which invocation, and in which order.
//!
//! Events are paired as they come, so that none is held. Where it turns out that they do not stand in the order of their indices,
//! the pairing is undone ([`ledger`]), and all events are held and paired in their order at the end.

mod ledger;
mod matching;

use super::Format;
use super::clients::ClientNames;
use super::error::{ForeignError, Place, Trouble};
use super::event::ForeignEvent;
use super::operation::ForeignOperation;
use super::room::Room;
use super::times::Times;
use ledger::Ledger;
use matching::Matching;

/// What a history may do without being malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairingRules {
    /// A process may have several operations in flight. Completions are then told apart by their kinds and values.
    pub may_overlap: bool,
    /// A completion may stand without an invocation.
    pub may_be_bare: bool,
    /// Whether the events of processes that are no clients (the nemesis) are kept beside the operations; else they are dropped.
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
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Paired {
    /// The operations, in the order of their invocations.
    pub operations: Vec<ForeignOperation>,
    /// The clients that have names: what operations have under the number of their process.
    pub names: ClientNames,
    /// The events of processes that are no clients with their positions, if they were asked for.
    pub named: Vec<(u32, ForeignEvent)>,
    /// The time of each position in ns; empty where one event has none. Order is never judged by it.
    pub times: Times,
    /// What was noticed.
    pub notes: Vec<String>,
}

/// Makes operations of events: [`Pairing`] over all of them, with as much memory as it takes.
///
/// # Errors
/// As [`Pairing::take`].
pub fn pair(events: Vec<ForeignEvent>, name: &str, rules: PairingRules) -> Result<Paired, ForeignError> {
    let mut pairing = Pairing::new(name, rules, u64::MAX);
    for event in events {
        pairing.take(event)?;
    }
    pairing.finish()
}

/// Makes operations of events that come one by one.
///
/// The order is that of the indices where all events have one and no two the same, else that of the file; never that of times,
/// which may be too coarse. What has no completion is indeterminate.
#[derive(Debug)]
pub struct Pairing {
    name: String,
    room: Room,
    rules: PairingRules,
    matching: Matching,
    /// How many events were paired.
    count: u32,
    /// The time of each, as long as each has one.
    times: Option<Times>,
    order: Order,
    /// The last index that was seen, and the line on which an index was less than one before it first.
    last_index: Option<i64>,
    goes_back: Option<u32>,
}

/// What is known of the order of the events so far.
#[derive(Debug)]
enum Order {
    /// It is that of the file, whatever follows: an event has no index, or two have the same.
    OfFile,
    /// The indices ascend; what follows may change the order.
    Ascending(Ledger),
    /// That of the indices, unless what follows has none. Or else the events cannot be paired in the order of the file, and what
    /// follows may show that it is another: then with what is wrong.
    Held(Vec<ForeignEvent>, Option<Trouble>),
}

impl Pairing {
    /// Begins. The name is for errors; `memory` says how many bytes the operations may take.
    pub fn new(name: &str, rules: PairingRules, memory: u64) -> Self {
        Self {
            name: name.to_owned(),
            room: Room::new(memory),
            rules,
            matching: Matching::new(rules),
            count: 0,
            times: Some(Times::default()),
            order: Order::Ascending(Ledger::default()),
            last_index: None,
            goes_back: None,
        }
    }

    /// Takes the next event of the file.
    ///
    /// # Errors
    /// [`ForeignError::Malformed`] where a process does what the rules forbid, or where it cannot be told which operation ended;
    /// [`ForeignError::TooLarge`] where the operations take more memory than they may.
    pub fn take(&mut self, event: ForeignEvent) -> Result<(), ForeignError> {
        self.add(event).map_err(|trouble| trouble.named(&self.name))
    }

    /// All operations.
    ///
    /// # Errors
    /// As [`Pairing::take`], where events had to be held for their order.
    pub fn finish(self) -> Result<Paired, ForeignError> {
        let name = self.name.clone();
        self.end().map_err(|trouble| trouble.named(&name))
    }

    pub(super) fn add(&mut self, event: ForeignEvent) -> Result<(), Trouble> {
        let place = Place::line(event.line);
        let index = event.index.filter(|index| *index >= 0);
        if index.is_some() {
            if index < self.last_index {
                self.goes_back.get_or_insert(event.line);
            }
            self.last_index = self.last_index.max(index);
        }
        match (&mut self.order, index) {
            (Order::OfFile, _) => self.pair(event).map_err(|refused| refused.0)?,
            (Order::Held(events, _), Some(_)) => {
                self.matching.heap += event.value.heap_bytes();
                events.push(event);
            }
            (Order::Held(events, _), None) => {
                let events = std::mem::take(events);
                self.pair_anew(events)?;
                self.pair(event).map_err(|refused| refused.0)?;
            }
            (Order::Ascending(ledger), Some(index)) if ledger.indices.last().is_none_or(|last| last < index) => {
                if let Err(refused) = self.pair(event) {
                    let (trouble, event) = *refused;
                    self.hold(event, Some(trouble))?;
                }
            }
            (Order::Ascending(ledger), Some(index)) if !ledger.indices.contains(index) => self.hold(event, None)?,
            (Order::Ascending(_), _) => {
                self.order = Order::OfFile;
                self.pair(event).map_err(|refused| refused.0)?;
            }
        }
        self.check_room(0, place)
    }

    /// Pairs an event that stands in order. One that the rules forbid is given back, and changes nothing.
    fn pair(&mut self, event: ForeignEvent) -> Result<(), Box<(Trouble, ForeignEvent)>> {
        let (time, index, line) = (event.time, event.index, event.line);
        if self.count == u32::MAX {
            return Err(Box::new((Trouble::at_line(line, "more than 4,294,967,295 events"), event)));
        }
        let ledger = if let Order::Ascending(ledger) = &mut self.order { Some(ledger) } else { None };
        self.matching.take(self.count, event, ledger)?;
        self.count += 1;
        match (&mut self.times, time) {
            (Some(times), Some(time)) => times.push(time),
            _ => self.times = None,
        }
        if let (Order::Ascending(ledger), Some(index)) = (&mut self.order, index) {
            ledger.enter(index, line);
        }
        Ok(())
    }

    /// Undoes the pairing, and holds the events from now on.
    fn hold(&mut self, event: ForeignEvent, trouble: Option<Trouble>) -> Result<(), Trouble> {
        self.check_room((self.count as usize + 1) * size_of::<ForeignEvent>(), Place::line(event.line))?;
        let Order::Ascending(ledger) = std::mem::replace(&mut self.order, Order::OfFile) else { return Ok(()) };
        let matching = std::mem::replace(&mut self.matching, Matching::new(self.rules));
        self.matching.heap = matching.heap + event.value.heap_bytes();
        let mut events = ledger.undo(matching.operations, matching.named, self.times.as_ref());
        events.iter_mut().for_each(|event| matching.names.give_back(&mut event.process));
        events.push(event);
        self.count = 0;
        self.times = Some(Times::default());
        self.order = Order::Held(events, trouble);
        Ok(())
    }

    /// Pairs events that were held, now in this order for good.
    fn pair_anew(&mut self, events: Vec<ForeignEvent>) -> Result<(), Trouble> {
        self.order = Order::OfFile;
        self.matching.heap = 0;
        for event in events {
            self.pair(event).map_err(|refused| refused.0)?;
        }
        Ok(())
    }

    /// Refuses to go on where this many bytes more than now are more than there may be.
    fn check_room(&mut self, more: usize, place: Place) -> Result<(), Trouble> {
        let (held, what, count) = match &self.order {
            Order::Held(events, _) => (size_of_val(events.as_slice()), "events", events.len()),
            Order::Ascending(ledger) => (ledger.bytes(), "operations", self.matching.operations.len()),
            Order::OfFile => (0, "operations", self.matching.operations.len()),
        };
        let times = self.times.as_ref().map_or(0, Times::bytes);
        let bytes = self.matching.bytes() + times + held + more;
        self.room.check(bytes, (count, what), place).map_err(|too_large| match &mut self.order {
            // What is wrong says more than that the events after it are too many.
            Order::Held(_, trouble) => trouble.take().unwrap_or(too_large),
            _ => too_large,
        })
    }

    pub(super) fn end(mut self) -> Result<Paired, Trouble> {
        let mut notes = Vec::new();
        let mut is_of_file = matches!(self.order, Order::OfFile);
        if let Order::Held(events, _) = &mut self.order {
            let mut events = std::mem::take(events);
            is_of_file = !has_own_order(&events);
            if !is_in_order(&events) && !is_of_file {
                notes.push(
                    "the events do not stand in the order of their indices; that of the indices was taken".to_owned(),
                );
                events.sort_unstable_by_key(|event| event.index);
            }
            self.pair_anew(events)?;
        }
        if let Some(line) = self.goes_back.filter(|_| is_of_file) {
            notes.push(format!(
                "the indices do not ascend, first on line {line}, and two events have the same or one has none: the order of the file \
                 was taken"
            ));
        }
        let Matching { operations, named, names, overlaps, dropped, bare, .. } = self.matching;
        notes.extend(names.notes());
        if let Some(line) = overlaps {
            notes.push(format!("processes have several operations in flight, first on line {line}"));
        }
        // Where all stand so, that is how such histories are written.
        if let Some((count, line)) = bare.filter(|(count, _)| *count < operations.len() as u64) {
            notes.push(format!(
                "completions without an invocation: {count}, first on line {line}; each counts as an operation of which nobody \
                 knows when it began"
            ));
        }
        if dropped > 0 {
            notes.push(format!(
                "{dropped} indeterminate completions could belong to several operations and change none"
            ));
        }
        Ok(Paired { operations, named, names, times: self.times.unwrap_or_default(), notes })
    }
}

fn is_in_order(events: &[ForeignEvent]) -> bool {
    events.is_sorted_by(|one, next| one.index < next.index)
}

/// Whether no two have the same index.
fn has_own_order(events: &[ForeignEvent]) -> bool {
    let mut indices: Vec<Option<i64>> = events.iter().map(|event| event.index).collect();
    indices.sort_unstable();
    indices.is_sorted_by(|one, next| one < next)
}
