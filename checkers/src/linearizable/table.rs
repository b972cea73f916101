//! What each class of operations does in each state, worked out once.

use rustc_hash::FxHashMap;

use super::compiled::Class;
use super::{Alike, Model};

/// How many answers are kept by place: those of the first states, a row for each.
const DENSE: usize = 1 << 22;

/// How many are kept of the states after those.
const SPARSE: usize = 1 << 20;

/// What an allocation takes beside what is asked for, in bytes.
const ALLOCATION: usize = 16;

const UNKNOWN: u32 = u32::MAX;
const ILLEGAL: u32 = u32::MAX - 1;

/// States by small numbers, and what leads from one to another.
pub(super) struct Table<'a, M: Model> {
    model: &'a M,
    alike: Option<Alike<'a, M>>,
    states: Vec<M::State>,
    numbers: FxHashMap<M::State, u32>,
    classes: usize,
    dense: Vec<u32>,
    sparse: FxHashMap<(u32, u32), u32>,
    /// What the states hold beside themselves, in bytes.
    held: usize,
}

impl<'a, M: Model> Table<'a, M> {
    pub(super) fn new(model: &'a M, alike: Option<Alike<'a, M>>, classes: usize) -> Self {
        let (numbers, sparse) = (FxHashMap::default(), FxHashMap::default());
        let mut table = Self { model, alike, states: Vec::new(), numbers, classes, dense: Vec::new(), sparse, held: 0 };
        table.number(model.initial());
        table
    }

    /// The state before the first operation.
    pub(super) fn initial(&self) -> u32 {
        0
    }

    /// How many states are known.
    pub(super) fn states(&self) -> u32 {
        self.states.len() as u32
    }

    /// What is remembered, in bytes, estimated. Each state is there twice.
    pub(super) fn bytes(&self) -> usize {
        let tables = self.dense.capacity() * size_of::<u32>() + self.sparse.capacity() * 2 * size_of::<u64>();
        tables + 2 * (self.held + self.states.capacity() * (size_of::<M::State>() + size_of::<u64>()))
    }

    /// The state after an operation of this class, or `None` where it cannot happen.
    pub(super) fn step(&mut self, state: u32, number: u32, class: &Class<'_, M::Call, M::Reply>) -> Option<u32> {
        let place = state as usize * self.classes + number as usize;
        let known = match self.dense.get(place) {
            Some(known) => *known,
            None => self.sparse.get(&(state, number)).copied().unwrap_or(UNKNOWN),
        };
        if known != UNKNOWN {
            return (known != ILLEGAL).then_some(known);
        }
        let after = self.model.step(&self.states[state as usize], class.call, class.reply);
        let after = after.map(|after| self.number(after));
        let known = after.unwrap_or(ILLEGAL);
        if let Some(cell) = self.dense.get_mut(place) {
            *cell = known;
        } else {
            if self.sparse.len() >= SPARSE {
                self.sparse.clear();
            }
            self.sparse.insert((state, number), known);
        }
        after
    }

    fn number(&mut self, mut state: M::State) -> u32 {
        if let Some(alike) = &self.alike {
            state = alike(state);
        }
        if let Some(number) = self.numbers.get(&state) {
            return *number;
        }
        let number = self.states.len() as u32;
        self.held += match self.model.bytes_held(&state) {
            0 => 0,
            held => held + ALLOCATION,
        };
        self.states.push(state.clone());
        self.numbers.insert(state, number);
        if self.dense.len() + self.classes <= DENSE {
            self.dense.resize(self.dense.len() + self.classes, UNKNOWN);
        }
        number
    }
}
