//! Whether the operations on one object can be put in one order: linearizability, for any [`Model`] of the object.
//!
//! The parts know nothing of what they order. [`search`](search()) decides, [`first_contradiction`] finds the first completion that
//! leaves no order, [`smallest`] leaves out whatever the contradiction does not need. A checker of another object is a model, and
//! a rule that says which operations may be left out.

mod explain;
mod search;

use std::fmt::Debug;
use std::hash::Hash;

use dsjepsen_history::Index;

use crate::interrupt::Interrupt;

pub(crate) use explain::{first_contradiction, smallest, until};
pub(crate) use search::{Answer, search};

/// An object by its sequential behaviour.
pub(crate) trait Model {
    /// What the object remembers.
    type State: Clone + Debug + Eq + Hash;
    /// What is asked of it.
    type Call: Clone;
    /// What it answers.
    type Reply: Clone;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// The state after this call, or `None` where it cannot have been answered so in `state`. Without a reply, the state that it
    /// leaves where it takes effect, whatever it was answered.
    fn step(&self, state: &Self::State, call: &Self::Call, reply: Option<&Self::Reply>) -> Option<Self::State>;

    /// Whether this call, so answered, never changes any state. To answer `false` is never wrong, only slow.
    fn only_observes(&self, call: &Self::Call, reply: &Self::Reply) -> bool;
}

/// One operation on the object. What surely never happened is not among them.
#[derive(Debug, Clone)]
pub(crate) struct Entry<C, R> {
    /// Where the caller finds it.
    pub(crate) position: usize,
    /// What was asked.
    pub(crate) call: C,
    /// When.
    pub(crate) invoked: Index,
    /// What was answered; without an answer it may take effect at any time after its invocation, or never.
    pub(crate) answer: Option<(R, Index)>,
}

impl<C, R> Entry<C, R> {
    /// The answer's content.
    pub(crate) fn reply(&self) -> Option<&R> {
        self.answer.as_ref().map(|(reply, _)| reply)
    }

    /// When the answer was there.
    pub(crate) fn returned(&self) -> Option<Index> {
        self.answer.as_ref().map(|(_, at)| *at)
    }
}

/// The entries of a model's object.
pub(crate) type EntryOf<M> = Entry<<M as Model>::Call, <M as Model>::Reply>;

/// How much may still be remembered, in configurations of a search, and whether it should stop before.
#[derive(Debug, Clone)]
pub(crate) struct Budget {
    given: u64,
    left: u64,
    interrupt: Interrupt,
}

impl Budget {
    /// So many configurations.
    pub(crate) fn new(configurations: u64) -> Self {
        Self { given: configurations, left: configurations, interrupt: Interrupt::default() }
    }

    /// The same, but it is used up as soon as this is raised.
    pub(crate) fn heeding(self, interrupt: &Interrupt) -> Self {
        Self { interrupt: interrupt.clone(), ..self }
    }

    /// How many were spent.
    pub(crate) fn spent(&self) -> u64 {
        self.given - self.left
    }

    /// Takes a part of it away, at most `configurations`.
    pub(crate) fn share(&mut self, configurations: u64) -> Self {
        let share = self.left.min(configurations);
        self.left -= share;
        Self::new(share).heeding(&self.interrupt)
    }

    /// Gives back what was not spent of a share.
    pub(crate) fn give_back(&mut self, share: &Self) {
        self.left += share.left;
    }

    /// Spends; `false` where too little is left, or there is no time.
    fn spend(&mut self, configurations: u64) -> bool {
        let enough = self.left >= configurations;
        self.left -= configurations.min(self.left);
        enough && !self.interrupt.is_raised()
    }
}
