//! The search for an order: after Wing and Gong (1993), with Lowe's memory of configurations (2017), exact and without recursion.
//!
//! Two rules keep it from trying what cannot matter, for every deterministic model:
//!
//! - An answered operation that never changes anything and could happen now happens now, and nothing else is tried. (In any
//!   order that goes on from here it can be moved to the front: nobody notices.)
//! - An operation without an answer takes effect only right before one that needs it: which could not happen without it, or
//!   would leave another state. (Take an order that uses the fewest such operations. Where the next operation leaves the same
//!   state with it and without it, it could be left out: fewer still.) So any number of them costs little as long as nobody saw
//!   their effect.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use dsjepsen_history::Index;

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

/// Looks for an order of `entries` that keeps to real time and that the model allows.
pub(crate) fn search<M: Model>(model: &M, entries: &[EntryOf<M>], budget: &mut Budget) -> Answer {
    Search::new(model, entries).run(budget)
}

/// An operation by its place among the answered ones, or among those without an answer, in the order of invocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operation {
    Answered(usize),
    Open(usize),
}

/// What may happen next, and the state after it.
#[derive(Debug, Clone, Copy)]
struct Choice {
    operation: Operation,
    after: u32,
}

/// Where the search stands: a state, how it was reached, and from where on the list of choices holds what is left to try.
struct Frame {
    state: u32,
    taken: Option<Operation>,
    choices: usize,
}

/// Everything that decides what is possible from here, exactly: no two different ones are equal.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Configuration {
    state: u32,
    /// The state before, where an operation without an answer led here.
    before: Option<u32>,
    /// Of the answered operations, the first `64 * base` have happened.
    base: u32,
    /// How many words of `happened` are about the answered operations after these.
    words: u32,
    /// Which answered operations have happened, then which of those without an answer; a bit each.
    happened: Box<[u64]>,
}

impl Configuration {
    /// What it costs: a wide one counts for as many as fit into its memory.
    fn cost(&self) -> u64 {
        1 + self.happened.len() as u64 / 8
    }
}

struct Search<'a, M: Model> {
    model: &'a M,
    answered: Vec<&'a EntryOf<M>>,
    open: Vec<&'a EntryOf<M>>,
    /// By answered operation: whether it never changes anything.
    observers: Vec<bool>,
    waiting: Waiting,
    happened: Bits,
    used: Bits,
    left: usize,
    states: States<M::State>,
    seen: HashSet<Configuration>,
}

