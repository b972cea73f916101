//! Latches.

use dsjepsen_checkers::Outcome;
use dsjepsen_checkers::barrier::{CountDown, LatchWait, check_latch};
use dsjepsen_history::{Gravity, Index, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::{Draw, in_effect, outcome, schedule};
use crate::fuzz;
use crate::linear::{Span, linearizable};
use crate::witness::{broken, validate};

fn down(invoked: Index, completed: Index, amount: u32) -> CountDown {
    CountDown { invoked, completed: Some(completed), outcome: Outcome::Ok, amount }
}

fn wait(invoked: Index, completed: Index, open: bool) -> LatchWait {
    LatchWait { invoked, completed: Some(completed), outcome: Outcome::Ok, open }
}

#[test]
fn nobody_passes_before_the_count_is_reached() {
    let early = check_latch(&[down(1, 2, 1), down(6, 7, 1)], &[wait(3, 5, true)], 2);
    assert_eq!((&*early.findings[0].rule, &*early.findings[0].operations), ("latch.released-early", &[3, 6][..]));
    assert_eq!(early.findings[0].sentence, "A wait was let through when the latch of 2 was counted down by at most 1.");
    assert_eq!(check_latch(&[down(1, 2, 1), down(4, 7, 1)], &[wait(3, 5, true)], 2).verdict, Gravity::Valid);
    let info = CountDown { completed: None, outcome: Outcome::Info, ..down(2, 3, 1) };
    assert_eq!(check_latch(&[down(1, 4, 1), info], &[wait(5, 6, true)], 2).verdict, Gravity::Valid);
}

#[test]
fn an_open_latch_stays_open() {
    let late = check_latch(&[down(1, 2, 2)], &[wait(3, 4, false)], 2);
    assert_eq!((&*late.findings[0].rule, &*late.findings[0].operations), ("latch.not-released", &[1, 3][..]));
    let info = CountDown { completed: None, outcome: Outcome::Info, ..down(1, 3, 2) };
    let again = check_latch(&[info], &[wait(2, 5, true), wait(6, 7, false)], 2);
    assert_eq!((&*again.findings[0].rule, &*again.findings[0].operations), ("latch.closed-again", &[2, 6][..]));
}

#[test]
fn without_an_answer_it_is_unknown() {
    let judgement = check_latch(&[down(1, 2, 2)], &[], 2);
    assert_eq!(judgement.findings[0].reason, Some(UnknownReason::NoObservations));
}

fn agree(downs: &[CountDown], waits: &[LatchWait], count: u64) {
    let judgement = check_latch(downs, waits, count);
    let mut spans: Vec<Span> = downs.iter().map(|one| (one.invoked, one.completed, one.outcome)).collect();
    spans.extend(waits.iter().map(|one| (one.invoked, one.completed, one.outcome)));
    let possible = linearizable(&spans, 0_u64, &|&sum, number| match downs.get(number) {
        Some(down) => Some(sum + u64::from(down.amount)),
        None => (waits[number - downs.len()].open == (sum >= count)).then_some(sum),
    });
    assert_eq!(broken(&judgement).is_empty(), possible, "{downs:#?} {waits:#?} {judgement:#?}");
    validate(&judgement, |named| {
        let kept: Vec<_> = downs.iter().filter(|one| named(one.invoked)).copied().collect();
        let waited: Vec<_> = waits.iter().filter(|one| named(one.invoked)).copied().collect();
        check_latch(&kept, &waited, count)
    });
}

fn history(bytes: &[u8], spoil: bool) -> (Vec<CountDown>, Vec<LatchWait>, u64) {
    let mut draw = Draw::new(bytes);
    let count = draw.below(4);
    let slots = schedule(&mut draw, 8, 4);
    let (mut downs, mut waits) = (Vec::new(), Vec::new());
    let waiter: Vec<bool> = slots.iter().map(|_| draw.one_in(2)).collect();
    let amounts: Vec<u32> = slots.iter().map(|_| 1 + draw.below(2) as u32).collect();
    let mut open = vec![draw.one_in(2); slots.len()];
    let mut sum = 0;
    for place in in_effect(&slots) {
        if waiter[place] { open[place] = sum >= count } else { sum += u64::from(amounts[place]) }
    }
    for (place, slot) in slots.iter().enumerate() {
        let (invoked, completed, mut ended) = (slot.invoked, slot.completed, slot.outcome);
        if spoil && completed.is_some() && draw.one_in(6) {
            ended = outcome(&mut draw);
        }
        if waiter[place] {
            let open = open[place] != (spoil && draw.one_in(6));
            waits.push(LatchWait { invoked, completed, outcome: ended, open });
        } else {
            downs.push(CountDown { invoked, completed, outcome: ended, amount: amounts[place] });
        }
    }
    (downs, waits, count)
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_histories_are_judged_as_the_oracle_judges_them(bytes in vec(any::<u8>(), 0..110)) {
        let (downs, waits, count) = history(&bytes, true);
        agree(&downs, &waits, count);
    }

    #[test]
    fn a_latch_is_never_invalid(bytes in vec(any::<u8>(), 0..110)) {
        let (downs, waits, count) = history(&bytes, false);
        agree(&downs, &waits, count);
        prop_assert!(broken(&check_latch(&downs, &waits, count)).is_empty());
    }
}
