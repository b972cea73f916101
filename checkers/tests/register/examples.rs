//! Registers by example: what is allowed, what is not, what cannot be said.

use dsjepsen_checkers::{RegisterCall, RegisterChecker, RegisterReply};
use dsjepsen_history::{Gravity, Moment, UnknownReason};

use crate::script::{Script, cas, figure, write};

#[track_caller]
fn valid(script: &Script) {
    let judgement = script.judge();
    assert_eq!(judgement.verdict, Gravity::Valid, "{judgement:#?}");
}

#[track_caller]
fn invalid(script: &Script) {
    assert_eq!(script.judge().verdict, Gravity::Invalid);
}

#[test]
fn no_operation_breaks_nothing() {
    valid(&Script::new());
}

#[test]
fn a_register_begins_without_a_value() {
    let mut script = Script::new();
    script.read((1, 2), 0, None);
    script.cas((3, 4), 0, (0, 1), false);
    script.wrote((5, 6), 0, 0);
    script.read((7, 8), 0, Some(0));
    valid(&script);
    script.read((9, 10), 0, None);
    invalid(&script);
}

#[test]
fn concurrent_reads_may_differ_in_one_direction_only() {
    let mut script = Script::new();
    let slow = script.invoke(1, 0, write(7, 31));
    script.read((2, 3), 1, Some(31));
    let older = script.read((4, 5), 2, Some(31));
    script.ok(6, slow, RegisterReply::Write);
    valid(&script);
    let mut operations = script.history.operations.clone();
    operations[older].outcome = dsjepsen_history::Outcome::Ok(RegisterReply::Read { value: None });
    invalid(&script.with(operations));
}

#[test]
fn an_indeterminate_write_may_take_effect_late_or_never_but_once() {
    let mut script = Script::new();
    let lost = script.invoke(1, 0, write(7, 12));
    script.info(2, lost);
    script.wrote((3, 4), 1, 31);
    script.read((5, 6), 1, Some(31));
    valid(&script);
    script.read((7, 8), 2, Some(12));
    valid(&script);
    script.wrote((9, 10), 1, 40);
    script.read((11, 12), 2, Some(40));
    valid(&script);
    script.read((13, 14), 2, Some(12));
    invalid(&script);
}

#[test]
fn a_failed_operation_never_takes_effect() {
    let mut script = Script::new();
    let failed = script.invoke(1, 0, write(7, 12));
    script.fail(2, failed);
    script.read((3, 4), 1, None);
    valid(&script);
    script.read((5, 6), 1, Some(12));
    invalid(&script);
}

/// The one case in which an indeterminate write that nobody read is needed: it explains why a cas did not find the value.
#[test]
fn an_unread_indeterminate_write_may_explain_a_mismatch() {
    let mut script = Script::new();
    script.wrote((1, 2), 0, 1);
    let lost = script.invoke(3, 1, write(7, 2));
    script.info(4, lost);
    script.cas((5, 6), 0, (1, 3), false);
    valid(&script);
    let mut without = script.history.operations.clone();
    without.remove(lost);
    invalid(&script.with(without));
}

/// A lost write that only a lost cas builds on, whose value was read.
#[test]
fn a_chain_of_indeterminate_operations_may_be_seen_at_its_end() {
    let mut script = Script::new();
    let first = script.invoke(1, 0, write(7, 1));
    script.info(2, first);
    let second = script.invoke(3, 1, cas(7, 1, 2));
    script.info(4, second);
    script.read((5, 6), 2, Some(2));
    valid(&script);
    let mut without = script.history.operations.clone();
    without.remove(first);
    invalid(&script.with(without));
}

#[test]
fn a_value_is_swapped_once() {
    let mut script = Script::new();
    script.wrote((1, 2), 0, 12);
    let one = script.invoke(3, 1, cas(7, 12, 31));
    let other = script.invoke(3, 2, cas(7, 12, 44));
    script.ok(5, one, RegisterReply::Cas { swapped: true });
    valid(&script);
    script.ok(6, other, RegisterReply::Cas { swapped: true });
    invalid(&script);
}

#[test]
fn keys_are_apart() {
    let mut script = Script::new();
    script.wrote((1, 2), 0, 12);
    let other = script.invoke(3, 0, RegisterCall::Read { key: 8 });
    script.ok(4, other, RegisterReply::Read { value: None });
    valid(&script);
}

#[test]
fn reads_are_judged_only_where_they_are_promised_to_be_linearizable() {
    let mut script = Script::new();
    script.wrote((1, 2), 0, 12);
    script.wrote((3, 4), 0, 31);
    script.read((5, 6), 1, Some(12));
    invalid(&script);
    script.plan.promises.linearizable_reads = false;
    valid(&script);
    assert_eq!(figure(&script.judge(), "reads left out"), "1");
    script.cas((7, 8), 1, (12, 40), true);
    invalid(&script);
}

#[test]
fn what_is_too_hard_is_unknown_and_hides_no_other_key() {
    let mut script = Script::new();
    let open: Vec<_> = (0..12).map(|process| script.invoke(1, process, write(7, u64::from(process % 6)))).collect();
    for reader in (0..12).rev() {
        script.read((2, 2), 20 + reader, Some(u64::from(reader % 6)));
    }
    script.read((4, 5), 40, Some(5));
    for operation in open {
        script.ok(6, operation, RegisterReply::Write);
    }
    let judgement = script.judge_by(RegisterChecker::new().with_budget(10));
    assert_eq!(judgement.verdict, Gravity::Unknown);
    let finding = &judgement.findings[0];
    assert_eq!(finding.reason, Some(UnknownReason::Memory));
    let sentence = "Key 7 is undecided: the search over its 25 operations (0 without an answer) was given up.";
    assert_eq!(finding.sentence, sentence);
    assert_eq!(figure(&judgement, "configurations searched"), "10 of at most 10");

    let lie = script.invoke(7, 50, RegisterCall::Read { key: 6 });
    script.ok(8, lie, RegisterReply::Read { value: Some(1) });
    let judgement = script.judge_by(RegisterChecker::new().with_budget(10));
    assert_eq!(judgement.verdict, Gravity::Invalid);
    assert_eq!(judgement.findings.len(), 2);
    invalid(&script);
}

#[test]
fn a_history_that_cannot_be_is_no_panic() {
    let mut script = Script::new();
    let read = script.invoke(1, 0, RegisterCall::Read { key: 7 });
    script.ok(2, read, RegisterReply::Write);
    let judgement = script.judge();
    assert_eq!(judgement.findings[0].reason, Some(UnknownReason::CheckerError));

    let mut script = Script::new();
    script.wrote((1, 2), 0, 12);
    script.history.operations[0].completed = Some(Moment { index: 0, time: 0 });
    assert_eq!(script.judge().findings[0].reason, Some(UnknownReason::CheckerError));

    let mut script = Script::new();
    script.wrote((1, 2), 0, 12);
    script.read((3, 4), 0, Some(12));
    script.history.operations[0].completed = None;
    script.history.operations.reverse();
    valid(&script);
}
