//! The rules by example.

use dsjepsen_checkers::{CounterCall, CounterReply, CounterRule, counter_checkers};
use dsjepsen_history::{Call, Gravity, NodeId, UnknownReason};
use serde_json::json;

use crate::script::{STRONG, Script, WEAK, figure};

#[test]
fn calls_and_replies_are_written_by_their_kind() {
    let read = CounterCall::Read { node: Some(NodeId::at(1)), round: Some(3) };
    assert_eq!(serde_json::to_value(&read).unwrap(), json!({"f": "read", "value": {"node": "n2", "round": 3}}));
    let add = CounterCall::Add { id: 7, delta: -2 };
    assert_eq!(serde_json::to_value(&add).unwrap(), json!({"f": "add", "value": {"id": 7, "delta": -2}}));
    assert_eq!((read.kind(), read.node(), add.kind(), add.node()), ("read", Some(NodeId::at(1)), "add", None));
    let told = CounterReply::Add { value: Some(4) };
    assert_eq!(serde_json::to_value(&told).unwrap(), json!({"f": "add", "value": {"value": 4}}));
    let names: Vec<_> = counter_checkers().iter().map(|checker| checker.name()).collect();
    assert_eq!(names, CounterRule::ALL.map(CounterRule::id));
}

#[test]
fn a_read_lacks_what_was_acknowledged_only_where_it_may_show_the_past() {
    let stale = |promises| {
        let mut script = Script::new(promises);
        script.added(1, 1, 3, None);
        script.read(2, 0);
        script
    };
    assert_eq!(stale(STRONG).broken(), [CounterRule::Bounds]);
    let weak = stale(WEAK);
    assert_eq!(weak.broken(), []);
    let judgement = weak.judge(CounterRule::Bounds);
    assert_eq!(figure(&judgement, "reads that lack an acknowledged addition"), "1");
    assert_eq!(figure(&judgement, "largest amount lacking"), "3");
}

#[test]
fn a_read_shows_nothing_that_was_never_there() {
    for promises in [STRONG, WEAK] {
        let mut script = Script::new(promises);
        let failed = script.add(1, 1, 5);
        script.fail(failed);
        script.doubtful(2, 2, 2);
        script.read(3, 2);
        assert_eq!(script.broken(), [], "what is in doubt may count");
        script.read(3, 3);
        assert!(script.breaks(CounterRule::Bounds), "what failed may not");
    }
}

#[test]
fn decrements_widen_the_bounds_downwards() {
    let mut script = Script::new(STRONG);
    script.added(1, 1, 5, None);
    let decrement = script.add(2, 2, -3);
    script.read(3, 5);
    script.read(3, 2);
    script.told(decrement, None);
    script.read(3, 2);
    assert_eq!(script.broken(), []);
    script.read(3, 5);
    assert_eq!(script.broken(), [CounterRule::Bounds], "it was acknowledged");
    let mut weak = Script::new(WEAK);
    weak.added(1, 1, -3, None);
    weak.read(2, 0);
    weak.read(2, -3);
    assert_eq!(weak.broken(), []);
    weak.read(2, -4);
    assert_eq!(weak.broken(), [CounterRule::Bounds]);
}

#[test]
fn reads_that_follow_one_another_do_not_fall() {
    let falling = |promises| {
        let mut script = Script::new(promises);
        script.doubtful(1, 1, 1);
        script.read(2, 1);
        script.read(3, 0);
        script
    };
    assert_eq!(falling(STRONG).broken(), [CounterRule::Order]);
    assert_eq!(falling(WEAK).broken(), []);
    assert_eq!(figure(&falling(WEAK).judge(CounterRule::Order), "reads below an earlier one"), "1");
    let mut beside = Script::new(STRONG);
    beside.doubtful(1, 1, 1);
    let read = beside.ask(2);
    beside.read(3, 1);
    beside.shows(read, 0);
    assert_eq!(beside.broken(), [], "they overlap");
}

