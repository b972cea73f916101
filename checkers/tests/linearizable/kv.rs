//! Keys of a store of strings.

use dsjepsen_checkers::linearizable::{Answer, Entry, explore};
use dsjepsen_checkers::models::kv::{Call, Kv, Reply};

use crate::kit::{Play, Random, compare, compare_longer};
use crate::oracle::has_an_order;

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

#[test]
fn what_may_be_used_again_cannot_as_well_wait() {
    // The write without an answer leaves the "ab" with which the value ends up, after the first write and before the appends; a
    // search that lets the appends happen again and again may not put the first of them off.
    let answered =
        |position, call, (reply, returned), invoked| Entry { position, call, invoked, answer: Some((reply, returned)) };
    let append = |text: &str| Call::Append(text.into());
    let got = Reply::Got("abababbb".into());
    let entries = [
        answered(0, Call::Put("".into()), (Reply::Done, 6), 0),
        Entry { position: 1, call: Call::Put("ab".into()), invoked: 1, answer: None },
        answered(2, append("ab"), (Reply::Done, 10), 6),
        answered(3, append("ab"), (Reply::Done, 15), 9),
        answered(4, append("b"), (Reply::Done, 17), 12),
        answered(5, append("b"), (Reply::Done, 20), 17),
        answered(6, Call::Get, (got, 24), 19),
    ];
    let key = Kv { initial: "b".into() };
    assert!(has_an_order(&key, &entries));
    assert_eq!(explore(&key, &entries, 10_000), Answer::Exists);
}
