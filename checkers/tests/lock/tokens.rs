//! The rules of tokens by example, at their edges: fencing and stale writes.

use dsjepsen_checkers::{LockCall, LockReply, LockRule};
use dsjepsen_history::{Gravity, Outcome, UnknownReason};

use crate::rules::UNFENCED;
use crate::script::{FENCED, LEASES, MS, Script, figure};
use LockRule::{Fencing, StaleWrite};

#[test]
fn tokens_rise_with_real_time_and_are_distinct() {
    for (tokens, expected) in [((1, 2), 0), ((2, 1), 1), ((2, 2), 1)] {
        let mut script = Script::new(FENCED);
        script.acquired((0, 5), 0, 1, 1, Some(tokens.0));
        script.released((10, 15), 0, 1, 1);
        script.acquired((20, 25), 1, 1, 2, Some(tokens.1));
        assert_eq!(script.violations(Fencing), expected, "{tokens:?}");
    }
    // Asked for before the other had its grant: any order, but no repetition.
    for (token, expected) in [(1, 0), (2, 1), (3, 0)] {
        let mut script = Script::new(FENCED);
        let waiter = script.invoke(0, 1, LockCall::Acquire { lock: 1, hold: 2 });
        script.acquired((1, 5), 0, 1, 1, Some(2));
        script.released((10, 15), 0, 1, 1);
        script.grant(20, waiter, Some(token), 0);
        assert_eq!(script.violations(Fencing), expected, "{token}");
    }
    // Tokens of different locks do not meet.
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, Some(7));
    script.acquired((10, 15), 1, 2, 2, Some(7));
    assert_eq!(script.violations(Fencing), 0);
}

#[test]
fn promised_tokens_that_never_come_are_unknown() {
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, None);
    let judgement = script.judge(Fencing);
    assert_eq!(judgement.verdict, Gravity::Unknown);
    assert_eq!(judgement.findings[0].reason, Some(UnknownReason::NoObservations));
    script.plan.promises = LEASES;
    assert_eq!(script.judge(Fencing).verdict, Gravity::Valid);
}

#[test]
fn an_enforcing_guard_that_lets_an_old_token_pass_is_broken() {
    for (accepted, expected) in [(false, 0), (true, 1)] {
        let mut script = Script::new(FENCED);
        script.acquired((0, 5), 0, 1, 1, Some(1));
        script.acquired((2100, 2105), 1, 1, 2, Some(2));
        script.wrote((2110, 2115), (1, 1, 2), Some(2), (1, true));
        script.wrote((2120, 2125), (0, 1, 1), Some(1), (2, accepted));
        assert_eq!(script.violations(StaleWrite), expected);
        let judgement = script.judge(StaleWrite);
        assert_eq!(figure(&judgement, "stale writes refused"), if accepted { "0" } else { "1" });
        assert_eq!(figure(&judgement, "stale writes accepted"), if accepted { "1" } else { "0" });
    }
}

#[test]
fn the_resource_decides_the_order_of_writes() {
    let mut script = Script::new(UNFENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    script.acquired((2100, 2105), 1, 1, 2, Some(2));
    // Answered late, but it arrived first.
    let old = script.invoke(2110, 0, LockCall::Write { lock: 1, hold: 1, token: Some(1) });
    script.wrote((2111, 2115), (1, 1, 2), Some(2), (2, true));
    let reply = LockReply::Write { position: 1, accepted: true };
    script.complete_ns(2120 * MS, old, Outcome::Ok(reply));
    assert_eq!(script.violations(StaleWrite), 0);
    // A write in doubt counts for nothing, before or after.
    let doubt = script.invoke(2130, 0, LockCall::Write { lock: 1, hold: 1, token: Some(1) });
    script.info(2140, doubt);
    assert_eq!(script.violations(StaleWrite), 0);
    script.wrote((2150, 2155), (0, 1, 1), Some(1), (3, true));
    assert_eq!(script.violations(StaleWrite), 1);
}

#[test]
fn without_tokens_a_hold_is_newer_if_it_was_asked_for_after_the_other_was_granted() {
    // The second client asks after, waits since before but takes its lease after, or takes both before the first grant.
    for (asked, leased, expected) in [(6, 6, 1), (1, 6, 1), (1, 5, 0), (1, 1, 0)] {
        let mut script = Script::new(LEASES);
        let first = script.invoke(0, 0, LockCall::Acquire { lock: 1, hold: 1 });
        let early = (asked < 5).then(|| script.invoke(asked, 1, LockCall::Acquire { lock: 1, hold: 2 }));
        script.grant(5, first, None, 0);
        let second = early.unwrap_or_else(|| script.invoke(asked, 1, LockCall::Acquire { lock: 1, hold: 2 }));
        script.grant(20, second, None, leased);
        script.wrote((30, 31), (1, 1, 2), None, (1, true));
        script.wrote((40, 41), (0, 1, 1), None, (2, true));
        assert_eq!(script.violations(StaleWrite), expected, "asked {asked}, leased {leased}");
    }
}

#[test]
fn tokens_that_nobody_promised_do_not_order_holds() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, Some(9));
    script.released((6, 7), 0, 1, 1);
    script.acquired((10, 15), 1, 1, 2, Some(3));
    script.wrote((16, 17), (0, 1, 1), Some(9), (1, true));
    script.wrote((20, 21), (1, 1, 2), Some(3), (2, true));
    assert_eq!(script.violations(StaleWrite), 0);
    script.plan.promises.fencing_tokens = true;
    assert_eq!(script.violations(StaleWrite), 1);
}
