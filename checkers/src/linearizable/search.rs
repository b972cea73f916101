//! The search for an order: just-in-time linearization (Lowe, 2017) from answer to answer, depth first, exact.
//!
//! A configuration is a state and what it leaves of the operations under way. At each answer the operation must have taken effect:
//! where it has not, every way is tried to let others take effect before it, and then itself. What could as well happen later
//! happens later. These rules keep the configurations few, for every deterministic model:
//!
//! - An operation that changes nothing takes effect at the first moment at which it can. (In any order it can be moved there: nobody
//!   notices.)
//! - An operation that overwrites everything hides what took effect right before it. So all other such operations under way are
//!   *optional* from then on: each took effect unseen there, or takes effect later, as is needed. The same holds of one that
//!   would leave the state that there is.
//! - Of operations of one class the one whose answer comes first goes first, for the other can do the same later; where that one is
//!   optional, the first of those that are not is tried too.
//! - Operations without an answer are counted by class ([`Usages`](super::usage::Usages)), and one takes effect only right before
//!   another that needs it.
//! - A configuration is dropped where another of the same state has no more duties and no fewer chances: no operation that must
//!   still happen which the other need not do, none that can which the other cannot.
//!
//! Where the states are few, more freedom is tried first ([`Freedom`]), which costs much less: what is impossible with it is
//! impossible. An order that is found with it is one, unless it lets an operation without an answer take effect twice; then that
//! class is counted too, and so on (counterexample-guided refinement, after Clarke and others, 2000).

use std::ops::Range;

use super::compiled::{Compiled, OPEN};
use super::explore::{Child, Explorer, Freedom};
use super::front::{Configuration, Front, Trail};
use super::slots::Slots;
use super::table::Table;
use super::{Budget, EntryOf, Found, Model};

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// There is an order.
    Exists,
    /// There is none.
    Impossible,
    /// The budget ran out.
    Exhausted,
}

/// How much a search may remember, in bytes.
const MOST_BYTES: usize = 700 << 20;

/// How many ways to one operation are tried while there is hope without all.
const MOST_WAYS: usize = 64;

/// How often it is tried so, with other prices each time.
const TRIALS: u32 = 8;

/// How many configurations a trial may take beside some for each step.
const FIRST_PATIENCE: u64 = 2_000;

/// After how many configurations without progress the last steps are looked at by themselves.
const FIRST_STALL: u64 = 1_000;

/// How many configurations such a look may take.
const WINDOW: u64 = 20_000;

/// How many steps are looked at by themselves.
const WINDOWS: [usize; 4] = [8, 32, 128, 512];

/// Looks for an order of `entries` that keeps to real time and that the model allows.
pub(super) fn search<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Found {
    let compiled = Compiled::new(model, entries);
    let table = Table::new(model, model.alike(entries), compiled.classes.len());
    match compiled.slots {
        0..=64 => Search::<M, [u64; 1]>::new(table, &compiled, budget).run(),
        65..=128 => Search::<M, [u64; 2]>::new(table, &compiled, budget).run(),
        _ => Search::<M, Box<[u64]>>::new(table, &compiled, budget).run(),
    }
}

/// What a part of the search came to.
enum Passage {
    /// There is a way through, on which these operations without an answer took effect: the step and the class of each.
    Open(Vec<(usize, u32)>),
    /// There is none.
    Closed,
    /// The budget or the patience ran out.
    Exhausted,
}

/// How many configurations a way may cost before it is given up.
#[derive(Debug, Clone, Copy)]
struct Patience {
    at_first: u64,
    by_step: u64,
}

impl Patience {
    const ENDLESS: Self = Self { at_first: u64::MAX, by_step: 0 };

    fn is_over(self, spent: u64, reached: usize) -> bool {
        spent > self.at_first.saturating_add(self.by_step.saturating_mul(reached as u64))
    }
}

struct Search<'a, M: Model, S> {
    explorer: Explorer<'a, M, S>,
    budget: &'a mut Budget,
    /// How many states there are, where they are few.
    states: Option<u32>,
    /// How many configurations are remembered that differ in nothing but what they used.
    crowd: usize,
    /// The step that could not be passed when there was no way through last.
    closed_at: usize,
}

impl<'a, M: Model, S: Slots> Search<'a, M, S> {
    fn new(table: Table<'a, M>, compiled: &'a Compiled<'a, M::Call, M::Reply>, budget: &'a mut Budget) -> Self {
        Self { explorer: Explorer::new(table, compiled), budget, states: None, crowd: usize::MAX, closed_at: 0 }
    }

    fn run(mut self) -> Found {
        match self.answer() {
            Answer::Exists => Found::Order,
            Answer::Impossible => Found::NoneBy(self.explorer.compiled.steps[self.closed_at].at),
            Answer::Exhausted => Found::Exhausted,
        }
    }

    fn answer(&mut self) -> Answer {
        if self.explorer.compiled.steps.is_empty() {
            return Answer::Exists;
        }
        self.states = self.explorer.all_states();
        let has_open = self.explorer.compiled.begun.iter().any(|begun| begun.slot == OPEN);
        // Without an end to the states, what may happen again and again has none either.
        if self.states.is_some() {
            self.explorer.freedom = Freedom::All;
            if matches!(self.pass_all(Patience::ENDLESS), Passage::Closed) {
                return Answer::Impossible;
            }
            self.explorer.freedom = Freedom::Open;
            if let Some(answer) = self.refine(has_open) {
                return answer;
            }
        }
        self.explorer.freedom = Freedom::None;
        if self.states.is_none()
            && has_open
            && let Some(answer) = self.try_with_prices(FIRST_PATIENCE)
        {
            return answer;
        }
        match self.pass_all(Patience::ENDLESS) {
            Passage::Open(_) => Answer::Exists,
            Passage::Closed => Answer::Impossible,
            Passage::Exhausted => Answer::Exhausted,
        }
    }

