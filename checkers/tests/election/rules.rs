//! The rules by example, at their edges.

use dsjepsen_checkers::{ElectionRule, election_checkers};
use dsjepsen_history::{Gravity, Outcome, Reason, UnknownReason};

use crate::script::{Script, View, figure, follows, leads};
use ElectionRule::{Liveness, Overlap, StaleLeader, TermRegression, TwoLeadersInTerm};

fn reason(script: &Script, rule: ElectionRule) -> Option<UnknownReason> {
    let judgement = script.judge(rule);
    assert_ne!(judgement.verdict, Gravity::Invalid);
    judgement.findings.first().and_then(|finding| finding.reason)
}

/// Without terms, as a node that counts its starts and leaderships tells it.
fn counts(node: usize, incarnation: u64, since: u64) -> View {
    View { term: None, claims: vec![], since: Some(since), ..leads(node, incarnation, 0) }
}

#[test]
fn one_node_may_claim_its_term_for_ever_and_another_may_not_once() {
    let mut script = Script::new(false);
    for ms in [0, 10, 20] {
        script.polled((ms, ms + 1), 1, leads(1, 1, 3));
    }
    script.polled((30, 31), 2, leads(2, 1, 4));
    assert_eq!(script.violations(TwoLeadersInTerm), 0);
    // A claim of the past counts like one of now.
    let past = View { claims: vec![3], ..follows(Some(2), 1, 4) };
    script.polled((40, 41), 3, past);
    assert_eq!(script.violations(TwoLeadersInTerm), 1);
    assert_eq!(script.judge(TwoLeadersInTerm).findings[0].operations, [0, 8]);
}

#[test]
fn to_name_a_leader_or_to_believe_is_no_claim() {
    let mut script = Script::new(false);
    script.polled((0, 1), 1, leads(1, 1, 3));
    script.polled((2, 3), 2, follows(Some(2), 1, 3));
    script.polled((4, 5), 3, View { claims: vec![], ..leads(3, 1, 3) });
    let lost = script.ask(6, 4);
    script.complete(7, lost, Outcome::Fail(Reason::new("timeout")));
    script.ask(8, 5);
    assert_eq!(script.violations(TwoLeadersInTerm), 0);
}

#[test]
fn a_target_without_terms_is_not_judged_by_them_and_says_so() {
    let mut script = Script::new(true);
    script.polled((0, 1), 1, counts(1, 1, 1));
    script.polled((2, 3), 1, counts(1, 1, 1));
    for rule in [TwoLeadersInTerm, TermRegression] {
        let judgement = script.judge(rule);
        assert_eq!(judgement.verdict, Gravity::Valid);
        assert!(judgement.assumptions.contains(&"Not judged: the target has no terms.".to_owned()), "{judgement:#?}");
    }
}

#[test]
fn terms_of_which_nobody_leads_one_are_unknown_and_leaders_who_cannot_claim_are_not_judged() {
    let mut script = Script::new(false);
    script.polled((0, 1), 1, follows(Some(2), 1, 3));
    assert_eq!(reason(&script, TwoLeadersInTerm), Some(UnknownReason::NoObservations));
    script.polled((2, 3), 2, View { claims: vec![], ..leads(2, 1, 3) });
    let judgement = script.judge(TwoLeadersInTerm);
    assert_eq!(judgement.verdict, Gravity::Valid);
    assert!(judgement.assumptions.iter().any(|text| text.starts_with("Not judged")), "{judgement:#?}");
}

#[test]
fn a_term_may_fall_only_between_polls_that_overlap_in_time() {
    let mut script = Script::new(false);
    let slow = script.ask(0, 1);
    script.polled((1, 2), 1, follows(None, 1, 7));
    script.answer(3, slow, follows(None, 1, 6));
    script.polled((4, 5), 2, follows(None, 1, 1));
    assert_eq!(script.violations(TermRegression), 0);
    // Asked after the answer, though at the same millisecond.
    script.polled((5, 6), 1, follows(None, 2, 7));
    script.polled((6, 7), 1, follows(None, 2, 6));
    assert_eq!(script.violations(TermRegression), 1);
    assert_eq!(script.judge(TermRegression).findings[0].operations, [6, 8], "the last poll that told the larger term");
}

#[test]
fn leaderships_overlap_only_where_both_are_proven() {
    // n1 led from 1 to 10 ms at least; n2 from when on?
    for (answered, expected) in [(9, 1), (11, 0)] {
        let mut script = Script::new(true);
        script.polled((0, 1), 1, counts(1, 1, 1));
        let second = script.ask(2, 2);
        let last = if answered == 9 {
            script.answer(9, second, counts(2, 1, 1));
            script.ask(10, 1)
        } else {
            let last = script.ask(10, 1);
            script.answer(11, second, counts(2, 1, 1));
            last
        };
        script.answer(12, last, counts(1, 1, 1));
        script.polled((20, 21), 2, counts(2, 1, 1));
        assert_eq!(script.violations(Overlap), expected, "answered at {answered}");
        assert_eq!(figure(&script.judge(Overlap), "definite leaderships"), "2");
    }
}

