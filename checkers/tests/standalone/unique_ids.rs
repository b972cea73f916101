//! Unique ids.

use dsjepsen_checkers::Outcome;
use dsjepsen_checkers::unique_ids::{Generation, Rising, check_unique_ids};
use dsjepsen_history::{Gravity, Index, Process, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::{Draw, in_effect, outcome, schedule};
use crate::fuzz;
use crate::witness::{broken, validate};

fn given(process: u32, invoked: Index, completed: Index, id: u64) -> Generation<u64> {
    let process = Process(process);
    Generation { process, invoked, completed: Some(completed), outcome: Outcome::Ok, id: Some(id) }
}

#[test]
fn an_id_is_given_once() {
    let judgement = check_unique_ids(&[given(0, 1, 2, 7), given(1, 3, 4, 8), given(2, 5, 6, 7)], Rising::No);
    assert_eq!(judgement.verdict, Gravity::Invalid);
    let finding = &judgement.findings[0];
    assert_eq!((&*finding.rule, &*finding.operations), ("unique-ids.repeated", &[1, 5][..]));
    assert_eq!(finding.sentence, "Id 7 was given twice: to process 0, then to process 2.");
}

#[test]
fn ids_may_be_anything_that_has_an_order() {
    let id = |at, text: &'static str| {
        let process = Process(0);
        Generation { process, invoked: at, completed: Some(at + 1), outcome: Outcome::Ok, id: Some(text) }
    };
    assert_eq!(check_unique_ids(&[id(1, "a-1"), id(3, "a-2")], Rising::InRealTime).verdict, Gravity::Valid);
    assert_eq!(check_unique_ids(&[id(1, "a-2"), id(3, "a-1")], Rising::InRealTime).verdict, Gravity::Invalid);
}

#[test]
fn rising_is_judged_as_promised() {
    // Process 1 asks after 9 was given to process 0, and gets 3.
    let fell = [given(0, 1, 2, 9), given(1, 3, 4, 3)];
    assert_eq!(check_unique_ids(&fell, Rising::InRealTime).verdict, Gravity::Invalid);
    assert_eq!(check_unique_ids(&fell, Rising::PerProcess).verdict, Gravity::Valid);
    assert_eq!(check_unique_ids(&fell, Rising::No).verdict, Gravity::Valid);
    let overlapping = [given(0, 1, 3, 9), given(1, 2, 4, 3)];
    assert_eq!(check_unique_ids(&overlapping, Rising::InRealTime).verdict, Gravity::Valid);
}

#[test]
fn nothing_given_is_unknown_and_nonsense_too() {
    let reason = |operations: &[Generation<u64>]| check_unique_ids(operations, Rising::No).findings[0].reason;
    assert_eq!(reason(&[]), Some(UnknownReason::NoObservations));
    let info = Generation { completed: None, outcome: Outcome::Info, ..given(0, 1, 2, 7) };
    assert_eq!(reason(&[info]), Some(UnknownReason::NoObservations));
    assert_eq!(reason(&[given(0, 5, 4, 7)]), Some(UnknownReason::CheckerError));
    assert_eq!(reason(&[Generation { id: None, ..given(0, 1, 2, 7) }]), Some(UnknownReason::CheckerError));
}

fn oracle(operations: &[Generation<u64>], rising: Rising) -> [u64; 2] {
    let ok: Vec<_> = operations.iter().filter(|one| one.outcome == Outcome::Ok).collect();
    let mut ids: Vec<_> = ok.iter().map(|one| one.id).collect();
    ids.sort_unstable();
    ids.dedup();
    let fell = |later: &&&Generation<u64>| {
        ok.iter().any(|earlier| {
            let bound = match rising {
                Rising::No => false,
                Rising::PerProcess => earlier.process == later.process,
                Rising::InRealTime => true,
            };
            bound && earlier.completed < Some(later.invoked) && earlier.id > later.id
        })
    };
    [(ok.len() - ids.len()) as u64, ok.iter().filter(fell).count() as u64]
}

fn agree(operations: &[Generation<u64>]) {
    for rising in [Rising::No, Rising::PerProcess, Rising::InRealTime] {
        let judgement = check_unique_ids(operations, rising);
        let count = |rule| judgement.findings.iter().find(|one| one.rule == rule).map_or(0, |one| one.count);
        let found = [count("unique-ids.repeated"), count("unique-ids.falling")];
        assert_eq!(found, oracle(operations, rising), "{rising:?} {operations:#?}");
        validate(&judgement, |named| {
            let kept: Vec<_> = operations.iter().filter(|one| named(one.invoked)).cloned().collect();
            check_unique_ids(&kept, rising)
        });
    }
}

/// A server that counts, and may then be spoilt.
fn history(bytes: &[u8], spoil: bool) -> Vec<Generation<u64>> {
    let mut draw = Draw::new(bytes);
    let slots = schedule(&mut draw, 8, 3);
    let mut operations: Vec<Generation<u64>> = slots
        .iter()
        .map(|slot| Generation {
            process: slot.process,
            invoked: slot.invoked,
            completed: slot.completed,
            outcome: slot.outcome,
            id: None,
        })
        .collect();
    for (number, place) in in_effect(&slots).into_iter().enumerate() {
        operations[place].id = Some(number as u64 * 2);
    }
    for _ in 0..if spoil { 1 + draw.below(3) } else { 0 } {
        let place = draw.below(8) as usize;
        let Some(operation) = operations.get_mut(place) else { continue };
        operation.id = Some(draw.below(16));
        if operation.completed.is_some() {
            operation.outcome = outcome(&mut draw);
        }
    }
    operations
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_histories_are_judged_as_the_oracle_judges_them(bytes in vec(any::<u8>(), 0..90)) {
        agree(&history(&bytes, true));
    }

    #[test]
    fn a_counting_server_is_never_invalid(bytes in vec(any::<u8>(), 0..90)) {
        let operations = history(&bytes, false);
        agree(&operations);
        let judgement = check_unique_ids(&operations, Rising::InRealTime);
        prop_assert!(broken(&judgement).is_empty(), "{:#?}", judgement);
    }
}