    /// Lets operations without an answer take effect again and again, but for the classes of which that was once too often.
    fn refine(&mut self, has_open: bool) -> Option<Answer> {
        let mut is_first = true;
        loop {
            let before = self.budget.left();
            match self.pass_all(Patience::ENDLESS) {
                Passage::Closed => return Some(Answer::Impossible),
                Passage::Exhausted => return Some(Answer::Exhausted),
                Passage::Open(used) if !self.explorer.count_overused(&used) => return Some(Answer::Exists),
                Passage::Open(_) => {}
            }
            if std::mem::take(&mut is_first) && has_open {
                self.explorer.freedom = Freedom::None;
                let by_step = (before - self.budget.left()) / self.explorer.compiled.steps.len() as u64;
                if let Some(answer) = self.try_with_prices(8 + 2 * by_step) {
                    return Some(answer);
                }
                self.explorer.freedom = Freedom::Open;
            }
            self.explorer.usages.forget();
        }
    }

    /// Goes the straightest ways a few times, and spares what was missed the time before. Of configurations that differ only in what
    /// they used the first few are gone on from, and each time twice as many.
    fn try_with_prices(&mut self, by_step: u64) -> Option<Answer> {
        let mut patience = Patience { at_first: FIRST_PATIENCE, by_step };
        self.explorer.most_ways = MOST_WAYS;
        let mut answer = None;
        for trial in 0..TRIALS {
            self.crowd = 1 << trial;
            self.explorer.is_cut = false;
            answer = match self.pass_all(patience) {
                Passage::Open(_) => Some(Answer::Exists),
                Passage::Closed if !self.explorer.is_cut => Some(Answer::Impossible),
                Passage::Closed | Passage::Exhausted => None,
            };
            if answer.is_some() || self.budget.is_spent() {
                break;
            }
            self.explorer.usages.raise_prices();
            self.explorer.usages.forget();
            patience.at_first *= 2;
        }
        self.explorer.most_ways = usize::MAX;
        self.crowd = usize::MAX;
        answer
    }

    fn pass_all(&mut self, patience: Patience) -> Passage {
        let start = self.explorer.start();
        self.pass(0..self.explorer.compiled.steps.len(), vec![start], Some(patience))
    }

    /// Looks for a way through these steps, from configurations at the first of them: goes on from what reached farthest. Without
    /// patience it is a look at a few steps, and looks no closer.
    fn pass(&mut self, steps: Range<usize>, starts: Vec<Configuration<S>>, patience: Option<Patience>) -> Passage {
        let mut front = Front::new(steps.start, self.crowd);
        for start in starts {
            front.remember(steps.start, start, Trail::default(), &self.explorer.usages);
        }
        let mut children = Vec::new();
        let mut stalled = Stalled::default();
        let before = self.budget.left();
        while let Some((step, from, configuration)) = front.next() {
            let room = MOST_BYTES.saturating_sub(front.bytes());
            if !self.explorer.expand(step, configuration, &mut children, room, self.budget) {
                return Passage::Exhausted;
            }
            if step + 1 == steps.end {
                let Some(end) = children.drain(..).next() else { continue };
                let mut used = front.used(step, from);
                used.extend(end.used.iter().map(|&class| (step, class)));
                return Passage::Open(used);
            }
            // What is remembered last is gone on from first.
            for child in children.drain(..).rev() {
                let Child { configuration, used, .. } = child;
                let configuration = self.explorer.enter(step + 1, configuration);
                let trail = Trail { from, used };
                self.explorer.is_cut |= !front.remember(step + 1, configuration, trail, &self.explorer.usages);
            }
            let Some(patience) = patience else { continue };
            // Before trials a way was found with more freedom, and no look at less of it finds none.
            let is_trial = self.crowd < usize::MAX;
            if !is_trial && stalled.at(front.reached) && self.is_refuted(front.reached) {
                break;
            }
            if patience.is_over(before - self.budget.left(), front.reached) {
                return Passage::Exhausted;
            }
        }
        self.closed_at = front.reached;
        Passage::Closed
    }

    /// Whether the last steps up to one that is not passed cannot be passed from any state at all, whatever happened before.
    fn is_refuted(&mut self, reached: usize) -> bool {
        let Some(states) = self.states else { return false };
        let freedom = self.explorer.freedom;
        self.explorer.freedom = freedom.max(Freedom::Open);
        let mut is_refuted = false;
        for length in WINDOWS {
            let from = reached.saturating_sub(length);
            let start = self.explorer.anything(from);
            let starts = (0..states).map(|state| Configuration { state, ..start.clone() }).collect();
            let rest = self.budget.keep(WINDOW);
            let passage = self.pass(from..reached + 1, starts, None);
            self.budget.put_back(rest);
            is_refuted = matches!(passage, Passage::Closed);
            if !matches!(passage, Passage::Open(_)) || from == 0 {
                break;
            }
        }
        self.explorer.freedom = freedom;
        is_refuted
    }
}

/// When a search that gets no farther should be looked into.
#[derive(Debug, Default)]
struct Stalled {
    reached: usize,
    tried: u64,
    next: u64,
}

impl Stalled {
    fn at(&mut self, reached: usize) -> bool {
        if reached > self.reached || self.next == 0 {
            *self = Self { reached, tried: 0, next: FIRST_STALL };
        }
        self.tried += 1;
        let is_time = self.tried >= self.next;
        if is_time {
            self.next *= 4;
        }
        is_time
    }
}
