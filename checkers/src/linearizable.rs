//! Whether the operations on one object can be put in one order: linearizability, for any [`Model`] of the object.
//!
//! The parts know nothing of what they order. [`search`](search()) decides, [`first_contradiction`] finds the first completion that
//! leaves no order, [`smallest`] leaves out whatever the contradiction does not need. [`History`] records what [`decide`] is given.
//! A checker of another object is a model, and a rule that says which operations may be left out.

mod compiled;
mod cursor;
mod ending_words;
mod explain;
mod explore;
mod front;
mod history;
mod orders;
mod search;
mod slots;
mod table;
mod usage;

use std::fmt::Debug;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};

use dsjepsen_history::Index;

pub(crate) use ending_words::EndingWords;
use explain::without_unseen;
pub(crate) use explain::{Proof, first_contradiction, proof, smallest, unseen};
pub use history::{History, Invoked};
pub(crate) use orders::objection;
use orders::{Ending, endings};
pub use search::Answer;

use crate::interrupt::Interrupt;

/// An object by its sequential behaviour.
pub trait Model: Sync {
    /// What the object remembers.
    type State: Clone + Debug + Eq + Hash;
    /// What is asked of it.
    type Call: Clone + Debug + Eq + Hash + Send + Sync;
    /// What it answers.
    type Reply: Clone + Debug + Eq + Hash + Send + Sync;

    /// The state before the first operation.
    fn initial(&self) -> Self::State;

    /// The state after this call, or `None` where it cannot have been answered so in `state`. Without a reply, the state that it
    /// leaves where it takes effect, whatever it was answered.
    fn step(&self, state: &Self::State, call: &Self::Call, reply: Option<&Self::Reply>) -> Option<Self::State>;

    /// How many bytes a state takes beside its own size: what it holds elsewhere. The search remembers many, and counts them.
    fn bytes_held(&self, state: &Self::State) -> usize {
        let _ = state;
        0
    }

    /// Whether this call, so answered, never changes any state. To answer `false` is never wrong, only slow.
    fn only_observes(&self, call: &Self::Call, reply: &Self::Reply) -> bool {
        let _ = (call, reply);
        false
    }

    /// Whether this call can happen in every state, and leaves the same one whatever it was: a write. To answer `false` is never
    /// wrong, only slow.
    fn overwrites(&self, call: &Self::Call, reply: Option<&Self::Reply>) -> bool {
        let _ = (call, reply);
        false
    }

    /// Decides a history in a way of the model's own, in near-linear time, where its conditions hold; else `None`, and the
    /// search decides.
    fn decide(&self, entries: &[EntryOf<Self>]) -> Option<Decision> {
        let _ = entries;
        None
    }

    /// What a state can be taken for in this history: one state for all from which its operations can go on alike. `None` where
    /// each is taken for itself, which is never wrong, only slow.
    fn alike<'a>(&'a self, entries: &'a [EntryOf<Self>]) -> Option<Alike<'a, Self>> {
        let _ = entries;
        None
    }

    /// Whether the operation at this place may be left out: whether an order of all would surely leave an order of the others. To
    /// answer `false` is never wrong, only long-winded.
    fn may_go(&self, entries: &[EntryOf<Self>], place: usize) -> bool {
        let entry = &entries[place];
        entry.reply().is_some_and(|reply| self.only_observes(&entry.call, reply))
    }

    /// The places of the operation at this one and of all on which it rests, where it can be said: an order of all would surely
    /// leave an order of these alone. To answer `None` is never wrong, only long-winded.
    fn grounds(&self, entries: &[EntryOf<Self>], place: usize) -> Option<Vec<usize>> {
        let _ = (entries, place);
        None
    }

    /// The part of the object that an operation is about, as a number, where all operations on a part can be left out together:
    /// where an order of all would surely leave an order of the others. To answer `None` is never wrong, only long-winded.
    fn part(&self, call: &Self::Call, reply: Option<&Self::Reply>) -> Option<u64> {
        let _ = (call, reply);
        None
    }
}

/// Takes a state for another from which the same can follow.
pub type Alike<'a, M> = Box<dyn Fn(<M as Model>::State) -> <M as Model>::State + 'a>;

/// What a model found out by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// There is an order.
    Exists,
    /// There is none, and the operations at these places alone have none either.
    Impossible(Vec<usize>),
}

/// One operation on the object. What surely never happened is not among them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<C, R> {
    /// Where the caller finds it.
    pub position: usize,
    /// What was asked.
    pub call: C,
    /// When.
    pub invoked: Index,
    /// What was answered, and when; without an answer it may take effect at any time after its invocation, or never. What was
    /// answered at [`Index::MAX`] took effect at any time after its invocation, but surely did.
    ///
    /// An operation comes before another where its answer has a smaller index than the other's invocation; equal ones are concurrent.
    pub answer: Option<(R, Index)>,
}

