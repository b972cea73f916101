//! Semaphores, with and without those that are found empty.

use dsjepsen_checkers::models::semaphore::{Call, Reply, Semaphore};

use crate::kit::{Play, Random, compare};

struct Semaphores {
    semaphore: Semaphore,
    tells_empty: bool,
}

impl Play for Semaphores {
    type Model = Semaphore;

    fn model(&self) -> &Semaphore {
        &self.semaphore
    }

    fn call(&self, random: &mut Random, _fresh: u32, _process: u32) -> Call {
        if random.percent(30) { Call::Raise } else { Call::Lower }
    }

    fn answer(&self, state: &u64, call: &Call) -> Option<(Reply, u64)> {
        match call {
            Call::Raise => Some((Reply::Done, state + 1)),
            Call::Lower if *state > 0 => Some((Reply::Done, state - 1)),
            Call::Lower => self.tells_empty.then_some((Reply::Empty, 0)),
        }
    }

    fn any_reply(&self, call: &Call, random: &mut Random) -> Reply {
        let is_empty = self.tells_empty && *call == Call::Lower && random.percent(50);
        if is_empty { Reply::Empty } else { Reply::Done }
    }
}

#[test]
fn semaphores_that_never_say_that_they_are_empty() {
    for (seed, initial) in [(20, 0), (21, 1), (22, 2)] {
        let tally = compare(&Semaphores { semaphore: Semaphore { initial }, tells_empty: false }, seed);
        assert!(tally.right > 1_000 && tally.by_itself == tally.right + tally.wrong, "{tally:?}");
        assert!(tally.by_itself_wrong > 15, "{tally:?}");
    }
}

#[test]
fn semaphores_that_say_that_they_are_empty() {
    for (seed, initial) in [(23, 0), (24, 2)] {
        let tally = compare(&Semaphores { semaphore: Semaphore { initial }, tells_empty: true }, seed);
        assert!(tally.right > 1_000 && tally.by_itself > 500 && tally.by_itself_wrong > 30, "{tally:?}");
    }
}