impl<'a, M: Model> Search<'a, M> {
    fn new(model: &'a M, entries: &'a [EntryOf<M>]) -> Self {
        let (mut answered, mut open): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.answer.is_some());
        answered.sort_by_key(|entry| entry.invoked);
        open.sort_by_key(|entry| entry.invoked);
        let spans = answered.iter().filter_map(|entry| Some((entry.invoked, entry.returned()?)));
        let observes = |entry: &&EntryOf<M>| entry.reply().is_some_and(|reply| model.only_observes(&entry.call, reply));
        Self {
            model,
            observers: answered.iter().map(observes).collect(),
            waiting: Waiting::new(spans),
            happened: Bits::new(answered.len()),
            used: Bits::new(open.len()),
            left: answered.len(),
            states: States::new(),
            seen: HashSet::new(),
            answered,
            open,
        }
    }

    fn run(mut self, budget: &mut Budget) -> Answer {
        let initial = self.states.number(self.model.initial());
        let mut choices = Vec::new();
        self.expand(initial, None, &mut choices);
        let mut frames = vec![Frame { state: initial, taken: None, choices: 0 }];
        while self.left > 0 {
            let Some(frame) = frames.last() else { return Answer::Impossible };
            let Some(choice) = (choices.len() > frame.choices).then(|| choices.pop()).flatten() else {
                if let Some(operation) = frame.taken {
                    self.undo(operation);
                }
                frames.pop();
                continue;
            };
            let before = matches!(choice.operation, Operation::Open(_)).then_some(frame.state);
            self.apply(choice.operation);
            let configuration = self.configuration(choice.after, before);
            let cost = configuration.cost();
            if !self.seen.insert(configuration) {
                self.undo(choice.operation);
                continue;
            }
            if !budget.spend(cost) {
                return Answer::Exhausted;
            }
            let from = choices.len();
            self.expand(choice.after, before, &mut choices);
            frames.push(Frame { state: choice.after, taken: Some(choice.operation), choices: from });
        }
        Answer::Exists
    }

    /// Appends what may happen next; what comes last is tried first: answered operations, earliest first.
    fn expand(&mut self, state: u32, before: Option<u32>, choices: &mut Vec<Choice>) {
        let (ready, limit) = self.waiting.ready();
        let from = choices.len();
        for &place in ready.iter().rev() {
            let operation = Operation::Answered(place);
            let Some(after) = self.step(state, operation) else { continue };
            let choice = self.needs(before, operation, after).then_some(Choice { operation, after });
            if self.observers[place] {
                choices.truncate(from);
                choices.extend(choice);
                return;
            }
            choices.extend(choice);
        }
        let answered = choices.len();
        for place in (0..self.open.len()).rev() {
            if self.used.has(place) || limit.is_some_and(|limit| self.open[place].invoked > limit) {
                continue;
            }
            let operation = Operation::Open(place);
            if let Some(after) = self.step(state, operation)
                && after != state
                && self.needs(before, operation, after)
                && self.is_needed(state, after, operation, &ready, limit)
            {
                choices.push(Choice { operation, after });
            }
        }
        choices[from..].rotate_left(answered - from);
    }

    /// Whether an operation that leaves the state `after` needed the one that led here from `before`, if any.
    fn needs(&mut self, before: Option<u32>, operation: Operation, after: u32) -> bool {
        before.is_none_or(|before| self.step(before, operation) != Some(after))
    }

    /// Whether something could follow that needs `used`, which leads from `state` to `after`.
    fn is_needed(&mut self, state: u32, after: u32, used: Operation, ready: &[usize], limit: Option<Index>) -> bool {
        let answered = ready.iter().map(|&place| Operation::Answered(place));
        let free =
            |place: &usize| !self.used.has(*place) && limit.is_none_or(|limit| self.open[*place].invoked <= limit);
        let open: Vec<_> = (0..self.open.len()).filter(free).map(Operation::Open).collect();
        answered.chain(open).filter(|&next| next != used).any(|next| {
            let then = self.step(after, next);
            then.is_some_and(|then| self.needs(Some(state), next, then))
        })
    }

    fn step(&mut self, state: u32, operation: Operation) -> Option<u32> {
        let entry = match operation {
            Operation::Answered(place) => self.answered[place],
            Operation::Open(place) => self.open[place],
        };
        let before = self.states.get(state);
        let after = self.model.step(before, &entry.call, entry.reply())?;
        if after == *before { Some(state) } else { Some(self.states.number(after)) }
    }

    fn apply(&mut self, operation: Operation) {
        match operation {
            Operation::Answered(place) => {
                self.waiting.take(place);
                self.happened.set(place, true);
                self.left -= 1;
            }
            Operation::Open(place) => self.used.set(place, true),
        }
    }

    fn undo(&mut self, operation: Operation) {
        match operation {
            Operation::Answered(place) => {
                self.waiting.put_back(place);
                self.happened.set(place, false);
                self.left += 1;
            }
            Operation::Open(place) => self.used.set(place, false),
        }
    }

    fn configuration(&self, state: u32, before: Option<u32>) -> Configuration {
        let first = self.waiting.first().unwrap_or(self.answered.len());
        let base = first / 64;
        let happened = self.happened.trimmed(base, self.waiting.invoked_before_limit());
        let used = self.used.trimmed(0, self.open.len());
        Configuration {
            state,
            before,
            base: base as u32,
            words: happened.len() as u32,
            happened: happened.iter().chain(used).copied().collect(),
        }
    }
}

/// The answered operations that have not happened yet: a doubly linked list of their invocations and answers in the order of
/// the history, from which an operation is taken and put back in constant time, last taken first put back.
struct Waiting {
    /// By node: the operation, and whether this is its answer. Node 0 is the head.
    events: Vec<(usize, bool)>,
    index: Vec<Index>,
    /// By node: how many operations were invoked before it.
    invoked_before: Vec<usize>,
    previous: Vec<usize>,
    next: Vec<usize>,
    /// By operation: the nodes of its invocation and its answer.
    nodes: Vec<(usize, usize)>,
}

