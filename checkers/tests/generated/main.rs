//! The generated histories of a register are what they say they are: held against a search of their own, and then judged.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "../../examples/cas_histories/generator/mod.rs"]
mod generator;
#[path = "../../examples/cas_histories/lines.rs"]
mod lines;
mod oracle;

use dsjepsen_checkers::foreign::{ForeignRequest, find_foreign_model, judge_foreign};
use dsjepsen_checkers::linearizable::{Answer, CONFIGURATIONS, decide, explore};
use dsjepsen_history::Gravity;
use dsjepsen_history::foreign::{Format, read_foreign};

use generator::{Call, Family, History, Operation, Options, REGISTER, Twin, generate};
use oracle::has_an_order;

/// How many seeds of each kind: as many as `DSJEPSEN_FUZZ` says, or some.
fn seeds() -> u64 {
    std::env::var("DSJEPSEN_FUZZ").ok().and_then(|cases| cases.parse().ok()).unwrap_or(25)
}

fn judged(history: &History) -> Gravity {
    let mut text = Vec::new();
    lines::write_lines(history, &mut text).unwrap();
    let read = read_foreign(text.as_slice(), "generated", None).unwrap();
    assert_eq!(read.format, Format::Synthetic);
    let model = find_foreign_model("cas-register").unwrap();
    judge_foreign(read, "generated", model, &ForeignRequest::default()).unwrap().verdict
}

/// Holds each history against the oracle and the judges; says how many there were.
fn compare(family: Family, twin: Twin) -> usize {
    let mut made = 0;
    for (operations, clients, lost_percent) in
        [(12, 2, 20.0), (30, 3, 0.0), (40, 5, 5.0), (40, 5, 20.0), (40, 10, 0.0), (50, 10, 5.0)]
    {
        for seed in 0..seeds() {
            let options = Options { operations, clients, lost_percent, family, seed, twin };
            let Some(history) = generate(&options) else { continue };
            made += 1;
            let entries = history.entries();
            let is_right = twin == Twin::Ok;
            assert_eq!(has_an_order(&REGISTER, &entries), is_right, "{options:?}");
            let expected = if is_right { Answer::Exists } else { Answer::Impossible };
            assert_eq!(decide(&REGISTER, &entries, CONFIGURATIONS), expected, "{options:?}");
            assert_eq!(explore(&REGISTER, &entries, CONFIGURATIONS), expected, "{options:?}");
            let gravity = if is_right { Gravity::Valid } else { Gravity::Invalid };
            assert_eq!(judged(&history), gravity, "{options:?}");
        }
    }
    made
}

fn at_least(made: usize, of_a_hundred: usize) {
    let asked = 6 * seeds() as usize;
    assert!(made * 100 >= asked * of_a_hundred, "{made} of {asked}");
}

#[test]
fn what_is_right_has_an_order() {
    at_least(compare(Family::Small, Twin::Ok), 100);
    at_least(compare(Family::Unique, Twin::Ok), 100);
}

#[test]
fn what_is_bad_has_none() {
    at_least(compare(Family::Small, Twin::Bad), 95);
    at_least(compare(Family::Unique, Twin::Bad), 90);
}

#[test]
fn what_is_stale_has_none() {
    at_least(compare(Family::Small, Twin::Stale), 50);
    at_least(compare(Family::Unique, Twin::Stale), 90);
}

#[test]
fn a_history_is_as_it_was_asked_for() {
    let of = |family, lost_percent| {
        let options = Options { operations: 6_000, clients: 7, lost_percent, family, seed: 1, twin: Twin::Ok };
        generate(&options).unwrap()
    };
    let history = of(Family::Small, 10.0);
    assert_eq!((history.operations.len(), history.events.len()), (6_000, 12_000));
    let reads = history.operations.iter().filter(|operation| operation.call == Call::Read).count();
    assert!((1_800..2_200).contains(&reads), "{reads}");
    let lost: Vec<&Operation> = history.operations.iter().filter(|operation| operation.reply.is_none()).collect();
    assert!((300..500).contains(&lost.len()), "{}", lost.len());
    assert!(lost.iter().all(|operation| operation.call != Call::Read));
    // A process is heard of no more after it gave up.
    let later = |lost: &Operation| {
        history.operations.iter().any(|other| other.process == lost.process && other.invoked > lost.invoked)
    };
    assert!(!lost.iter().any(|operation| later(operation)));
    assert!(of(Family::Unique, 0.0).operations.iter().all(|operation| operation.reply.is_some()));
    let swapped = |history: &History| {
        let swapped = |operation: &&Operation| operation.reply == Some(generator::Reply::Swapped(true));
        history.operations.iter().filter(swapped).count()
    };
    assert!(swapped(&history) > 200 && swapped(&of(Family::Unique, 0.0)) > 200);
}
