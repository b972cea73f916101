//! The objects held against an obvious oracle: all orders of a few operations, tried one by one, each on an object of plain code.

use std::collections::{BTreeSet, VecDeque};

use dsjepsen_checkers::foreign::ForeignRequest;
use dsjepsen_history::Gravity;
use dsjepsen_history::foreign::Format;
use proptest::collection::vec;
use proptest::prelude::*;

use super::judge;

/// An operation with its span, as `(kind, value, start, length)`.
type Drawn = (u8, i64, u32, u32);

/// Writes such operations as fptlin does, with processes of their own; ends and starts never fall together.
fn written(model: &str, drawn: &[Drawn], words: &[&str]) -> String {
    let mut text = format!("# {model}\n");
    for (process, &(kind, value, start, length)) in drawn.iter().enumerate() {
        let (start, end) = (2 * start, 2 * (start + length) + 1);
        text += &format!("{process} {start} {end} {} {value}\n", words[usize::from(kind) % words.len()]);
    }
    text
}

/// Whether some order of the operations keeps to real time, and each step of it is allowed.
fn some_order(
    drawn: &[Drawn],
    left: &mut Vec<usize>,
    done: &mut Vec<usize>,
    allowed: &dyn Fn(&[usize]) -> bool,
) -> bool {
    if left.is_empty() {
        return true;
    }
    for place in 0..left.len() {
        let chosen = left[place];
        let waits = left.iter().any(|&other| drawn[other].2 + drawn[other].3 < drawn[chosen].2);
        if waits {
            continue;
        }
        left.remove(place);
        done.push(chosen);
        let found = allowed(done) && some_order(drawn, left, done, allowed);
        done.pop();
        left.insert(place, chosen);
        if found {
            return true;
        }
    }
    false
}

fn expected(drawn: &[Drawn], allowed: &dyn Fn(&[usize]) -> bool) -> Gravity {
    let exists = some_order(drawn, &mut (0..drawn.len()).collect(), &mut Vec::new(), allowed);
    if exists { Gravity::Valid } else { Gravity::Invalid }
}

fn said(model: &str, text: &str) -> Gravity {
    judge(model, Format::Fptlin, text, &ForeignRequest::default()).unwrap().verdict
}

fn operations(kinds: u8) -> impl Strategy<Value = Vec<Drawn>> {
    vec((0..kinds, 0..3_i64, 0..8_u32, 0..4_u32), 1..7)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn queues_and_stacks(drawn in operations(3), is_stack in any::<bool>()) {
        // 0 puts, 1 takes, 2 looks; a 0 that is found stands for nothing.
        let shown: Vec<Drawn> = drawn.iter().map(|&(kind, value, start, length)| {
            (kind, if kind == 0 { value + 1 } else if value == 0 { -1 } else { value }, start, length)
        }).collect();
        let (model, words) = if is_stack { ("stack", ["PUSH", "POP", "PEEK"]) } else { ("queue", ["ENQ", "DEQ", "PEEK"]) };
        let allowed = |done: &[usize]| {
            let mut held: VecDeque<i64> = VecDeque::new();
            done.iter().all(|&place| {
                let (kind, value, ..) = shown[place];
                if kind == 0 {
                    if is_stack { held.push_front(value) } else { held.push_back(value) }
                    return true;
                }
                let found = held.front().copied().unwrap_or(-1);
                if kind == 1 {
                    held.pop_front();
                }
                found == value
            })
        };
        prop_assert_eq!(said(model, &written(model, &shown, &words)), expected(&shown, &allowed), "{:?}", shown);
    }

    #[test]
    fn priority_queues(drawn in operations(3)) {
        let shown: Vec<Drawn> = drawn.iter().map(|&(kind, value, start, length)| {
            (kind, if kind == 0 { value + 1 } else if value == 0 { -1 } else { value }, start, length)
        }).collect();
        let allowed = |done: &[usize]| {
            let mut held: Vec<i64> = Vec::new();
            done.iter().all(|&place| {
                let (kind, value, ..) = shown[place];
                if kind == 0 {
                    held.push(value);
                    return true;
                }
                let found = held.iter().max().copied().unwrap_or(-1);
                if kind == 1 && found != -1 {
                    let at = held.iter().position(|held| *held == found).unwrap();
                    held.swap_remove(at);
                }
                found == value
            })
        };
        let text = written("priorityqueue", &shown, &["INSERT", "POLL", "PEEK"]);
        prop_assert_eq!(said("priority-queue", &text), expected(&shown, &allowed), "{:?}", shown);
    }

    #[test]
    fn sets_and_semaphores(drawn in operations(3)) {
        // One element, whose answer is the lowest bit.
        let answers: Vec<Drawn> = drawn.iter().map(|&(kind, value, start, length)| (kind, value % 2, start, length)).collect();
        let allowed = |done: &[usize]| {
            let mut held: BTreeSet<i64> = BTreeSet::new();
            done.iter().all(|&place| {
                let (kind, answer, ..) = answers[place];
                let did = match kind {
                    0 => held.insert(7),
                    1 => held.remove(&7),
                    _ => held.contains(&7),
                };
                did == (answer == 1)
            })
        };
        let text = written("set", &answers, &["INSERT 7", "REMOVE 7", "CONTAINS 7"]);
        prop_assert_eq!(said("set", &text), expected(&answers, &allowed), "{:?}", answers);

        let raised: Vec<Drawn> = answers.iter().map(|&(kind, answer, start, length)| {
            (kind % 2, if kind % 2 == 0 { 1 } else { answer }, start, length)
        }).collect();
        let allowed = |done: &[usize]| {
            let mut held = 0;
            done.iter().all(|&place| match raised[place] {
                (0, ..) => {
                    held += 1;
                    true
                }
                (_, 0, ..) => held == 0,
                _ => {
                    held -= 1;
                    held >= 0
                }
            })
        };
        let text = written("semaphore", &raised, &["INCR", "DECR"]);
        prop_assert_eq!(said("semaphore", &text), expected(&raised, &allowed), "{:?}", raised);
    }
}
