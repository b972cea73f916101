//! Agreement.

use std::collections::BTreeSet;

use dsjepsen_checkers::Outcome;
use dsjepsen_checkers::agreement::{AgreementOptions, Decision, Proposal, check_agreement};
use dsjepsen_history::{Gravity, Index, Judgement, Process, UnknownReason};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::draw::{Draw, in_effect, outcome, schedule};
use crate::fuzz;
use crate::witness::{broken, validate};

const ALL: AgreementOptions = AgreementOptions { in_order: true, once: true, real_time: true };

fn proposed(invoked: Index, completed: Index, value: u64, slot: u64) -> Proposal<u64> {
    let completed = Some(completed);
    Proposal { process: Process(0), invoked, completed, outcome: Outcome::Ok, value, slot: Some(slot) }
}

fn decided(observer: u32, at: Index, slot: u64, value: u64) -> Decision<u64> {
    Decision { observer, at, slot, value }
}

#[track_caller]
fn only(judgement: &Judgement, rule: &str, operations: &[Index]) {
    assert_eq!(judgement.findings.len(), 1, "{judgement:#?}");
    assert_eq!((&*judgement.findings[0].rule, &*judgement.findings[0].operations), (rule, operations));
}

#[test]
fn a_slot_holds_one_value() {
    let proposals = [proposed(1, 10, 5, 0), proposed(2, 11, 6, 1)];
    let judgement =
        check_agreement(&proposals, &[decided(0, 20, 0, 5), decided(1, 21, 0, 6)], AgreementOptions::default());
    only(&judgement, "agreement.different-decisions", &[1, 21]);
    assert_eq!(judgement.findings[0].sentence, "Slot 0 was decided twice: as 5 and as 6.");
}

#[test]
fn only_what_was_proposed_is_decided() {
    let options = AgreementOptions::default();
    only(&check_agreement(&[], &[decided(0, 3, 0, 5)], options), "agreement.not-proposed", &[3]);
    let later = Proposal { outcome: Outcome::Info, ..proposed(4, 9, 5, 0) };
    only(&check_agreement(&[later], &[decided(0, 3, 0, 5)], options), "agreement.not-proposed", &[3, 4]);
    let failed = Proposal { outcome: Outcome::Fail, ..proposed(1, 2, 5, 0) };
    only(&check_agreement(&[failed], &[decided(0, 3, 0, 5)], options), "agreement.not-proposed", &[1, 3]);
    let info = Proposal { outcome: Outcome::Info, completed: None, slot: None, ..proposed(1, 2, 5, 0) };
    assert_eq!(check_agreement(&[info], &[decided(0, 3, 0, 5)], options).verdict, Gravity::Valid);
}

#[test]
fn logs_have_no_gap_and_repeat_nothing_where_that_is_promised() {
    let proposals = [proposed(1, 10, 5, 0), proposed(2, 11, 6, 1), proposed(3, 12, 7, 2)];
    let gap = [decided(0, 20, 0, 5), decided(0, 21, 2, 7)];
    only(&check_agreement(&proposals, &gap, ALL), "agreement.out-of-order", &[20, 21]);
    assert_eq!(check_agreement(&proposals, &gap, AgreementOptions { in_order: false, ..ALL }).verdict, Gravity::Valid);
    let again = [decided(0, 20, 2, 7), decided(0, 21, 3, 5)];
    only(&check_agreement(&proposals, &again, ALL), "agreement.repeated", &[1, 21]);
    let twice = [proposals[0].clone(), Proposal { outcome: Outcome::Info, slot: None, ..proposed(4, 13, 5, 9) }];
    assert_eq!(check_agreement(&twice, &[decided(0, 20, 3, 5)], ALL).verdict, Gravity::Valid);
}

#[test]
fn slots_rise_with_real_time_where_that_is_promised() {
    let proposals = [proposed(1, 2, 5, 4), proposed(3, 4, 6, 1)];
    only(&check_agreement(&proposals, &[], ALL), "agreement.real-time", &[1, 3]);
    assert_eq!(check_agreement(&proposals, &[], AgreementOptions::default()).verdict, Gravity::Valid);
    let overlapping = [proposed(1, 4, 5, 4), proposed(3, 5, 6, 1)];
    assert_eq!(check_agreement(&overlapping, &[], ALL).verdict, Gravity::Valid);
}

#[test]
fn no_decision_is_unknown() {
    let unanswered = [Proposal { slot: None, ..proposed(1, 2, 5, 0) }];
    let judgement = check_agreement(&unanswered, &[], ALL);
    assert_eq!(judgement.findings[0].reason, Some(UnknownReason::NoObservations));
}

