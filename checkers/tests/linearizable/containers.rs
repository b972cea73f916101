//! How histories of queues and stacks are drawn: they differ in the value that comes next.

use dsjepsen_checkers::linearizable::Model;
use dsjepsen_checkers::models::containers::{Call, Reply};

use crate::kit::{Play, Random, compare, compare_longer};

/// Which place of a state the next value has.
type Next = fn(&[u32]) -> Option<usize>;

/// The next value's place, by model.
pub(crate) struct Nexts {
    pub(crate) queue: Next,
    pub(crate) stack: Next,
    pub(crate) priority_queue: Next,
    pub(crate) unordered_queue: Next,
}

/// The next value's place, by model.
pub(crate) const NEXT: Nexts = Nexts {
    queue: |state| (!state.is_empty()).then_some(0),
    stack: |state| state.len().checked_sub(1),
    priority_queue: |state| (0..state.len()).max_by_key(|place| state[*place]),
    unordered_queue: |state| (!state.is_empty()).then(|| state.iter().sum::<u32>() as usize * 7 % state.len()),
};

pub(crate) struct Containers<M> {
    pub(crate) model: M,
    pub(crate) next: Next,
    /// How many calls of a hundred peek.
    pub(crate) peeks: u32,
    /// Whether it is told that there is nothing; else such calls fail.
    pub(crate) is_ever_empty: bool,
    /// Whether each value is put in once; else they are few.
    pub(crate) is_unique: bool,
}

impl<M> Containers<M> {
    pub(crate) fn new(model: M, next: Next) -> Self {
        Self { model, next, peeks: 20, is_ever_empty: true, is_unique: true }
    }
}

impl<M: Model<State = Vec<u32>, Call = Call<u32>, Reply = Reply<u32>>> Play for Containers<M> {
    type Model = M;

    fn model(&self) -> &M {
        &self.model
    }

    fn call(&self, random: &mut Random, fresh: u32, _process: u32) -> Call<u32> {
        if random.percent(self.peeks) {
            return Call::Peek;
        }
        if random.percent(50) {
            return Call::Take;
        }
        // Not in the order in which they come, each once among the first 32.
        Call::Put(if self.is_unique { fresh * 11 % 32 } else { random.below(3) })
    }

    fn answer(&self, state: &Vec<u32>, call: &Call<u32>) -> Option<(Reply<u32>, Vec<u32>)> {
        let next = (self.next)(state);
        let reply = match (call, next) {
            (Call::Put(_), _) => Reply::Done,
            (Call::Take | Call::Peek, Some(place)) => Reply::Found(state[place]),
            (Call::Take | Call::Peek, None) if self.is_ever_empty => Reply::Empty,
            (Call::Take | Call::Peek, None) => return None,
        };
        let mut after = state.clone();
        match call {
            Call::Put(value) => after.push(*value),
            Call::Take => drop(next.map(|place| after.remove(place))),
            Call::Peek => {}
        }
        Some((reply, after))
    }

    fn any_reply(&self, call: &Call<u32>, random: &mut Random) -> Reply<u32> {
        match call {
            Call::Put(_) => Reply::Done,
            Call::Take | Call::Peek if random.percent(20) => Reply::Empty,
            Call::Take | Call::Peek if self.is_unique => Reply::Found(random.below(8) * 11 % 32),
            Call::Take | Call::Peek => Reply::Found(random.below(4)),
        }
    }
}

/// Compares a model with the oracle and the search, and asks whether it decided anything by itself.
pub(crate) fn check<P: Play>(play: &P, seed: u64) {
    let tally = compare(play, seed);
    println!("{tally:?}");
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
    assert!(tally.by_itself * 10 > (tally.right + tally.wrong) * 7, "{tally:?}");
    assert!(tally.by_itself_wrong * 10 > tally.wrong * 5, "{tally:?}");
    let tally = compare_longer(play, 14, seed);
    println!("{tally:?}");
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}
