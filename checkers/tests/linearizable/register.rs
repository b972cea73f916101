//! Registers: few values written again and again, and values that are written once.

use dsjepsen_checkers::linearizable::{Answer, Decision, Entry, Model, explore};
use dsjepsen_checkers::models::register::{Call, Register, Reply};

use crate::kit::{Play, Random, compare};
use crate::oracle::has_an_order;

struct Registers {
    register: Register<u32>,
    /// Whether each value is written once; else they are few.
    is_unique: bool,
    /// Whether a cas that did not swap says so; else it is no part of the history.
    tells_misses: bool,
}

impl Registers {
    fn value(&self, random: &mut Random, fresh: u32) -> u32 {
        if self.is_unique { fresh + 1 } else { random.below(3) }
    }
}

impl Play for Registers {
    type Model = Register<u32>;

    fn model(&self) -> &Register<u32> {
        &self.register
    }

    fn call(&self, random: &mut Random, fresh: u32, _process: u32) -> Call<u32> {
        match random.below(3) {
            0 => Call::Read,
            1 => Call::Write(self.value(random, fresh)),
            _ => {
                // Now and then one that is not written yet.
                let few = if random.percent(20) { 9 } else { fresh + 1 };
                let from = random.below(if self.is_unique { few } else { 3 });
                Call::Cas { from, to: self.value(random, fresh) }
            }
        }
    }

    fn answer(&self, state: &u32, call: &Call<u32>) -> Option<(Reply<u32>, u32)> {
        match *call {
            Call::Read => Some((Reply::Found(*state), *state)),
            Call::Write(value) => Some((Reply::Done, value)),
            Call::Cas { from, to } if from == *state => Some((Reply::Swapped(true), to)),
            Call::Cas { .. } => self.tells_misses.then_some((Reply::Swapped(false), *state)),
        }
    }

    fn any_reply(&self, call: &Call<u32>, random: &mut Random) -> Reply<u32> {
        match call {
            Call::Read => Reply::Found(random.below(if self.is_unique { 8 } else { 4 })),
            Call::Write(_) => Reply::Done,
            Call::Cas { .. } => Reply::Swapped(!self.tells_misses || random.percent(50)),
        }
    }
}

fn registers(is_unique: bool, tells_misses: bool) -> Registers {
    Registers { register: Register { initial: 0 }, is_unique, tells_misses }
}

#[test]
fn registers_of_few_values() {
    let tally = compare(&registers(false, true), 1);
    assert!(tally.right > 1_000 && tally.wrong > 300 && tally.by_itself_wrong > 50, "{tally:?}");
}

#[test]
fn registers_whose_values_are_written_once() {
    let tally = compare(&registers(true, false), 2);
    assert!(tally.right > 1_000 && tally.by_itself == tally.right + tally.wrong, "{tally:?}");
    assert!(tally.by_itself_wrong > 300, "{tally:?}");
}

#[test]
fn registers_with_cas_that_did_not_swap() {
    let tally = compare(&registers(true, true), 3);
    assert!(tally.right > 1_000 && tally.wrong > 300, "{tally:?}");
    // The rest is left to the search.
    let undecided = tally.right + tally.wrong - tally.by_itself;
    assert!(undecided * 500 < tally.right && tally.by_itself_wrong * 100 > tally.wrong * 99, "{tally:?}");
}

/// Two values, each read after its write had ended; the first is last asked for at the moment at which the other was written.
#[test]
fn what_touches_is_concurrent() {
    let entry = |call, invoked, reply, returned| Entry { position: 0, call, invoked, answer: Some((reply, returned)) };
    let entries = |last_asked| {
        [
            entry(Call::Write(1), 1, Reply::Done, 2),
            entry(Call::Read, last_asked, Reply::Found(1), 9),
            entry(Call::Write(2), 3, Reply::Done, 5),
            entry(Call::Read, 7, Reply::Found(2), 8),
        ]
    };
    let register = Register { initial: 0 };
    assert_eq!(register.decide(&entries(5)), Some(Decision::Exists));
    assert_eq!(register.decide(&entries(6)), Some(Decision::Impossible(vec![0, 1, 2])));
}

#[test]
fn what_leaves_the_value_that_there_is_hides_what_was_written_before() {
    // 1 was written, then 0 by the write without an answer, and that was swapped: in no other order is 2 read.
    let answered =
        |position, call, reply, invoked, returned| Entry { position, call, invoked, answer: Some((reply, returned)) };
    let entries = [
        Entry { position: 0, call: Call::Write(0), invoked: 1, answer: None },
        answered(1, Call::Write(1), Reply::Done, 8, 12),
        answered(2, Call::Cas { from: 0, to: 2 }, Reply::Swapped(true), 9, 11),
        answered(3, Call::Read, Reply::Found(2), 13, 16),
    ];
    let register = Register { initial: 0 };
    assert!(has_an_order(&register, &entries));
    assert_eq!(explore(&register, &entries, 1_000), Answer::Exists);
}
