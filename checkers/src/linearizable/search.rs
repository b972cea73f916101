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
//! - Operations without an answer are counted by class ([`Usages`]), and one takes effect only right before another that needs it.
//! - A configuration is dropped where another of the same state has no more duties and no fewer chances: no operation that must
//!   still happen which the other need not do, none that can which the other cannot.

use std::ops::Range;

use super::compiled::{Compiled, OPEN};
use super::explore::{Explorer, Freedom};
use super::front::{Configuration, Front};
use super::slots::Slots;
use super::{Budget, EntryOf, Model};

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

/// How many configurations of a step are gone on from at first, where not all can be.
const FIRST_WIDTH: usize = 16;

/// After how many configurations without progress the last steps are looked at by themselves.
const FIRST_STALL: u64 = 1_000;

/// How many configurations such a look may take.
const WINDOW: u64 = 20_000;

/// How many steps are looked at by themselves.
const WINDOWS: [usize; 4] = [8, 32, 128, 512];

/// Looks for an order of `entries` that keeps to real time and that the model allows.
pub(crate) fn search<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Answer {
    let compiled = Compiled::new(model, entries);
    match compiled.slots {
        0..=64 => run::<M, [u64; 1]>(&mut Explorer::new(model, &compiled), budget),
        65..=128 => run::<M, [u64; 2]>(&mut Explorer::new(model, &compiled), budget),
        _ => run::<M, Box<[u64]>>(&mut Explorer::new(model, &compiled), budget),
    }
}

/// What a part of the search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    /// There is a way through.
    Open,
    /// There is none.
    Closed,
    /// The budget ran out.
    Exhausted,
}

fn run<M: Model, S: Slots>(explorer: &mut Explorer<'_, M, S>, budget: &mut Budget) -> Answer {
    let all = 0..explorer.compiled.steps.len();
    if all.is_empty() {
        return Answer::Exists;
    }
    let has_open = explorer.compiled.begun.iter().any(|begun| begun.slot == OPEN);
    let is_finite = explorer.all_states().is_some();
    let freedoms = [(Freedom::All, is_finite), (Freedom::Open, is_finite && has_open), (Freedom::None, !has_open)];
    // Without an end to the states, what may happen again and again has none either.
    for (freedom, _) in freedoms.into_iter().filter(|(_, is_worth_it)| *is_worth_it) {
        explorer.freedom = freedom;
        let start = explorer.start();
        match pass(explorer, all.clone(), vec![start], true, budget) {
            Passage::Closed => return Answer::Impossible,
            Passage::Open if freedom == Freedom::None => return Answer::Exists,
            Passage::Open | Passage::Exhausted => {}
        }
    }
    let mut width = FIRST_WIDTH;
    loop {
        match sweep(explorer, width, budget) {
            Passage::Open => return Answer::Exists,
            Passage::Closed => return Answer::Impossible,
            Passage::Exhausted if budget.is_spent() => return Answer::Exhausted,
            Passage::Exhausted => width *= 4,
        }
    }
}

/// Looks for a way through these steps, from configurations at the first of them: goes on from what reached farthest.
fn pass<M: Model, S: Slots>(
    explorer: &mut Explorer<'_, M, S>,
    steps: Range<usize>,
    starts: Vec<Configuration<S>>,
    is_long: bool,
    budget: &mut Budget,
) -> Passage {
    let mut front = Front::new(steps.start);
    for start in starts {
        front.remember(steps.start, start, &explorer.usages);
    }
    let mut children = Vec::new();
    let mut stalled = Stalled::default();
    while let Some((step, configuration)) = front.next() {
        if !explorer.expand(step, configuration, &mut children, budget) {
            return Passage::Exhausted;
        }
        if step + 1 == steps.end {
            if !children.is_empty() {
                return Passage::Open;
            }
            continue;
        }
        // What is remembered last is gone on from first.
        for child in children.drain(..).rev() {
            let child = explorer.enter(step + 1, child);
            front.remember(step + 1, child, &explorer.usages);
        }
        if is_long && stalled.at(front.reached) && is_refuted(explorer, front.reached, budget) {
            return Passage::Closed;
        }
    }
    Passage::Closed
}

/// Looks for a way through all steps, from each to the next, with at most so many configurations at each: those that used least of
/// what cannot be used twice. Where none was left out, the answer is exact.
fn sweep<M: Model, S: Slots>(explorer: &mut Explorer<'_, M, S>, width: usize, budget: &mut Budget) -> Passage {
    let steps = explorer.compiled.steps.len();
    let mut is_whole = true;
    let mut here = vec![explorer.start()];
    let mut children = Vec::new();
    for step in 0..steps {
        let mut front = Front::new(step + 1);
        for configuration in here.drain(..) {
            if !explorer.expand(step, configuration, &mut children, budget) {
                return Passage::Exhausted;
            }
            if step + 1 == steps && !children.is_empty() {
                return Passage::Open;
            }
            for child in children.drain(..) {
                let child = explorer.enter(step + 1, child);
                front.remember(step + 1, child, &explorer.usages);
            }
        }
        here = front.into_last();
        if here.is_empty() {
            return if is_whole { Passage::Closed } else { Passage::Exhausted };
        }
        if here.len() > width {
            is_whole = false;
            here.sort_by_cached_key(|configuration| explorer.usages.cost(configuration.usage));
            here.truncate(width);
        }
    }
    Passage::Exhausted
}

/// Whether the last steps up to one that is not passed cannot be passed from any state at all, whatever happened before.
fn is_refuted<M: Model, S: Slots>(explorer: &mut Explorer<'_, M, S>, reached: usize, budget: &mut Budget) -> bool {
    let Some(states) = explorer.all_states() else { return false };
    let freedom = explorer.freedom;
    let mut is_refuted = false;
    for length in WINDOWS {
        let from = reached.saturating_sub(length);
        let start = explorer.anything(from);
        let starts = (0..states).map(|state| Configuration { state, ..start.clone() }).collect();
        let mut share = budget.share(WINDOW);
        explorer.freedom = freedom.max(Freedom::Open);
        let passage = pass(explorer, from..reached + 1, starts, false, &mut share);
        budget.give_back(&share);
        is_refuted = passage == Passage::Closed;
        if passage != Passage::Open || from == 0 {
            break;
        }
    }
    explorer.freedom = freedom;
    is_refuted
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
