//! Histories of one register that is read, written, and compared and set: right by construction, or with one wrong read.
//!
//! Clients call at random times, and each operation takes effect at one moment between its invocation and its answer. So many
//! percent of the changes are given up without an answer: half of them take effect some time after their invocation, which may be
//! after they were given up, the others never. The client then goes on as another process.

mod random;
mod twin;

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use dsjepsen_checkers::linearizable::{Entry, EntryOf};
use dsjepsen_checkers::models::register::{self, Register};

use random::Random;

/// What the register holds; nothing before the first write.
pub(crate) type Value = Option<u32>;
/// What is asked of it.
pub(crate) type Call = register::Call<Value>;
/// What it answers.
pub(crate) type Reply = register::Reply<Value>;

/// The register.
pub(crate) const REGISTER: Register<Value> = Register { initial: None };

/// The values of the small family are below this one.
const SMALL: u32 = 5;

/// What is drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    /// How many operations.
    pub(crate) operations: usize,
    /// How many clients; each has one operation under way at a time.
    pub(crate) clients: u32,
    /// How many percent of the writes and cas get no answer.
    pub(crate) lost_percent: f64,
    /// The values.
    pub(crate) family: Family,
    /// Equal seeds give equal histories.
    pub(crate) seed: u64,
    /// Whether the history is right.
    pub(crate) twin: Twin,
}

/// Which values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// The same five again and again; what a cas expects is drawn as well.
    Small,
    /// Each once; a cas expects the value that was answered last.
    Unique,
}

/// Whether a history is right, or which wrong value a read in its middle finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Twin {
    /// It is right.
    Ok,
    /// Of the small family, a value that is never written; of the unique one, a value as in [`Twin::Stale`].
    Bad,
    /// A value that was written, surely replaced, and that nothing can have brought back.
    Stale,
}

/// A history.
#[derive(Debug, Clone)]
pub(crate) struct History {
    /// In the order of their invocations.
    pub(crate) operations: Vec<Operation>,
    /// Invocations and ends, as they were seen.
    pub(crate) events: Vec<Event>,
}

/// One operation.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    /// Whose it was.
    pub(crate) process: u32,
    /// What was asked.
    pub(crate) call: Call,
    /// The place of the invocation among the events.
    pub(crate) invoked: usize,
    /// The place of the answer, or of the moment at which it was given up.
    pub(crate) ended: usize,
    /// What was answered; nothing where it was given up.
    pub(crate) reply: Option<Reply>,
}

/// An event of an operation, which is told by its place.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Event {
    /// It was invoked.
    Invoked(usize),
    /// It was answered or given up.
    Ended(usize),
}

impl History {
    /// As the judge takes it.
    #[allow(dead_code, reason = "the example only writes lines")]
    pub(crate) fn entries(&self) -> Vec<EntryOf<Register<Value>>> {
        let entry = |(position, operation): (usize, &Operation)| Entry {
            position,
            call: operation.call,
            invoked: operation.invoked as u64,
            answer: operation.reply.map(|reply| (reply, operation.ended as u64)),
        };
        self.operations.iter().enumerate().map(entry).collect()
    }
}

/// Draws a history; `None` where no read in it can be made wrong as its twin asks.
pub(crate) fn generate(options: &Options) -> Option<History> {
    let history = Simulation::new(options).run();
    match options.twin {
        Twin::Ok => Some(history),
        Twin::Bad if options.family == Family::Small => twin::never_written(history, SMALL),
        Twin::Bad | Twin::Stale => twin::replaced(history, options.clients as usize),
    }
}

/// What happens at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A process invokes its next operation.
    Begin(u32),
    /// The operation at this place takes effect.
    Effect(usize),
    /// It is answered.
    Answer(usize),
    /// It is given up.
    GiveUp(usize),
}

struct Simulation<'a> {
    options: &'a Options,
    random: Random,
    /// By time, and at equal times by the order in which they were planned. Times are in millionths of an operation's mean length.
    steps: BinaryHeap<Reverse<(u64, u64, Step)>>,
    planned: u64,
    state: Value,
    /// What the register held for certain when the last operation was answered.
    last_seen: Value,
    next_value: u32,
    next_process: u32,
    /// The places of what was given up, whether it took effect or not.
    lost: Vec<usize>,
    history: History,
}

