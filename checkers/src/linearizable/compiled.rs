//! A history as the search goes through it: from answer to answer, each operation in a slot while it is under way.
//!
//! Operations that ask and show the same are of one class. A class is a number, and all that the search knows of an operation
//! beside its interval.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

use dsjepsen_history::Index;
use rustc_hash::FxHashMap;

use super::{Entry, EntryOf, Model};

/// In place of a slot: the operation has no answer, so it is never over.
pub(super) const OPEN: u32 = u32::MAX;

/// What is known of a class.
#[derive(Debug)]
pub(super) struct Class<'a, C, R> {
    pub(super) call: &'a C,
    pub(super) reply: Option<&'a R>,
    /// Whether it never changes anything.
    pub(super) observes: bool,
    /// Whether it can always happen, and leaves one state whatever there was.
    pub(super) overwrites: bool,
}

/// The answer to an operation, and what began since the answer before.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// The slot of the operation, which is free from then on.
    pub(super) slot: u32,
    pub(super) class: u32,
    /// When it was there.
    pub(super) at: Index,
    /// Which of [`Compiled::begun`] began before it, and after the answer before.
    pub(super) begun: Range<u32>,
}

/// An operation that begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Begun {
    pub(super) class: u32,
    /// Its slot, or [`OPEN`].
    pub(super) slot: u32,
    /// The step that is its answer.
    pub(super) deadline: u32,
}

/// A history, compiled.
pub(super) struct Compiled<'a, C, R> {
    pub(super) classes: Vec<Class<'a, C, R>>,
    pub(super) steps: Vec<Step>,
    pub(super) begun: Vec<Begun>,
    /// How many slots there are: the most operations that are under way at once.
    pub(super) slots: usize,
}

impl<'a, C, R> Compiled<'a, C, R> {
    pub(super) fn new<M: Model<Call = C, Reply = R>>(model: &M, entries: &'a [EntryOf<M>]) -> Self {
        let (classes, class_of) = classes(model, entries);
        let mut order: Vec<u32> = (0..entries.len() as u32).collect();
        order.sort_by_key(|&place| entries[place as usize].invoked);
        let mut answers: Vec<(Index, u32)> =
            (0..entries.len() as u32).filter_map(|place| Some((entries[place as usize].returned()?, place))).collect();
        answers.sort_unstable();
        let mut step_of = vec![0; entries.len()];
        for (step, &(_, place)) in answers.iter().enumerate() {
            step_of[place as usize] = step as u32;
        }
        let mut compiled = Self { classes, steps: Vec::with_capacity(answers.len()), begun: Vec::new(), slots: 0 };
        let mut slot_of = vec![OPEN; entries.len()];
        // The smallest first, so that sets of slots stay dense.
        let mut free: BinaryHeap<Reverse<u32>> = BinaryHeap::new();
        let mut beginning = order.into_iter().peekable();
        for (at, place) in answers {
            let from = compiled.begun.len() as u32;
            // What began at the moment of an answer is concurrent with it.
            while let Some(next) = beginning.next_if(|&next| entries[next as usize].invoked <= at) {
                let class = class_of[next as usize];
                let (mut slot, mut deadline) = (OPEN, OPEN);
                if entries[next as usize].answer.is_some() {
                    slot = free.pop().map_or_else(|| compiled.new_slot(), |Reverse(slot)| slot);
                    deadline = step_of[next as usize];
                    slot_of[next as usize] = slot;
                }
                compiled.begun.push(Begun { class, slot, deadline });
            }
            let slot = slot_of[place as usize];
            let begun = from..compiled.begun.len() as u32;
            compiled.steps.push(Step { slot, class: class_of[place as usize], at, begun });
            free.push(Reverse(slot));
        }
        compiled
    }

    fn new_slot(&mut self) -> u32 {
        self.slots += 1;
        self.slots as u32 - 1
    }

    /// What began right before a step.
    pub(super) fn begun_at(&self, step: usize) -> &[Begun] {
        let Range { start, end } = self.steps[step].begun;
        &self.begun[start as usize..end as usize]
    }
}

/// The classes of a model's history.
type ClassesOf<'a, M> = Vec<Class<'a, <M as Model>::Call, <M as Model>::Reply>>;

/// The classes, and by entry the number of its own.
fn classes<'a, M: Model>(model: &M, entries: &'a [EntryOf<M>]) -> (ClassesOf<'a, M>, Vec<u32>) {
    let mut numbers: FxHashMap<(&M::Call, Option<&M::Reply>), u32> = FxHashMap::default();
    let mut classes = Vec::new();
    let mut number = |entry: &'a EntryOf<M>| {
        let Entry { call, .. } = entry;
        let reply = entry.reply();
        *numbers.entry((call, reply)).or_insert_with(|| {
            classes.push(Class {
                call,
                reply,
                observes: reply.is_some_and(|reply| model.only_observes(call, reply)),
                overwrites: model.overwrites(call, reply),
            });
            classes.len() as u32 - 1
        })
    };
    let class_of = entries.iter().map(&mut number).collect();
    (classes, class_of)
}