fn oracle(proposals: &[Proposal<u64>], decisions: &[Decision<u64>]) -> BTreeSet<&'static str> {
    let mut seen: Vec<(u64, u64, Index)> = decisions.iter().map(|one| (one.slot, one.value, one.at)).collect();
    for one in proposals.iter().filter(|one| one.outcome == Outcome::Ok) {
        seen.extend(one.slot.map(|slot| (slot, one.value, one.completed.unwrap())));
    }
    let mut rules = BTreeSet::new();
    for &(slot, value, at) in &seen {
        let possible = proposals.iter().filter(|one| one.value == value && one.outcome != Outcome::Fail);
        if !possible.clone().any(|one| one.invoked < at) {
            rules.insert("agreement.not-proposed");
        }
        if seen.iter().any(|&other| other.0 == slot && other.1 != value) {
            rules.insert("agreement.different-decisions");
        }
        let slots: BTreeSet<u64> = seen.iter().filter(|other| other.1 == value).map(|other| other.0).collect();
        if slots.len() > 1.max(possible.count()) {
            rules.insert("agreement.repeated");
        }
    }
    for one in decisions {
        let before = decisions.iter().filter(|other| other.observer == one.observer && other.at < one.at);
        if before.max_by_key(|other| other.at).is_some_and(|before| before.slot + 1 != one.slot) {
            rules.insert("agreement.out-of-order");
        }
    }
    let acknowledged = || proposals.iter().filter(|one| one.outcome == Outcome::Ok && one.slot.is_some());
    for (one, other) in acknowledged().flat_map(|one| acknowledged().map(move |other| (one, other))) {
        if one.completed < Some(other.invoked) && one.slot > other.slot {
            rules.insert("agreement.real-time");
        }
    }
    rules
}

fn agree(proposals: &[Proposal<u64>], decisions: &[Decision<u64>]) {
    let judgement = check_agreement(proposals, decisions, ALL);
    assert_eq!(broken(&judgement), oracle(proposals, decisions), "{proposals:#?} {decisions:#?}");
    validate(&judgement, |named| {
        let kept: Vec<_> = proposals.iter().filter(|one| named(one.invoked)).cloned().collect();
        let seen: Vec<_> = decisions.iter().filter(|one| named(one.at)).cloned().collect();
        check_agreement(&kept, &seen, ALL)
    });
}

/// Proposals go to a log in the order in which they take effect; two observers apply it from where they begin.
fn history(bytes: &[u8], spoil: bool) -> (Vec<Proposal<u64>>, Vec<Decision<u64>>) {
    let mut draw = Draw::new(bytes);
    let slots = schedule(&mut draw, 5, 3);
    let mut proposals: Vec<Proposal<u64>> = slots
        .iter()
        .enumerate()
        .map(|(number, one)| Proposal {
            process: one.process,
            invoked: one.invoked * 8,
            completed: one.completed.map(|at| at * 8),
            outcome: one.outcome,
            value: number as u64,
            slot: None,
        })
        .collect();
    let mut decisions = Vec::new();
    let begin = [draw.below(3), draw.below(3)];
    let mut last = [0, 0];
    for (slot, place) in in_effect(&slots).into_iter().enumerate() {
        let (slot, value) = (slot as u64, proposals[place].value);
        if slots[place].outcome == Outcome::Ok {
            proposals[place].slot = Some(slot).filter(|_| !draw.one_in(4));
        }
        let decided_at = slots[place].effect.unwrap() * 8;
        for observer in 0..2_u32 {
            if slot >= begin[observer as usize] && decisions.len() < 6 {
                // Applied some time after it was decided, in order, each at an index of its own.
                let at =
                    (last[observer as usize] + 8).max(decided_at + 8 * draw.below(6)) / 8 * 8 + 1 + u64::from(observer);
                last[observer as usize] = at;
                decisions.push(Decision { observer, at, slot, value });
            }
        }
    }
    for _ in 0..if spoil { 1 + draw.below(3) } else { 0 } {
        let place = draw.below(6) as usize;
        match (draw.below(5), decisions.get_mut(place), proposals.get_mut(place)) {
            (0, Some(decision), _) => decision.value = draw.below(6),
            (1, Some(decision), _) => decision.slot = draw.below(5),
            (2, _, Some(proposal)) => proposal.slot = Some(draw.below(5)),
            (3, _, Some(proposal)) => proposal.value = draw.below(5),
            (4, _, Some(proposal)) if proposal.completed.is_some() => proposal.outcome = outcome(&mut draw),
            _ => {}
        }
    }
    (proposals, decisions)
}

proptest! {
    #![proptest_config(fuzz::config())]

    #[test]
    fn random_histories_are_judged_as_the_oracle_judges_them(bytes in vec(any::<u8>(), 0..90)) {
        let (proposals, decisions) = history(&bytes, true);
        agree(&proposals, &decisions);
    }

    #[test]
    fn a_log_of_one_master_is_never_invalid(bytes in vec(any::<u8>(), 0..90)) {
        let (proposals, decisions) = history(&bytes, false);
        agree(&proposals, &decisions);
        let judgement = check_agreement(&proposals, &decisions, ALL);
        prop_assert!(broken(&judgement).is_empty(), "{:#?}", judgement);
    }
}
