//! The rules of leases by example, at their edges: exclusion, beliefs and early losses.

use dsjepsen_checkers::{Checker, LockCall, LockChecker, LockReply, LockRule, RunView, lock_checkers};
use dsjepsen_history::{Gravity, OptionValue, Outcome, Promises, UnknownReason};

use crate::script::{FENCED, LEASES, MS, Script, figure};
use LockRule::{Belief, EarlyLoss, Exclusion, Fencing};

/// Tokens without a guard that looks at them, and no promise of leases: etcd without its fence.
pub(crate) const UNFENCED: Promises = Promises { leases: false, enforcing_guard: false, ..FENCED };

#[test]
fn a_grant_within_a_lease_is_invalid() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((1000, 1010), 1, 1, 2, None);
    assert_eq!(script.violations(Exclusion), 1);
    let judgement = script.judge(Exclusion);
    assert_eq!(figure(&judgement, "holds"), "2");
    assert_eq!(judgement.findings[0].operations, [0, 2]);
}

#[test]
fn locks_do_not_meet() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((10, 15), 1, 2, 2, None);
    for rule in LockRule::ALL {
        assert_eq!(script.violations(rule), 0, "{rule:?}");
    }
}

#[test]
fn a_grant_at_the_end_of_a_lease_touches_and_does_not_overlap() {
    // The lease of 2,000 ms asked for at 0 lasts until 1,990 ms, the slack taken off.
    for (granted_ns, expected) in [(1990 * MS - 1, 1), (1990 * MS, 0), (1990 * MS + 1, 0)] {
        let mut script = Script::new(LEASES);
        script.acquired((0, 5), 0, 1, 1, None);
        let second = script.invoke(1900, 1, LockCall::Acquire { lock: 1, hold: 2 });
        let reply = LockReply::Acquire { token: None, leased_ns: 1900 * MS };
        script.complete_ns(granted_ns, second, Outcome::Ok(reply));
        assert_eq!(script.violations(Exclusion), expected, "granted at {granted_ns}");
    }
}

#[test]
fn order_is_by_index_where_times_are_equal() {
    for (released_first, expected) in [(true, 0), (false, 1)] {
        let mut script = Script::new(LEASES);
        script.acquired((0, 5), 0, 1, 1, None);
        let second = script.invoke(50, 1, LockCall::Acquire { lock: 1, hold: 2 });
        let release = LockCall::Release { lock: 1, hold: 1 };
        if released_first {
            script.invoke(100, 0, release.clone());
        }
        script.grant(100, second, None, 50);
        if !released_first {
            script.invoke(100, 0, release);
        }
        assert_eq!(script.violations(Exclusion), expected, "released first: {released_first}");
        assert_eq!(script.violations(Belief), expected, "released first: {released_first}");
    }
}

#[test]
fn an_indeterminate_or_failed_acquire_is_no_hold() {
    let mut script = Script::new(LEASES);
    let lost = script.invoke(0, 0, LockCall::Acquire { lock: 1, hold: 1 });
    script.info(10, lost);
    let refused = script.invoke(20, 1, LockCall::Acquire { lock: 1, hold: 2 });
    script.fail(30, refused, "held");
    script.invoke(35, 2, LockCall::Acquire { lock: 1, hold: 3 });
    script.acquired((40, 45), 3, 1, 4, None);
    for rule in LockRule::ALL {
        assert_eq!(script.violations(rule), 0, "{rule:?}");
    }
    let acquires = figure(&script.judge(Exclusion), "acquires");
    assert_eq!(acquires, "1 ok, 1 held by another, 0 failed otherwise, 2 indeterminate");
}

#[test]
fn a_hold_ends_when_its_release_is_asked_for_whatever_comes_of_it() {
    for outcome in 0..3 {
        let mut script = Script::new(LEASES);
        script.acquired((0, 5), 0, 1, 1, None);
        let release = script.invoke(100, 0, LockCall::Release { lock: 1, hold: 1 });
        match outcome {
            0 => script.info(150, release),
            1 => script.fail(150, release, "refused"),
            _ => {}
        }
        script.acquired((200, 210), 1, 1, 2, None);
        assert_eq!(script.violations(Exclusion), 0, "outcome {outcome}");
    }
}

#[test]
fn a_renewal_counts_from_its_sending_however_late_its_answer() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    let renewal = script.invoke(1000, 0, LockCall::Renew { lock: 1, hold: 1 });
    // After 2,990 ms the renewed lease may have ended; before, it may not, though the answer came after the second grant.
    let second = script.invoke(2500, 1, LockCall::Acquire { lock: 1, hold: 2 });
    script.grant(2989, second, None, 2500);
    script.ok(4000, renewal);
    assert_eq!(script.violations(Exclusion), 1);
    assert_eq!(script.judge(Exclusion).findings[0].operations, [0, 2, 3]);

    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.renewed((1000, 2600), 0, 1, 1);
    script.acquired((2985, 2990), 1, 1, 2, None);
    assert_eq!(script.violations(Exclusion), 0);
}

