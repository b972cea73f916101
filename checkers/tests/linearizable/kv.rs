//! Keys of a store of strings.

use dsjepsen_checkers::models::kv::{Call, Kv, Reply};

use crate::kit::{Play, Random, compare};

struct Keys(Kv);

fn text(random: &mut Random) -> Box<str> {
    ["", "a", "b", "ab"][random.below(4) as usize].into()
}

impl Play for Keys {
    type Model = Kv;

    fn model(&self) -> &Kv {
        &self.0
    }

    fn call(&self, random: &mut Random, _fresh: u32, _process: u32) -> Call {
        match random.below(3) {
            0 => Call::Get,
            1 => Call::Put(text(random)),
            _ => Call::Append(text(random)),
        }
    }

    fn answer(&self, state: &Box<str>, call: &Call) -> Option<(Reply, Box<str>)> {
        Some(match call {
            Call::Get => (Reply::Got(state.clone()), state.clone()),
            Call::Put(value) => (Reply::Done, value.clone()),
            Call::Append(value) => (Reply::Done, format!("{state}{value}").into()),
        })
    }

    fn any_reply(&self, call: &Call, random: &mut Random) -> Reply {
        match call {
            Call::Get => Reply::Got(format!("{}{}", text(random), text(random)).into()),
            Call::Put(_) | Call::Append(_) => Reply::Done,
        }
    }
}

#[test]
fn keys_of_a_store() {
    let tally = compare(&Keys(Kv { initial: "b".into() }), 1);
    assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
}