impl<C, R> Entry<C, R> {
    /// The answer's content.
    pub fn reply(&self) -> Option<&R> {
        self.answer.as_ref().map(|(reply, _)| reply)
    }

    /// When the answer was there.
    pub fn returned(&self) -> Option<Index> {
        self.answer.as_ref().map(|(_, at)| *at)
    }
}

/// The entries of a model's object.
pub type EntryOf<M> = Entry<<M as Model>::Call, <M as Model>::Reply>;

/// How many configurations a search may look at over a whole history, if nothing else is asked: some ten seconds, and less than
/// 700 MB.
pub const CONFIGURATIONS: u64 = 20_000_000;

/// How many of them an object may take before all others have had their turn, so that one that cannot be decided hides no violation
/// of another.
const FIRST_SHARE: u64 = 200_000;

/// Decides whether there is an order of `entries`: by the model itself where it can, else by the search, which may look at so many
/// configurations.
pub fn decide<M: Model>(model: &M, entries: &[EntryOf<M>], configurations: u64) -> Answer {
    find(model, entries, &mut Budget::new(configurations))
}

/// As [`decide`], but always by the search.
pub fn explore<M: Model>(model: &M, entries: &[EntryOf<M>], configurations: u64) -> Answer {
    search(model, entries, &mut Budget::new(configurations))
}

/// As [`explore`], within a budget.
pub(crate) fn search<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Answer {
    search::search(model, entries, budget).answer()
}

/// What is known of a history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Found {
    /// There is an order.
    Order,
    /// There is none any more of what had happened at this moment.
    NoneBy(Index),
    /// The budget ran out.
    Exhausted,
}

impl Found {
    fn answer(self) -> Answer {
        match self {
            Self::Order => Answer::Exists,
            Self::NoneBy(_) => Answer::Impossible,
            Self::Exhausted => Answer::Exhausted,
        }
    }
}

fn find<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Answer {
    look(model, entries, budget).answer()
}

fn look<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Found {
    // A model's own way cannot be stopped, so it is not begun.
    if budget.is_interrupted() {
        return Found::Exhausted;
    }
    match model.decide(entries) {
        Some(Decision::Exists) => Found::Order,
        // What has no answer need not have happened, so it can be left out where it began later.
        Some(Decision::Impossible(places)) => {
            Found::NoneBy(places.iter().filter_map(|&place| entries[place].returned()).max().unwrap_or(Index::MAX))
        }
        None => search::search(model, &without_unseen(model, entries, budget), budget),
    }
}

/// Decides each of several objects of a kind: first all of them at once, each within a small share of the budget, then one after
/// another those that are left, with all that remains.
pub(crate) fn find_each<M: Model>(model: &M, objects: &[&[EntryOf<M>]], budget: &mut Budget) -> Vec<Answer> {
    let shares: Vec<Budget> = objects.iter().map(|_| budget.share(FIRST_SHARE)).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut found = Vec::new();
        loop {
            let object = next.fetch_add(1, Ordering::Relaxed);
            let Some(entries) = objects.get(object) else { return found };
            let mut share = shares[object].clone();
            found.push((object, find(model, entries, &mut share), share));
        }
    };
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(objects.len());
    let mut all = std::thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut all = work();
        for other in others {
            // What a worker could not survive, its caller should not either.
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        all
    });
    all.sort_by_key(|(object, ..)| *object);
    for (_, _, share) in &all {
        budget.give_back(share);
    }
    let mut answers: Vec<Answer> = all.into_iter().map(|(_, answer, _)| answer).collect();
    for (object, answer) in objects.iter().zip(&mut answers).filter(|(_, answer)| **answer == Answer::Exhausted) {
        *answer = find(model, object, budget);
    }
    answers
}

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

    /// How many are left.
    pub(crate) fn left(&self) -> u64 {
        self.left
    }

    /// Whether nothing is left.
    pub(crate) fn is_spent(&self) -> bool {
        self.left == 0
    }

    /// Whether there is no time left, whatever else is.
    fn is_interrupted(&self) -> bool {
        self.interrupt.is_raised()
    }

    /// Leaves at most so many; what is taken away is to be put back.
    pub(crate) fn keep(&mut self, configurations: u64) -> u64 {
        let rest = self.left.saturating_sub(configurations);
        self.left -= rest;
        rest
    }

    /// Puts back what was taken away.
    pub(crate) fn put_back(&mut self, rest: u64) {
        self.left += rest;
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
        enough && !self.is_interrupted()
    }
}
