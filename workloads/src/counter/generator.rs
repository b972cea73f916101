//! The calls of the counter workload: a mix until the final phase; then, when nothing is in flight, doubtful additions again
//! until they are acknowledged; then rounds of reads on every node, until they have come to rest.

use std::collections::{BTreeMap, VecDeque};

use dsjepsen_checkers::{CounterCall, CounterReply};
use dsjepsen_engine::Random;
use dsjepsen_engine::generator::{Completion, Context, Generator, Phase, Step};
use dsjepsen_history::{Nanos, NodeId, Outcome};
use rand::RngExt;

use super::books::Books;

const MILLI: Nanos = 1_000_000;
const SECOND: Nanos = 1000 * MILLI;
/// How long doubtful additions are sent again, from the start of the final phase.
const RESOLVE_FOR: Nanos = 8 * SECOND;
/// How long a system gets to come to rest, from the first round of reads.
const READ_FOR: Nanos = 8 * SECOND;
/// The runner ends the final phase after 20 s; the last calls must be over by then.
const ALL_OVER: Nanos = 19 * SECOND;
/// The pause before an addition is sent again that was not acknowledged.
const RESOLVE_PAUSE: Nanos = 100 * MILLI;
/// The pause between two rounds.
const ROUND_PAUSE: std::ops::RangeInclusive<Nanos> = 100 * MILLI..=250 * MILLI;

/// What the final phase needs to know.
#[derive(Debug, Clone)]
pub(super) struct Ending {
    /// The nodes to read.
    pub(super) nodes: Vec<NodeId>,
    /// Whether an addition may be sent again without counting twice.
    pub(super) keyed: bool,
    /// How long one call may take, in ns.
    pub(super) longest_call: Nanos,
}

/// The calls of all workers.
pub(super) struct CounterGenerator<G> {
    main: G,
    ending: Ending,
    random: Random,
    books: Books,
    stage: Stage,
    /// When the final phase began.
    began: Option<Nanos>,
}

/// Where the final phase stands.
enum Stage {
    /// Calls of the main phase may be in flight.
    Draining,
    Resolving(Resolving),
    Reading(Reading),
    Over,
}

/// Doubtful additions that wait, each until its time.
struct Resolving {
    waiting: VecDeque<(Nanos, u64)>,
    until: Nanos,
}

/// Rounds of reads.
struct Reading {
    round: u32,
    /// Nothing is asked before.
    not_before: Nanos,
    /// No round begins later.
    until: Nanos,
    to_ask: VecDeque<NodeId>,
    answers: BTreeMap<NodeId, i64>,
    /// The answers of the complete round before.
    before: Option<BTreeMap<NodeId, i64>>,
}

impl<G> CounterGenerator<G> {
    /// `main` makes the calls until the final phase.
    pub(super) fn new(main: G, ending: Ending, random: Random) -> Self {
        Self { main, ending, random, books: Books::default(), stage: Stage::Draining, began: None }
    }

    /// The next call of the final phase. Stages end only when nothing is in flight.
    fn finish(&mut self, context: &Context<'_>) -> Step<CounterCall> {
        let began = *self.began.get_or_insert(context.now);
        let idle = context.free.iter().all(|free| *free);
        loop {
            let step = match &mut self.stage {
                Stage::Draining if !idle => return Step::Pending,
                Stage::Draining => {
                    self.stage = self.resolving(began);
                    continue;
                }
                Stage::Resolving(resolving) => resolving.next(context, &self.books),
                Stage::Reading(reading) => reading.next(context),
                Stage::Over => return Step::Done,
            };
            match step {
                Step::Done if !idle => return Step::Pending,
                Step::Done => self.stage = self.after(context.now, began),
                step => return step,
            }
        }
    }

    fn resolving(&self, began: Nanos) -> Stage {
        let doubtful = self.books.doubtful().keys().filter(|_| self.ending.keyed);
        Stage::Resolving(Resolving { waiting: doubtful.map(|id| (0, *id)).collect(), until: began + RESOLVE_FOR })
    }

    /// The stage after one of which everything was answered.
    fn after(&mut self, now: Nanos, began: Nanos) -> Stage {
        let nodes = &self.ending.nodes;
        match &mut self.stage {
            Stage::Reading(reading) => {
                let complete = (reading.answers.len() == nodes.len()).then(|| std::mem::take(&mut reading.answers));
                let rests = complete.is_some() && complete == reading.before && complete.as_ref().is_some_and(|values| self.books.rest(values));
                let not_before = now + self.random.random_range(ROUND_PAUSE);
                if rests || not_before > reading.until {
                    return Stage::Over;
                }
                let before = complete.or(reading.before.take());
                let to_ask = nodes.iter().copied().collect();
                let answers = BTreeMap::new();
                Stage::Reading(Reading { round: reading.round + 1, not_before, until: reading.until, to_ask, answers, before })
            }
            _ => Stage::Reading(Reading {
                round: 1,
                not_before: now,
                until: (now + READ_FOR).min(began + ALL_OVER.saturating_sub(self.ending.longest_call)),
                to_ask: nodes.iter().copied().collect(),
                answers: BTreeMap::new(),
                before: None,
            }),
        }
    }
}

impl Resolving {
    fn next(&mut self, context: &Context<'_>, books: &Books) -> Step<CounterCall> {
        if context.now >= self.until {
            return Step::Done;
        }
        let Some(&(not_before, id)) = self.waiting.front() else { return Step::Done };
        if not_before > context.now {
            return Step::WaitUntil(not_before);
        }
        let Some(worker) = context.free.iter().position(|free| *free) else { return Step::Pending };
        self.waiting.pop_front();
        // Only what is in doubt waits here, so its amount is known.
        let delta = books.doubtful().get(&id).copied().unwrap_or_default();
        Step::Invoke { worker, call: CounterCall::Add { id, delta }, scheduled: context.now }
    }
}

impl Reading {
    fn next(&mut self, context: &Context<'_>) -> Step<CounterCall> {
        if self.to_ask.is_empty() {
            return Step::Done;
        }
        if self.not_before > context.now {
            return Step::WaitUntil(self.not_before);
        }
        let Some(worker) = context.free.iter().position(|free| *free) else { return Step::Pending };
        let call = CounterCall::Read { node: self.to_ask.pop_front(), round: Some(self.round) };
        Step::Invoke { worker, call, scheduled: context.now }
    }
}

impl<G: Generator<CounterCall, CounterReply>> Generator<CounterCall, CounterReply> for CounterGenerator<G> {
    fn next(&mut self, context: &Context<'_>) -> Step<CounterCall> {
        if context.phase == Phase::Final { self.finish(context) } else { self.main.next(context) }
    }

    fn observe(&mut self, context: &Context<'_>, completion: &Completion<'_, CounterCall, CounterReply>) {
        self.books.enter(completion.call, completion.outcome);
        match (&mut self.stage, completion.call, completion.outcome) {
            (Stage::Resolving(_), CounterCall::Add { .. }, Outcome::Ok(_)) => {}
            (Stage::Resolving(resolving), CounterCall::Add { id, .. }, _) => {
                resolving.waiting.push_back((context.now + RESOLVE_PAUSE, *id));
            }
            (
                Stage::Reading(reading),
                CounterCall::Read { node: Some(node), round: Some(_) },
                Outcome::Ok(CounterReply::Read { value }),
            ) => {
                reading.answers.insert(*node, *value);
            }
            (Stage::Reading(_), ..) => {}
            (Stage::Draining | Stage::Over | Stage::Resolving(_), ..) => self.main.observe(context, completion),
        }
    }
}
