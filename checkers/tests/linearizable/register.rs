//! Registers: few values written again and again, and values that are written once.

use dsjepsen_checkers::models::register::{Call, Register, Reply};

use crate::kit::{Play, Random, compare};

struct Registers {
    register: Register<u32>,
    /// Whether each value is written once; else they are few.
    is_unique: bool,
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
                let from = if self.is_unique { random.below(fresh + 1) } else { random.below(3) };
                Call::Cas { from, to: self.value(random, fresh) }
            }
        }
    }

    fn answer(&self, state: &u32, call: &Call<u32>) -> Option<(Reply<u32>, u32)> {
        Some(match *call {
            Call::Read => (Reply::Found(*state), *state),
            Call::Write(value) => (Reply::Done, value),
            Call::Cas { from, to } if from == *state => (Reply::Swapped(true), to),
            Call::Cas { .. } => (Reply::Swapped(false), *state),
        })
    }

    fn any_reply(&self, call: &Call<u32>, random: &mut Random) -> Reply<u32> {
        match call {
            Call::Read => Reply::Found(random.below(if self.is_unique { 8 } else { 4 })),
            Call::Write(_) => Reply::Done,
            Call::Cas { .. } => Reply::Swapped(random.percent(50)),
        }
    }
}

#[test]
fn registers_of_few_values() {
    let tally = compare(&Registers { register: Register { initial: 0 }, is_unique: false }, 1);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}

#[test]
fn registers_whose_values_are_written_once() {
    let tally = compare(&Registers { register: Register { initial: 0 }, is_unique: true }, 2);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}
