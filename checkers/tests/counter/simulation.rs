//! A sound counter, driven by bytes: requests take effect once, or never, at any time between their sending and the end; clients
//! may stop waiting, and send again under the same key.

use std::collections::BTreeMap;

use dsjepsen_checkers::{CounterCall, CounterReply};
use dsjepsen_history::Promises;

use crate::script::Script;

/// How a history is made.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) promises: Promises,
    pub(crate) decrements: bool,
    pub(crate) largest: i64,
    /// Whether additions are told the new value.
    pub(crate) tells: bool,
    /// How many operations there are before the final phase.
    pub(crate) limit: usize,
}

#[derive(Debug)]
struct Flight {
    operation: usize,
    /// What a read found.
    seen: Option<i64>,
}

struct Run<'a> {
    world: &'a World,
    bytes: std::slice::Iter<'a, u8>,
    script: Script,
    /// All values that the counter has had.
    values: Vec<i64>,
    /// The additions that took effect, with the value right after.
    made: BTreeMap<u64, i64>,
    /// Sent, and not yet made.
    requests: Vec<(u64, i64)>,
    flights: Vec<Flight>,
    doubtful: Vec<(u64, i64)>,
    processes: u32,
    next_id: u64,
}

impl World {
    /// Runs until the bytes, from which every decision is drawn, are used up.
    pub(crate) fn run(&self, bytes: &[u8]) -> Script {
        self.acts(bytes).script
    }

    /// The same, with the final phase of the workload.
    pub(crate) fn run_to_the_end(&self, bytes: &[u8]) -> Script {
        let mut run = self.acts(bytes);
        run.finish();
        run.script
    }

    fn acts<'a>(&'a self, bytes: &'a [u8]) -> Run<'a> {
        let mut run = Run {
            world: self,
            bytes: bytes.iter(),
            script: Script::new(self.promises.clone()),
            values: vec![0],
            made: BTreeMap::new(),
            requests: Vec::new(),
            flights: Vec::new(),
            doubtful: Vec::new(),
            processes: 0,
            next_id: 0,
        };
        while let Some(&byte) = run.bytes.next() {
            run.act(byte);
        }
        run
    }
}

impl Run<'_> {
    fn draw(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn value(&self) -> i64 {
        self.values[self.values.len() - 1]
    }

    fn act(&mut self, byte: u8) {
        let full = self.script.history.operations.len() >= self.world.limit;
        match byte % 8 {
            0..=2 if !full && self.flights.len() < 4 => self.send(byte / 8),
            3 | 4 => self.make(byte / 8),
            _ => self.answer(byte / 8),
        }
    }

    fn send(&mut self, choice: u8) {
        let process = self.processes;
        self.processes += 1;
        let operation = if choice.is_multiple_of(3) {
            self.script.ask(process)
        } else {
            let again = self.world.promises.idempotency_keys && choice % 8 == 1 && !self.doubtful.is_empty();
            let (id, delta) =
                if again { self.doubtful[usize::from(choice) % self.doubtful.len()] } else { self.fresh() };
            self.requests.push((id, delta));
            self.script.add(process, id, delta)
        };
        self.flights.push(Flight { operation, seen: None });
    }

    fn fresh(&mut self) -> (u64, i64) {
        let amount = 1 + i64::from(self.draw()) % self.world.largest;
        let sign = if self.world.decrements && self.draw() % 2 == 1 { -1 } else { 1 };
        self.next_id += 1;
        (self.next_id, sign * amount)
    }

    /// Some request takes effect, or a read looks.
    fn make(&mut self, choice: u8) {
        let reads = self.flights.len();
        let all = reads + self.requests.len();
        if all == 0 {
            return;
        }
        let chosen = usize::from(choice) % all;
        if chosen >= reads {
            let (id, delta) = self.requests.remove(chosen - reads);
            self.apply(id, delta);
            return;
        }
        let past = usize::from(self.draw()) % self.values.len();
        let seen = if self.world.promises.linearizable_reads { self.value() } else { self.values[past] };
        self.flights[chosen].seen = Some(seen);
    }

    /// Once under each key.
    fn apply(&mut self, id: u64, delta: i64) {
        if !self.made.contains_key(&id) {
            self.values.push(self.value() + delta);
            self.made.insert(id, self.value());
        }
    }

    /// A client gets its answer, or stops waiting.
    fn answer(&mut self, choice: u8) {
        if self.flights.is_empty() {
            return;
        }
        let flight = self.flights.remove(usize::from(choice) % self.flights.len());
        match self.script.history.operations[flight.operation].call {
            CounterCall::Read { .. } => match flight.seen {
                Some(value) => self.script.shows(flight.operation, value),
                None => self.script.fail(flight.operation),
            },
            CounterCall::Add { id, delta } => self.answer_addition(flight, id, delta, choice),
        }
    }

    fn answer_addition(&mut self, flight: Flight, id: u64, delta: i64, choice: u8) {
        let made = self.made.get(&id).copied();
        let waiting = self.requests.iter().filter(|(other, _)| *other == id).count();
        match made {
            Some(value) if !choice.is_multiple_of(4) => {
                self.doubtful.retain(|(other, _)| *other != id);
                self.script.told(flight.operation, Some(value).filter(|_| self.world.tells));
            }
            // Only one attempt is under way, and it is called back: it never takes effect.
            None if choice % 8 == 2 && waiting == 1 && !self.doubtful.contains(&(id, delta)) => {
                self.requests.retain(|(other, _)| *other != id);
                self.script.fail(flight.operation);
            }
            _ => {
                if !self.doubtful.contains(&(id, delta)) {
                    self.doubtful.push((id, delta));
                }
                self.script.info(flight.operation);
            }
        }
    }

    /// Everything in flight ends; doubtful additions are sent again where that is safe; then the nodes are read.
    fn finish(&mut self) {
        while !self.flights.is_empty() {
            let choice = self.draw();
            self.answer(choice);
        }
        if self.world.promises.idempotency_keys {
            for (id, delta) in std::mem::take(&mut self.doubtful) {
                let operation = self.script.add(1000, id, delta);
                self.apply(id, delta);
                self.script.told(operation, self.made.get(&id).copied().filter(|_| self.world.tells));
            }
        }
        // What is still under way may take effect even now.
        for (id, delta) in std::mem::take(&mut self.requests) {
            if self.draw().is_multiple_of(2) {
                self.apply(id, delta);
            }
        }
        let value = self.value();
        self.script.rests_at(value);
    }
}

/// Changes what one operation was shown, by one.
pub(crate) fn spoil(script: &mut Script, choice: u8) {
    let shown: Vec<_> = script
        .history
        .operations
        .iter_mut()
        .filter_map(|operation| match &mut operation.outcome {
            dsjepsen_history::Outcome::Ok(CounterReply::Read { value } | CounterReply::Add { value: Some(value) }) => {
                Some(value)
            }
            _ => None,
        })
        .collect();
    let count = shown.len().max(1);
    if let Some(value) = shown.into_iter().nth(usize::from(choice / 2) % count) {
        *value += if choice.is_multiple_of(2) { 1 } else { -1 };
    }
}