impl<'a> Simulation<'a> {
    fn new(options: &'a Options) -> Self {
        Self {
            options,
            random: Random::new(options.seed),
            steps: BinaryHeap::new(),
            planned: 0,
            state: REGISTER.initial,
            last_seen: None,
            next_value: 0,
            next_process: options.clients,
            lost: Vec::new(),
            history: History { operations: Vec::new(), events: Vec::new() },
        }
    }

    fn run(mut self) -> History {
        for client in 0..self.options.clients {
            self.pause(0, client);
        }
        while let Some(Reverse((now, _, step))) = self.steps.pop() {
            match step {
                Step::Begin(process) if self.history.operations.len() < self.options.operations => {
                    self.begin(now, process);
                }
                Step::Begin(_) => {}
                Step::Effect(place) => self.take_effect(place),
                Step::Answer(place) => {
                    self.end(place);
                    self.see(place);
                    self.pause(now, self.history.operations[place].process);
                }
                Step::GiveUp(place) => {
                    self.lost.push(place);
                    self.end(place);
                    self.pause(now, self.next_process);
                    self.next_process += 1;
                }
            }
        }
        for place in self.lost {
            self.history.operations[place].reply = None;
        }
        self.history
    }

    fn plan(&mut self, at: u64, step: Step) {
        self.steps.push(Reverse((at, self.planned, step)));
        self.planned += 1;
    }

    fn pause(&mut self, now: u64, process: u32) {
        let pause = self.random.exponential(0.1);
        self.plan(now + pause, Step::Begin(process));
    }

    fn begin(&mut self, now: u64, process: u32) {
        let place = self.history.operations.len();
        let call = self.call();
        let invoked = self.history.events.len();
        self.history.operations.push(Operation { process, call, invoked, ended: usize::MAX, reply: None });
        self.history.events.push(Event::Invoked(place));
        if call != Call::Read && self.random.chance(self.options.lost_percent / 100.0) {
            self.plan(now + 5_000_000, Step::GiveUp(place));
            if self.random.chance(0.5) {
                let delay = self.random.below(10_000_000);
                self.plan(now + delay, Step::Effect(place));
            }
            return;
        }
        let length = self.random.exponential(1.0) + 10_000;
        let delay = self.random.below(length);
        self.plan(now + delay, Step::Effect(place));
        self.plan(now + length, Step::Answer(place));
    }

    fn call(&mut self) -> Call {
        let kind = self.random.below(3);
        match (self.options.family, kind) {
            (_, 0) => Call::Read,
            (Family::Small, 1) => Call::Write(self.small()),
            (Family::Small, _) => Call::Cas { from: self.small(), to: self.small() },
            (Family::Unique, 2) if self.last_seen.is_some() => Call::Cas { from: self.last_seen, to: self.fresh() },
            (Family::Unique, _) => Call::Write(self.fresh()),
        }
    }

    fn small(&mut self) -> Value {
        Some(self.random.below(u64::from(SMALL)) as u32)
    }

    fn fresh(&mut self) -> Value {
        self.next_value += 1;
        Some(self.next_value - 1)
    }

    fn take_effect(&mut self, place: usize) {
        let operation = &mut self.history.operations[place];
        operation.reply = Some(match operation.call {
            Call::Read => Reply::Found(self.state),
            Call::Write(value) => {
                self.state = value;
                Reply::Done
            }
            Call::Cas { from, to } => {
                let swaps = self.state == from;
                if swaps {
                    self.state = to;
                }
                Reply::Swapped(swaps)
            }
        });
    }

    fn end(&mut self, place: usize) {
        self.history.operations[place].ended = self.history.events.len();
        self.history.events.push(Event::Ended(place));
    }

    fn see(&mut self, place: usize) {
        let operation = &self.history.operations[place];
        match (operation.call, operation.reply) {
            (Call::Read, Some(Reply::Found(value))) | (Call::Write(value), _) => self.last_seen = value,
            (Call::Cas { to, .. }, Some(Reply::Swapped(true))) => self.last_seen = to,
            _ => {}
        }
    }
}
