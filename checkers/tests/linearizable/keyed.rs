//! Several registers, by key, as one object.

use dsjepsen_checkers::models::keyed::{Call, Keyed};
use dsjepsen_checkers::models::register::{self, Register, Reply};

use crate::kit::{CallOf, Play, Random, StateOf, compare, compare_longer};

struct Registers(Keyed<Register<u32>>);

impl Play for Registers {
    type Model = Keyed<Register<u32>>;

    fn model(&self) -> &Keyed<Register<u32>> {
        &self.0
    }

    fn call(&self, random: &mut Random, fresh: u32, _process: u32) -> CallOf<Self> {
        let value = 1 + if random.percent(50) { fresh } else { random.below(3) };
        let call = if random.percent(50) { register::Call::Read } else { register::Call::Write(value) };
        Call { key: random.below(3), call }
    }

    fn answer(&self, state: &StateOf<Self>, call: &CallOf<Self>) -> Option<(Reply<u32>, StateOf<Self>)> {
        let mut after = state.clone();
        Some(match call.call {
            register::Call::Write(value) => {
                after.insert(call.key, value);
                (Reply::Done, after)
            }
            _ => (Reply::Found(state.get(&call.key).copied().unwrap_or(0)), after),
        })
    }

    fn any_reply(&self, call: &CallOf<Self>, random: &mut Random) -> Reply<u32> {
        match call.call {
            register::Call::Write(_) => Reply::Done,
            _ => Reply::Found(random.below(5)),
        }
    }
}

#[test]
fn registers_by_key() {
    let registers = Registers(Keyed { object: Register { initial: 0 } });
    let tally = compare(&registers, 1);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
    assert_eq!(tally.by_itself, tally.right + tally.wrong, "{tally:?}");
    let tally = compare_longer(&registers, 14, 2);
    assert!(tally.by_itself_wrong > 100, "{tally:?}");
}
