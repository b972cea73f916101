//! How histories of queues and stacks are drawn: they differ in the value that comes next.

use dsjepsen_checkers::linearizable::{Entry, Model};
use dsjepsen_checkers::models::containers::{Call, Reply};

use crate::kit::{
    Play, Random, Tally, cases, compare, compare_longer, hold_against_oracle, hold_against_search, randoms,
};

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

/// A history of so many operations at most, where everything that is found was put in, but when what happened is by chance: only
/// the order can be wrong.
fn puzzle<M>(of: &Containers<M>, operations: usize, random: &mut Random) -> Vec<Entry<Call<u32>, Reply<u32>>> {
    let time = 4 + random.below(2 * operations as u32);
    let (length, open) = (1 + random.below(5), [0, 0, 0, 10][random.below(4) as usize]);
    let mut entries = Vec::new();
    let mut push = |call, reply, invoked: u32, random: &mut Random| {
        let invoked = u64::from(invoked);
        let returned = if random.percent(2) { u64::MAX } else { invoked + u64::from(random.below(length)) };
        let answer = (!random.percent(open)).then_some((reply, returned));
        entries.push(Entry { position: entries.len(), call, invoked, answer });
        entries.len()
    };
    for number in 0.. {
        let value = number * 11 % 32;
        let begun = random.below(time);
        let mut count = push(Call::Put(value), Reply::Done, begun, random);
        let left = begun + random.below(time - begun);
        if random.percent(85) {
            count = push(Call::Take, Reply::Found(value), left, random);
        }
        while random.percent(of.peeks) && count < operations {
            let looked = begun + random.below(left + 1 - begun);
            count = push(Call::Peek, Reply::Found(value), looked, random);
        }
        if of.is_ever_empty && random.percent(15) {
            count = push(Call::Take, Reply::Empty, random.below(time), random);
        }
        if count + 3 > operations {
            break;
        }
    }
    entries.truncate(operations);
    entries
}

/// Compares a model with the oracle and the search, and asks whether it decided anything by itself.
pub(crate) fn check<P: Play>(play: &P, seed: u64) {
    let tally = compare(play, seed);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
    assert!(tally.by_itself * 10 > (tally.right + tally.wrong) * 7, "{tally:?}");
    assert!(tally.by_itself_wrong * 10 > tally.wrong * 5, "{tally:?}");
    let longer = compare_longer(play, 14, seed);
    assert!(longer.right > 100 && longer.by_itself_wrong > 100, "{longer:?}");
}

/// As [`check`], and with puzzles too.
pub(crate) fn check_puzzles<M>(of: &Containers<M>, seed: u64)
where
    M: Model<State = Vec<u32>, Call = Call<u32>, Reply = Reply<u32>>,
{
    check(of, seed);
    let (mut short, mut long) = (Tally::default(), Tally::default());
    for (case, mut random) in randoms(cases(), seed) {
        hold_against_oracle(&of.model, &puzzle(of, 7, &mut random), case, &mut short);
        if case % 4 == 0 {
            hold_against_search(&of.model, &puzzle(of, 12, &mut random), case, &mut long);
        }
    }
    long.assert_few_too_long();
    assert!(short.right > 100 && short.by_itself_wrong > 100, "{short:?}");
    assert!(long.right > 50 && long.by_itself_wrong > 100, "{long:?}");
}