#[test]
fn a_renewal_in_doubt_proves_nothing() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    let renewal = script.invoke(1500, 0, LockCall::Renew { lock: 1, hold: 1 });
    script.info(1900, renewal);
    script.acquired((2000, 2010), 1, 1, 2, None);
    assert_eq!(script.violations(Exclusion), 0);
    assert_eq!(script.violations(Belief), 1);
}

#[test]
fn a_renewal_sent_after_the_release_extends_nothing() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    // The lease may have ended at 1,990 ms, the second client came at 2,000 ms; the release at 2,500 ms was late.
    script.acquired((2000, 2005), 1, 1, 2, None);
    let release = script.invoke(2500, 0, LockCall::Release { lock: 1, hold: 1 });
    script.renewed((2501, 2502), 0, 1, 1);
    script.ok(2510, release);
    assert_eq!(script.violations(Exclusion), 0);
    // Sent before the release, it does: the service says itself that the lease never ended.
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((2000, 2005), 1, 1, 2, None);
    let renewal = script.invoke(2499, 0, LockCall::Renew { lock: 1, hold: 1 });
    script.invoke(2500, 0, LockCall::Release { lock: 1, hold: 1 });
    script.ok(2510, renewal);
    assert_eq!(script.violations(Exclusion), 1);
}

#[test]
fn a_grant_later_than_its_own_lease_is_counted_and_no_violation() {
    let mut script = Script::new(LEASES);
    let slow = script.invoke(0, 0, LockCall::Acquire { lock: 1, hold: 1 });
    script.acquired((1995, 2000), 1, 1, 2, None);
    script.grant(2100, slow, None, 0);
    assert_eq!(script.violations(Exclusion), 0);
    assert_eq!(figure(&script.judge(Exclusion), "grants later than their lease"), "1");
}

#[test]
fn a_waiter_that_renews_holds_from_its_grant() {
    let mut script = Script::new(LEASES);
    let waiter = script.invoke(0, 0, LockCall::Acquire { lock: 1, hold: 1 });
    script.renewed((1800, 1805), 0, 1, 1);
    script.grant(2100, waiter, None, 0);
    script.acquired((2200, 2210), 1, 1, 2, None);
    assert_eq!(script.violations(Exclusion), 1);
    assert_eq!(figure(&script.judge(Exclusion), "grants later than their lease"), "0");
}

#[test]
fn a_hold_outlives_the_process_that_acquired_it() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    let write = script.invoke(50, 0, LockCall::Write { lock: 1, hold: 1, token: None });
    script.info(100, write);
    // The worker goes on as process 5: its renewal extends, and its release ends, the same hold.
    script.renewed((1500, 1505), 5, 1, 1);
    script.released((3000, 3005), 5, 1, 1);
    script.acquired((3100, 3110), 1, 1, 2, None);
    assert_eq!(script.violations(Exclusion), 0);
    assert_eq!(script.violations(Belief), 0);
}

#[test]
fn clock_rate_error_shortens_leases() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((1900, 1980), 1, 1, 2, None);
    let run = RunView { history: &script.history, plan: &script.plan, interrupted: false };
    assert_eq!(LockChecker::new(Exclusion).check(&run).verdict, Gravity::Invalid);
    let tolerant = LockChecker::new(Exclusion).with_clock_rate_error(5000);
    assert_eq!(tolerant.check(&run).verdict, Gravity::Valid, "0.5 % of 2 s are 10 ms");
    let strict = LockChecker::new(Exclusion).with_clock_rate_error(4999);
    assert_eq!(strict.check(&run).verdict, Gravity::Invalid);
}

#[test]
fn where_clocks_may_have_ended_a_lease_at_once_nothing_is_said_of_leases() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((100, 180), 1, 1, 2, None);
    let run = RunView { history: &script.history, plan: &script.plan, interrupted: false };
    for (rule, verdict) in [(Exclusion, Gravity::Unknown), (EarlyLoss, Gravity::Unknown), (Fencing, Gravity::Valid)] {
        let judged = LockChecker::new(rule).with_clock_rate_error(1_000_000).check(&run);
        assert_eq!(judged.verdict, verdict, "{rule:?}");
    }
    assert_eq!(LockChecker::new(Exclusion).with_clock_rate_error(900_000).check(&run).verdict, Gravity::Invalid);
}

