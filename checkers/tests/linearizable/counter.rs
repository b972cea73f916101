//! Counters that are added to and read, and those whose additions are answered.

use dsjepsen_checkers::models::counter::{self, Counter};
use dsjepsen_checkers::models::fetch_add::{self, FetchAdd};

use crate::kit::{CallOf, Play, Random, ReplyOf, compare};

struct Counters<M> {
    model: M,
    amounts: &'static [i64],
}

impl<M> Counters<M> {
    fn amount(&self, random: &mut Random) -> i64 {
        self.amounts[random.below(self.amounts.len() as u32) as usize]
    }

    /// A value near those that the counter has.
    fn value(&self, random: &mut Random) -> i64 {
        3 + self.amounts[0] * (i64::from(random.below(6)) - 1) + i64::from(random.percent(5))
    }
}

impl Play for Counters<Counter> {
    type Model = Counter;

    fn model(&self) -> &Counter {
        &self.model
    }

    fn call(&self, random: &mut Random, _fresh: u32, _process: u32) -> counter::Call {
        if random.percent(50) { counter::Call::Add(self.amount(random)) } else { counter::Call::Read }
    }

    fn answer(&self, state: &i128, call: &CallOf<Self>) -> Option<(ReplyOf<Self>, i128)> {
        Some(match *call {
            counter::Call::Add(amount) => (counter::Reply::Done, state + i128::from(amount)),
            counter::Call::Read => (counter::Reply::Found(i64::try_from(*state).ok()?), *state),
        })
    }

    fn any_reply(&self, call: &CallOf<Self>, random: &mut Random) -> ReplyOf<Self> {
        match call {
            counter::Call::Add(_) => counter::Reply::Done,
            counter::Call::Read => counter::Reply::Found(self.value(random)),
        }
    }
}

impl Play for Counters<FetchAdd> {
    type Model = FetchAdd;

    fn model(&self) -> &FetchAdd {
        &self.model
    }

    fn call(&self, random: &mut Random, _fresh: u32, _process: u32) -> fetch_add::Add {
        fetch_add::Add(self.amount(random))
    }

    fn answer(&self, state: &i128, fetch_add::Add(amount): &fetch_add::Add) -> Option<(i64, i128)> {
        Some((i64::try_from(*state).ok()?, state + i128::from(*amount)))
    }

    fn any_reply(&self, _call: &fetch_add::Add, random: &mut Random) -> i64 {
        self.value(random)
    }
}

#[test]
fn counters_whose_additions_are_equal() {
    for (seed, amounts) in [(30, &[1_i64][..]), (31, &[1, 0, 1]), (32, &[-1]), (33, &[3])] {
        let tally = compare(&Counters { model: Counter { initial: 3 }, amounts }, seed);
        assert!(tally.right > 1_000 && tally.by_itself == tally.right + tally.wrong, "{tally:?}");
        assert!(tally.by_itself_wrong > 300, "{tally:?}");
    }
}

#[test]
fn counters_whose_additions_differ() {
    for (seed, amounts) in [(34, &[1_i64, 2, 5][..]), (35, &[-2, -3]), (36, &[1, -1])] {
        let tally = compare(&Counters { model: Counter { initial: 3 }, amounts }, seed);
        assert!(tally.right > 1_000 && tally.by_itself < tally.right + tally.wrong, "{tally:?}");
        assert!(tally.by_itself_wrong > 200, "{tally:?}");
    }
}

#[test]
fn fetch_and_add() {
    for (seed, amounts) in [(40, &[1_i64][..]), (41, &[1, 0, 1]), (42, &[-1]), (43, &[3])] {
        let tally = compare(&Counters { model: FetchAdd { initial: 3 }, amounts }, seed);
        assert!(tally.right > 1_000 && tally.by_itself == tally.right + tally.wrong, "{tally:?}");
        assert!(tally.by_itself_wrong > 300, "{tally:?}");
    }
    for (seed, amounts) in [(44, &[1_i64, 2, 5][..]), (45, &[1, -1])] {
        let tally = compare(&Counters { model: FetchAdd { initial: 3 }, amounts }, seed);
        assert!(tally.right > 1_000 && tally.by_itself < tally.right + tally.wrong, "{tally:?}");
        assert!(tally.by_itself_wrong > 100, "{tally:?}");
    }
}
