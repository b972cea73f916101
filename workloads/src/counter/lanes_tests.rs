//! The lanes of counters: bounds that go with the rule's, and reads that stand out exactly where the rule says so.

use dsjepsen_checkers::{CounterCall, CounterReply};
use dsjepsen_history::{Panel, PointStyle};

use super::super::WORKLOAD;
use crate::script::{Saw, Script};

#[test]
fn bounds_follow_the_additions_and_a_read_outside_stands_out() {
    let read = || CounterCall::Read { node: None, round: None };
    let mut script = Script::new(3, 2);
    script.plan.promises.linearizable_reads = true;
    script.add(0, 100, CounterCall::Add { id: 1, delta: 5 }, Saw::Ok(200, CounterReply::Add { value: None }));
    script.add(0, 300, CounterCall::Add { id: 2, delta: 2 }, Saw::Info(400));
    let right = script.add(1, 500, read(), Saw::Ok(510, CounterReply::Read { value: 7 }));
    let wrong = script.add(1, 600, read(), Saw::Ok(610, CounterReply::Read { value: 4 }));
    let lanes = script.lanes(&WORKLOAD, 1_000);
    let [Panel::Values { curves, points, .. }] = lanes.panels.as_slice() else { panic!("{lanes:?}") };
    let steps = |at: usize| curves[at].steps.iter().map(|(time, value)| (time / 1_000_000, *value)).collect::<Vec<_>>();
    assert_eq!((curves[0].label.as_str(), steps(0)), ("at most", vec![(0, 0), (100, 5), (300, 7)]));
    assert_eq!((curves[1].label.as_str(), steps(1)), ("at least", vec![(0, 0), (200, 5)]));
    let shown: Vec<_> = points.iter().map(|point| (point.operation, point.style, point.label.as_str())).collect();
    assert_eq!(shown, [(Some(right), PointStyle::Plain, ""), (Some(wrong), PointStyle::Broken, "read 4")]);
    assert!(lanes.text.contains("2 reads, 1 of them out of their bounds"), "{}", lanes.text);
    // A read that may show any past is right with it, and the lines say what bounds it then.
    script.plan.promises.linearizable_reads = false;
    let lanes = script.lanes(&WORKLOAD, 1_000);
    let [Panel::Values { curves, points, .. }] = lanes.panels.as_slice() else { panic!("{lanes:?}") };
    assert_eq!(curves[2].steps, [(0, 0), (200_000_000, 5)]);
    assert!(points.iter().all(|point| point.style == PointStyle::Plain) && lanes.text.contains("any past"));
}