#[test]
fn without_promised_leases_a_target_with_tokens_is_judged_by_its_tokens() {
    let mut script = Script::new(UNFENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    script.not_renewed((600, 610), 0, 1, 1);
    script.acquired((1000, 1010), 1, 1, 2, Some(2));
    assert_eq!(script.violations(Exclusion), 0);
    assert_eq!(figure(&script.judge(Exclusion), "definite hold overlaps"), "1");
    assert_eq!(script.violations(EarlyLoss), 0);
    assert_eq!(figure(&script.judge(EarlyLoss), "holds lost before their lease could end"), "1");
    assert!(script.judge(EarlyLoss).assumptions.iter().any(|text| text.starts_with("Figure only")));
    script.plan.promises = Promises::default();
    assert_eq!(script.violations(Exclusion), 1, "nothing else excludes");
}

#[test]
fn a_naive_client_believes_until_it_releases_or_is_told() {
    let outlived = |told: bool| {
        let mut script = Script::new(LEASES);
        script.acquired((0, 5), 0, 1, 1, None);
        if told {
            script.not_renewed((1995, 2000), 0, 1, 1);
        }
        script.acquired((2100, 2110), 1, 1, 2, None);
        script.wrote((2200, 2205), (0, 1, 1), None, (1, true));
        script.released((2300, 2305), 0, 1, 1);
        script
    };
    let script = outlived(false);
    assert_eq!(script.violations(Belief), 1);
    assert_eq!(script.violations(Exclusion), 0);
    let finding = &script.judge(Belief).findings[0];
    assert_eq!(
        finding.sentence,
        "Two clients believed at the same time that they held lock 1, for 190 ms: the lease of process 0 had run out 120 ms \
         before."
    );
    assert!(finding.detail.starts_with("A hazard of the client"), "{}", finding.detail);
    assert_eq!(figure(&script.judge(Belief), "holds that outlived their lease"), "1");
    assert_eq!(outlived(true).violations(Belief), 0);
}

#[test]
fn an_open_hold_is_believed_in_to_the_end() {
    let mut script = Script::new(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((9000, 9010), 1, 1, 2, None);
    script.released((9100, 9105), 1, 1, 2);
    assert_eq!(script.violations(Belief), 1);
    assert_eq!(figure(&script.judge(Belief), "longest belief overlap"), "90 ms");
}

#[test]
fn what_a_waiter_was_told_before_its_grant_does_not_shake_its_belief() {
    let mut script = Script::new(Promises::default());
    let waiter = script.invoke(0, 0, LockCall::Acquire { lock: 1, hold: 1 });
    script.not_renewed((2100, 2105), 0, 1, 1);
    script.grant(3000, waiter, None, 0);
    script.acquired((3100, 3110), 1, 1, 2, None);
    assert_eq!(script.violations(Exclusion), 0);
    assert_eq!(script.violations(Belief), 1, "a granted lock is believed in");
}

#[test]
fn a_careful_client_believes_no_longer_than_its_lease() {
    let mut script = Script::careful(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((2100, 2110), 1, 1, 2, None);
    script.released((2300, 2305), 0, 1, 1);
    assert_eq!(script.violations(Belief), 0);
    assert_eq!(figure(&script.judge(Belief), "holds that outlived their lease"), "0", "a release is not a write");
    let mut script = Script::careful(LEASES);
    script.acquired((0, 5), 0, 1, 1, None);
    script.acquired((1900, 1910), 1, 1, 2, None);
    assert_eq!(script.violations(Belief), 1);
    assert!(script.judge(Belief).findings[0].detail.starts_with("A fault of ttl-lock"));
}

#[test]
fn behind_tokens_and_a_guard_beliefs_are_a_figure() {
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    script.acquired((2100, 2110), 1, 1, 2, Some(2));
    assert_eq!(script.violations(Belief), 0);
    assert_eq!(figure(&script.judge(Belief), "belief overlaps"), "1");
    for promises in [LEASES, UNFENCED, Promises { fencing_tokens: false, ..FENCED }] {
        script.plan.promises = promises;
        assert_eq!(script.violations(Belief), 1);
    }
}

#[test]
fn a_loss_before_the_lease_could_end_is_early() {
    for (told, expected) in [(1989, 1), (1990, 0), (1995, 0)] {
        let mut script = Script::new(FENCED);
        script.acquired((0, 5), 0, 1, 1, Some(1));
        script.not_renewed((1500, told), 0, 1, 1);
        assert_eq!(script.violations(EarlyLoss), expected, "renewal told at {told}");

        let mut script = Script::new(FENCED);
        script.acquired((0, 5), 0, 1, 1, Some(1));
        let release = script.invoke(1500, 0, LockCall::Release { lock: 1, hold: 1 });
        script.fail(told, release, "not-held: gone");
        assert_eq!(script.violations(EarlyLoss), expected, "release told at {told}");
    }
}

#[test]
fn an_acknowledged_renewal_prolongs_the_promise_and_one_in_flight_does_not() {
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    script.renewed((1000, 1010), 0, 1, 1);
    script.not_renewed((2500, 2600), 0, 1, 1);
    assert_eq!(script.violations(EarlyLoss), 1);
    assert_eq!(script.judge(EarlyLoss).findings[0].operations, [0, 2, 4]);

    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    let renewal = script.invoke(1000, 0, LockCall::Renew { lock: 1, hold: 1 });
    let release = script.invoke(2500, 0, LockCall::Release { lock: 1, hold: 1 });
    script.ok(2510, renewal);
    script.fail(2600, release, "not-held");
    assert_eq!(script.violations(EarlyLoss), 0, "the release may have been judged before the renewal");
}

#[test]
fn our_own_release_explains_a_loss() {
    for (released, expected) in [(550, 0), (650, 1)] {
        let mut script = Script::new(FENCED);
        script.acquired((0, 5), 0, 1, 1, Some(1));
        let renewal = script.invoke(500, 0, LockCall::Renew { lock: 1, hold: 1 });
        if released == 550 {
            script.invoke(550, 0, LockCall::Release { lock: 1, hold: 1 });
        }
        script.fail(600, renewal, "not-held");
        if released == 650 {
            script.invoke(650, 0, LockCall::Release { lock: 1, hold: 1 });
        }
        assert_eq!(script.violations(EarlyLoss), expected, "released at {released}");
    }
    // A release that is asked for again may find the work of the first.
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    let first = script.invoke(500, 0, LockCall::Release { lock: 1, hold: 1 });
    script.info(600, first);
    let again = script.invoke(700, 5, LockCall::Release { lock: 1, hold: 1 });
    script.fail(710, again, "not-held");
    assert_eq!(script.violations(EarlyLoss), 0);
}

#[test]
fn other_failures_are_no_loss() {
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    let renewal = script.invoke(500, 0, LockCall::Renew { lock: 1, hold: 1 });
    script.fail(510, renewal, "refused: connection refused");
    let write = script.invoke(520, 0, LockCall::Write { lock: 1, hold: 1, token: Some(1) });
    script.fail(530, write, "not-held");
    assert_eq!(script.violations(EarlyLoss), 0);
}

#[test]
fn a_hold_number_granted_twice_cannot_be_judged() {
    let mut script = Script::new(FENCED);
    script.acquired((0, 5), 0, 1, 1, Some(1));
    script.acquired((10, 15), 1, 1, 1, Some(2));
    let judgement = script.judge(Exclusion);
    assert_eq!(judgement.verdict, Gravity::Unknown);
    assert_eq!(judgement.findings[0].reason, Some(UnknownReason::CheckerError));
    assert!(judgement.findings[0].sentence.contains("Operations 0 and 2"));
}

#[test]
fn every_figure_is_named_once() {
    let mut script = Script::new(FENCED);
    script.plan.options.0.insert("lease-ttl-ms".to_owned(), OptionValue::Number(2000));
    script.acquired((0, 5), 0, 1, 1, Some(1));
    let run = RunView { history: &script.history, plan: &script.plan, interrupted: false };
    let checkers = lock_checkers(0);
    let judgements: Vec<_> = checkers.iter().map(|checker| checker.check(&run)).collect();
    let names: Vec<_> = checkers.iter().map(|checker| checker.name()).collect();
    assert_eq!(names, LockRule::ALL.map(LockRule::id));
    let mut figures: Vec<_> =
        judgements.iter().flat_map(|judgement| &judgement.figures).map(|figure| &figure.name).collect();
    for wanted in [
        "holds",
        "holds that outlived their lease",
        "stale writes refused",
        "stale writes accepted",
        "belief overlaps",
        "grants later than their lease",
    ] {
        assert!(figures.iter().any(|name| **name == wanted), "{wanted}");
    }
    let all = figures.len();
    figures.sort();
    figures.dedup();
    assert_eq!(figures.len(), all);
}

#[test]
fn calls_and_replies_keep_their_form_on_disk() {
    let write = LockCall::Write { lock: 2, hold: 7, token: Some(9) };
    let text = serde_json::to_string(&write).unwrap();
    assert_eq!(text, r#"{"f":"write","value":{"lock":2,"hold":7,"token":9}}"#);
    assert_eq!(serde_json::from_str::<LockCall>(&text).unwrap(), write);
    assert_eq!(serde_json::to_string(&LockReply::Renew).unwrap(), r#"{"f":"renew"}"#);
    let granted = LockReply::Acquire { token: None, leased_ns: 5 };
    let text = serde_json::to_string(&granted).unwrap();
    assert_eq!(text, r#"{"f":"acquire","value":{"token":null,"leased_ns":5}}"#);
    assert_eq!(serde_json::from_str::<LockReply>(&text).unwrap(), granted);
}