#[test]
fn a_node_that_led_before_and_after_did_not_lead_between() {
    for (incarnation, since) in [(1, 2), (2, 1)] {
        let mut script = Script::new(true);
        script.polled((0, 1), 1, counts(1, 1, 1));
        script.polled((2, 3), 2, counts(2, 1, 1));
        script.polled((4, 5), 2, counts(2, 1, 1));
        script.polled((6, 7), 1, counts(1, incarnation, since));
        assert_eq!(script.violations(Overlap), 0);
    }
}

#[test]
fn overlaps_without_counts_or_without_a_promise_are_figures() {
    let views: [fn(usize) -> View; 3] = [
        |node| View { incarnation: None, ..counts(node, 1, 1) },
        |node| View { since: None, ..counts(node, 1, 1) },
        |node| counts(node, 1, 1),
    ];
    for (case, view) in views.into_iter().enumerate() {
        let counted = case == 2;
        let mut script = Script::new(!counted);
        for ms in [0, 10] {
            script.polled((ms, ms + 1), 1, view(1));
            script.polled((ms + 2, ms + 3), 2, view(2));
        }
        let judgement = script.judge(Overlap);
        let overlaps = figure(&judgement, "definite leaderships that overlap another");
        assert_eq!(overlaps, if counted { "1" } else { "0" });
        if !counted {
            assert_eq!(figure(&judgement, "leaderships that seem to overlap, without proof"), "1");
            assert_eq!(figure(&judgement, "longest overlap without proof"), "7 ms");
        }
        // Promised, and yet never proven either way: that says nothing.
        assert_eq!(reason(&script, Overlap), (!counted).then_some(UnknownReason::NoObservations));
    }
}

#[test]
fn three_leaders_at_once_are_two_overlaps() {
    let mut script = Script::new(true);
    for ms in [0, 100] {
        for node in 1..4 {
            script.polled((ms + node as u64 * 10, ms + node as u64 * 10 + 1), node, counts(node, 1, 1));
        }
    }
    assert_eq!(script.violations(Overlap), 2);
    let judgement = script.judge(Overlap);
    assert_eq!(figure(&judgement, "longest definite overlap"), "89 ms");
    assert_eq!(judgement.findings[0].operations, [0, 2, 6, 8], "n1 and n2, though n3 met them too");
}

#[test]
fn an_older_leader_may_acknowledge_only_what_it_was_asked_before() {
    let mut script = Script::new(false);
    let early = script.invoke(0, dsjepsen_checkers::ElectionCall::Write, 1);
    script.wrote((1, 2), 2, 5);
    script.complete(3, early, Outcome::Ok(dsjepsen_checkers::ElectionReply::Write { term: 4 }));
    let doubtful = script.invoke(4, dsjepsen_checkers::ElectionCall::Write, 1);
    script.complete(5, doubtful, Outcome::Info(Reason::new("timeout")));
    assert_eq!(script.violations(StaleLeader), 0);
    script.wrote((6, 7), 3, 4);
    assert_eq!(script.violations(StaleLeader), 1);
    assert_eq!(script.judge(StaleLeader).findings[0].operations, [1, 6]);
}

#[test]
fn to_see_no_leader_at_all_is_unknown() {
    let mut script = Script::new(false);
    assert_eq!(reason(&script, Liveness), Some(UnknownReason::NoObservations));
    script.polled((0, 1), 1, follows(None, 1, 3));
    script.unanswered((2, 3), 2);
    assert_eq!(reason(&script, Liveness), Some(UnknownReason::NoObservations));
    script.polled((4, 5), 3, follows(Some(2), 1, 3));
    assert_eq!(reason(&script, Liveness), None);
}

#[test]
fn a_view_is_written_without_what_it_does_not_say() {
    let mut script = Script::new(false);
    let view = script.polled((0, 1), 1, counts(1, 2, 3));
    let outcome = &script.history.operations[view].outcome;
    let text = serde_json::to_string(outcome.ok().unwrap()).unwrap();
    let expected = r#"{"f":"poll","value":{"leader":"n1","believes_leader":true,"incarnation":2,"since":3}}"#;
    assert_eq!(text, expected);
    assert_eq!(serde_json::from_str::<dsjepsen_checkers::ElectionReply>(&text).unwrap(), *outcome.ok().unwrap());
    let nothing = r#"{"f":"poll","value":{}}"#;
    let read: dsjepsen_checkers::ElectionReply = serde_json::from_str(nothing).unwrap();
    assert_eq!(serde_json::to_string(&read).unwrap(), nothing);
}

#[test]
fn every_rule_has_a_checker_of_its_name() {
    let names: Vec<_> = election_checkers().iter().map(|checker| checker.name()).collect();
    assert_eq!(names, ElectionRule::ALL.map(ElectionRule::id));
}
