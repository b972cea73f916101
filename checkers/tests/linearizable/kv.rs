//! Keys of a store of strings.

use dsjepsen_checkers::models::kv::{Call, Kv, Reply};

use crate::kit::{Play, Random, compare, compare_longer};

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

/// A key whose strings tell where they come from.
struct TellingKey(Kv);

fn telling(number: u32) -> Box<str> {
    format!("<{number}>").into()
}

impl Play for TellingKey {
    type Model = Kv;

    fn model(&self) -> &Kv {
        &self.0
    }

    fn call(&self, random: &mut Random, fresh: u32, _process: u32) -> Call {
        match random.below(8) {
            0..4 => Call::Get,
            4 => Call::Put(telling(fresh)),
            _ => Call::Append(telling(fresh)),
        }
    }

    fn answer(&self, state: &Box<str>, call: &Call) -> Option<(Reply, Box<str>)> {
        Keys(self.0.clone()).answer(state, call)
    }

    fn any_reply(&self, call: &Call, random: &mut Random) -> Reply {
        match call {
            Call::Get => Reply::Got((0..random.below(4)).map(|_| telling(random.below(8))).collect::<String>().into()),
            Call::Put(_) | Call::Append(_) => Reply::Done,
        }
    }
}

#[test]
fn keys_whose_strings_tell_who_made_them() {
    for initial in ["", "<9>"] {
        let tally = compare(&TellingKey(Kv { initial: initial.into() }), 2);
        assert!(tally.right > 100 && tally.wrong > 100, "{tally:?}");
        assert!(tally.by_itself > (tally.right + tally.wrong) * 9 / 10 && tally.by_itself_wrong > 100, "{tally:?}");
    }
}

#[test]
fn long_histories_of_keys_whose_strings_tell_who_made_them() {
    let tally = compare_longer(&TellingKey(Kv { initial: "".into() }), 14, 3);
    assert!(tally.by_itself_wrong > 100, "{tally:?}");
}