impl Waiting {
    fn new(spans: impl Iterator<Item = (Index, Index)>) -> Self {
        let mut order: Vec<_> = spans
            .enumerate()
            .flat_map(|(place, (invoked, returned))| [(invoked, false, place), (returned, true, place)])
            .collect();
        // An invocation comes before an answer of the same index: what is equal is concurrent.
        order.sort_unstable();
        let length = order.len() + 1;
        let mut waiting = Self {
            events: vec![(usize::MAX, true)],
            index: vec![0],
            invoked_before: vec![0],
            previous: (0..=length).map(|node| node.saturating_sub(1)).collect(),
            next: (1..=length + 1).collect(),
            nodes: vec![(0, 0); order.len() / 2],
        };
        let mut invoked = 0;
        for (index, is_answer, place) in order {
            let node = waiting.events.len();
            waiting.events.push((place, is_answer));
            waiting.index.push(index);
            waiting.invoked_before.push(invoked);
            if is_answer {
                waiting.nodes[place].1 = node;
            } else {
                waiting.nodes[place].0 = node;
                invoked += 1;
            }
        }
        waiting
    }

    /// The operations before the first answer that is due, any of which may happen next, and the index of that answer.
    fn ready(&self) -> (Vec<usize>, Option<Index>) {
        let mut ready = Vec::new();
        let mut node = self.next[0];
        while let Some(&(place, is_answer)) = self.events.get(node) {
            if is_answer {
                return (ready, Some(self.index[node]));
            }
            ready.push(place);
            node = self.next[node];
        }
        (ready, None)
    }

    /// How many operations were invoked before the first answer that is due: none of the others has happened.
    fn invoked_before_limit(&self) -> usize {
        let mut node = self.next[0];
        while let Some(&(_, is_answer)) = self.events.get(node) {
            if is_answer {
                return self.invoked_before[node];
            }
            node = self.next[node];
        }
        self.nodes.len()
    }

    /// The operation that was invoked first.
    fn first(&self) -> Option<usize> {
        self.events.get(self.next[0]).map(|&(place, _)| place)
    }

    fn take(&mut self, place: usize) {
        let (call, answer) = self.nodes[place];
        for node in [call, answer] {
            let (previous, next) = (self.previous[node], self.next[node]);
            self.next[previous] = next;
            self.previous[next] = previous;
        }
    }

    fn put_back(&mut self, place: usize) {
        let (call, answer) = self.nodes[place];
        for node in [answer, call] {
            let (previous, next) = (self.previous[node], self.next[node]);
            self.next[previous] = node;
            self.previous[next] = node;
        }
    }
}

/// A set of small numbers.
struct Bits(Vec<u64>);

impl Bits {
    fn new(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)])
    }

    fn has(&self, place: usize) -> bool {
        self.0[place / 64] >> (place % 64) & 1 == 1
    }

    fn set(&mut self, place: usize, to: bool) {
        let bit = 1 << (place % 64);
        if to {
            self.0[place / 64] |= bit;
        } else {
            self.0[place / 64] &= !bit;
        }
    }

    /// The words from `base` on that hold places below `limit`, without the empty ones at the end.
    fn trimmed(&self, base: usize, limit: usize) -> &[u64] {
        let words = &self.0[base.min(self.0.len())..limit.div_ceil(64).clamp(base.min(self.0.len()), self.0.len())];
        let length = words.iter().rposition(|word| *word != 0).map_or(0, |last| last + 1);
        &words[..length]
    }
}

/// Gives states small numbers, so that they are compared and remembered at no cost.
struct States<S> {
    numbers: HashMap<S, u32>,
    states: Vec<S>,
}

impl<S: Clone + Eq + Hash> States<S> {
    fn new() -> Self {
        Self { numbers: HashMap::new(), states: Vec::new() }
    }

    fn number(&mut self, state: S) -> u32 {
        let Self { numbers, states } = self;
        *numbers.entry(state).or_insert_with_key(|state| {
            states.push(state.clone());
            (states.len() - 1) as u32
        })
    }

    fn get(&self, number: u32) -> &S {
        &self.states[number as usize]
    }
}
