//! Where the search stands in the history: which operations are under way.

use super::compiled::{Begun, Compiled, OPEN};
use super::slots::Slots;

/// The operations under way at a step. It goes from step to step in both directions.
pub(super) struct Cursor<S> {
    /// The steps before which everything has begun, as a count.
    steps: usize,
    /// By slot, the operation in it; it may be over.
    pub(super) held: Vec<Begun>,
    /// The slots of those that change nothing.
    pub(super) observers: S,
    /// The slots of those that overwrite everything.
    pub(super) overwriting: S,
    /// By class, how many operations without an answer have begun.
    pub(super) open: Vec<u32>,
    /// The classes that have such, in the order in which they came.
    pub(super) open_classes: Vec<u32>,
    /// What was in the slots before, to go back.
    before: Vec<Begun>,
}

/// In a slot that was never used.
const NOTHING: Begun = Begun { class: OPEN, slot: OPEN, deadline: 0 };

impl<S: Slots> Cursor<S> {
    /// Before everything.
    pub(super) fn new<C, R>(compiled: &Compiled<'_, C, R>) -> Self {
        let empty = S::empty(compiled.slots);
        Self {
            steps: 0,
            held: vec![NOTHING; compiled.slots],
            observers: empty.clone(),
            overwriting: empty,
            open: vec![0; compiled.classes.len()],
            open_classes: Vec::new(),
            before: Vec::new(),
        }
    }

    /// Goes to a step: all that began before it has begun.
    pub(super) fn go_to<C, R>(&mut self, step: usize, compiled: &Compiled<'_, C, R>) {
        while self.steps <= step {
            for begun in compiled.begun_at(self.steps) {
                self.begin(*begun, compiled);
            }
            self.steps += 1;
        }
        while self.steps > step + 1 {
            self.steps -= 1;
            for begun in compiled.begun_at(self.steps).iter().rev() {
                self.undo(*begun, compiled);
            }
        }
    }

    fn begin<C, R>(&mut self, begun: Begun, compiled: &Compiled<'_, C, R>) {
        if begun.slot == OPEN {
            let open = &mut self.open[begun.class as usize];
            *open += 1;
            if *open == 1 {
                self.open_classes.push(begun.class);
            }
            return;
        }
        self.before.push(std::mem::replace(&mut self.held[begun.slot as usize], begun));
        self.mark(begun.slot, compiled);
    }

    fn undo<C, R>(&mut self, begun: Begun, compiled: &Compiled<'_, C, R>) {
        if begun.slot == OPEN {
            let open = &mut self.open[begun.class as usize];
            *open -= 1;
            if *open == 0 {
                self.open_classes.pop();
            }
        } else if let Some(before) = self.before.pop() {
            self.held[begun.slot as usize] = before;
            self.mark(begun.slot, compiled);
        }
    }

    fn mark<C, R>(&mut self, slot: u32, compiled: &Compiled<'_, C, R>) {
        let class = compiled.classes.get(self.held[slot as usize].class as usize);
        let put = |into: &mut S, is_in: bool| if is_in { into.add(slot) } else { into.remove(slot) };
        put(&mut self.observers, class.is_some_and(|class| class.observes));
        put(&mut self.overwriting, class.is_some_and(|class| class.overwrites));
    }
}