#[test]
fn an_addition_between_two_equal_reads_is_missed() {
    let mut script = Script::new(STRONG);
    // Ten in doubt, so that the bounds allow much.
    for id in 0..10 {
        script.doubtful(id as u32, id, 1);
    }
    script.read(20, 3);
    script.added(21, 30, 1, None);
    script.read(22, 3);
    assert_eq!(script.broken(), [CounterRule::Order]);
}

#[test]
fn results_and_reads_are_one_line() {
    let mut script = Script::new(STRONG);
    for id in 0..4 {
        script.doubtful(id as u32, id, 1);
    }
    script.added(21, 30, 1, Some(5));
    assert_eq!(script.broken(), []);
    // At least 1 was added by now, and at most 5; but the addition found 4.
    script.read(22, 3);
    assert_eq!(script.broken(), [CounterRule::Order]);
}

#[test]
fn results_are_distinct_in_order_and_without_gaps() {
    let mut twice = Script::new(WEAK);
    let (one, other) = (twice.add(1, 1, 1), twice.add(2, 2, 1));
    twice.told(one, Some(1));
    twice.told(other, Some(1));
    assert_eq!(twice.broken(), [CounterRule::Return]);
    assert_eq!(figure(&twice.judge(CounterRule::Return), "values answered more than once"), "1");

    let mut falling = Script::new(WEAK);
    falling.added(1, 1, 1, Some(2));
    falling.added(2, 2, 1, Some(1));
    assert_eq!(falling.broken(), [CounterRule::Return]);

    let mut gap = Script::new(WEAK);
    gap.added(1, 1, 1, Some(1));
    gap.added(2, 2, 1, Some(3));
    assert_eq!(gap.broken(), [CounterRule::Return]);
    let mut explained = Script::new(WEAK);
    explained.added(1, 1, 1, Some(1));
    explained.doubtful(3, 3, 1);
    explained.added(2, 2, 1, Some(3));
    assert_eq!(explained.broken(), []);
}

#[test]
fn results_of_larger_amounts_do_not_overlap() {
    let told = |values: [(i64, i64); 2]| {
        let mut script = Script::new(WEAK);
        let open: Vec<_> = (1..).zip(values).map(|(id, (delta, _))| script.add(id as u32, id, delta)).collect();
        for (operation, (_, value)) in open.into_iter().zip(values) {
            script.told(operation, Some(value));
        }
        script.broken()
    };
    assert_eq!(told([(5, 5), (3, 8)]), []);
    assert_eq!(told([(5, 8), (3, 3)]), []);
    assert_eq!(told([(5, 5), (3, 7)]), [CounterRule::Return]);
    assert_eq!(told([(5, 5), (3, 9)]), [CounterRule::Return], "1 came from nowhere");
}

#[test]
fn a_repeated_addition_is_answered_as_at_first() {
    let repeated = |again| {
        let mut script = Script::new(STRONG);
        script.added(1, 1, 1, Some(1));
        script.added(2, 2, 1, Some(2));
        script.added(3, 1, 1, Some(again));
        script.broken()
    };
    assert_eq!(repeated(1), []);
    assert_eq!(repeated(3), [CounterRule::Return]);
}

#[test]
fn attempts_at_one_addition_count_once() {
    let mut script = Script::new(STRONG);
    script.doubtful(1, 1, 1);
    script.read(5, 1);
    script.doubtful(2, 1, 1);
    script.added(3, 1, 1, Some(1));
    script.read(5, 1);
    script.rests_at(1);
    assert_eq!(script.broken(), []);
    script.read(5, 2);
    assert_eq!(
        script.broken(),
        [CounterRule::Bounds, CounterRule::Order],
        "too much in all, and since the read before"
    );
}

#[test]
fn attempts_that_differ_cannot_be_judged() {
    let mut script = Script::new(STRONG);
    script.doubtful(1, 1, 1);
    script.added(3, 1, 2, None);
    for rule in CounterRule::ALL {
        let judgement = script.judge(rule);
        assert_eq!(judgement.verdict, Gravity::Unknown);
        assert_eq!(judgement.findings[0].reason, Some(UnknownReason::CheckerError));
    }
}
