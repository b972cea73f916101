//! How findings read, word for word.

use dsjepsen_checkers::ElectionRule;
use dsjepsen_history::{Finding, SpanStyle};

use crate::script::{MS, Script, View, follows, leads};
use crate::witness;

fn text(finding: &Finding) -> String {
    let mut lines = vec![finding.sentence.clone(), finding.detail.clone()];
    for step in &finding.steps {
        let operation = step.operation.map(|index| format!(" [op {index}]")).unwrap_or_default();
        lines.push(format!("{}: {}{operation}", step.lead, step.text));
    }
    lines.extend(finding.figures.iter().map(|figure| format!("{}: {}", figure.name, figure.value)));
    lines.push(format!("operations {:?}, count {}", finding.operations, finding.count));
    lines.join("\n")
}

#[track_caller]
fn reads(script: &Script, rule: ElectionRule, expected: &str) -> Finding {
    let finding = script.judge(rule).findings[0].clone();
    witness::validate(script, rule, &finding);
    assert_eq!(text(&finding), expected);
    finding
}

#[test]
fn two_leaders_in_a_term() {
    let mut script = Script::new(false);
    script.polled((3_000, 3_004), 1, leads(1, 1, 3));
    script.polled((3_100, 3_104), 1, leads(1, 1, 3));
    script.polled((9_000, 9_002), 4, leads(4, 2, 3));
    let finding = reads(
        &script,
        ElectionRule::TwoLeadersInTerm,
        "\
Two nodes led term 3: n1, and 5.998 s later n4.
n4 said so 5.998 s after n1. A node gives one vote a term, and a leader needs a majority, so somebody voted twice: both could \
acknowledge what the other never hears of. The claims are those of n1 in start 1 of the node and n4 in start 2 of the node.
Let: n1 say that it leads term 3, at 3.004 s. [op 0]
Then: no other node may ever lead term 3.
However: n4 said that it leads term 3, at 9.002 s: a contradiction. [op 4]
term: 3
time between the two claims: 5.998 s
operations [0, 4], count 1",
    );
    let labels: Vec<_> = finding.timeline.unwrap().lanes.into_iter().map(|lane| lane.label).collect();
    assert_eq!(labels, ["n1", "n4"]);
}

#[test]
fn a_term_that_fell_over_a_restart() {
    let mut script = Script::new(false);
    script.polled((1_000, 1_004), 2, follows(None, 1, 7));
    script.polled((1_400, 1_402), 2, follows(None, 2, 1));
    reads(
        &script,
        ElectionRule::TermRegression,
        "\
The term of n2 fell from 7 to 1, over 396 ms.
n2 was started again in between (start 1, then 2): what it must not forget, it did not keep on disk.
Let: n2 say that it is in term 7, at 1.004 s. [op 0]
And let: it be asked again after that, at 1.400 s. [op 2]
Then: it must be in term 7 or a later one.
However: it said at 1.402 s that it is in term 1: a contradiction. [op 2]
earlier term: 7
later term: 1
operations [0, 2], count 1",
    );
}

#[test]
fn a_term_that_fell_without_a_restart_has_no_excuse() {
    let mut script = Script::new(false);
    script.polled((1_000, 1_004), 2, follows(None, 1, 7));
    script.polled((1_400, 1_402), 2, follows(None, 1, 6));
    let detail = script.judge(ElectionRule::TermRegression).findings[0].detail.clone();
    assert_eq!(detail, "Both answers are of start 1 of the node: no restart excuses it.");
}

#[test]
fn an_overlap_of_two_leaderships() {
    let mut script = Script::new(true);
    let says = |node, since| View { term: None, claims: vec![], since: Some(since), ..leads(node, 1, 0) };
    script.polled((1_000, 1_003), 5, says(5, 1));
    script.polled((4_000, 4_002), 4, says(4, 2));
    script.polled((5_000, 5_002), 4, says(4, 2));
    script.polled((5_500, 5_503), 5, says(5, 1));
    let finding = reads(
        &script,
        ElectionRule::Overlap,
        "\
Two nodes led at the same time, n5 and n4, for 998 ms.
n4 took over while n5 still led, and n5 led on for 1.498 s after that. Both count their leaderships, so neither stopped in \
between.
Let: n5 say at 1.003 s that it leads: leadership 1 of its start 1. [op 0]
And let: it say the same when it is asked at 5.500 s. [op 6]
Then: n5 led all the time from 1.003 s to 5.500 s.
Let: n4 say at 4.002 s that it leads: leadership 2 of its start 1. [op 2]
And let: it say the same when it is asked at 5.000 s. [op 4]
Then: n4 led all the time from 4.002 s to 5.000 s.
However: from 4.002 s to 5.000 s both n5 and n4 led, and there may be one leader at a time: a contradiction.
overlap of two definite leaderships: 998 ms
operations [0, 2, 4, 6], count 1",
    );
    let timeline = finding.timeline.unwrap();
    assert_eq!(timeline.conflict_ns, Some((4_002 * MS, 5_000 * MS)));
    let led = timeline.lanes[0].spans.iter().find(|span| span.style == SpanStyle::Definite).unwrap();
    assert_eq!((led.from_ns / MS, led.to_ns / MS), (1_003, 5_500));
    assert_eq!(timeline.lanes[1].marks.len(), 2);
}

#[test]
fn a_leader_of_the_past() {
    let mut script = Script::new(false);
    script.wrote((1_000, 1_004), 2, 7);
    script.wrote((1_400, 1_402), 3, 5);
    reads(
        &script,
        ElectionRule::StaleLeader,
        "\
A leader of term 5 acknowledged a write sent 396 ms after one of term 7 had.
The second write was sent through n3 only when the first had been answered. A leader needs a majority to acknowledge a write, \
and a majority that has seen term 7 follows no leader of term 5.
Let: a leader of term 7 acknowledge a write sent through n2, at 1.004 s. [op 0]
And let: another write be sent through n3 after that, at 1.400 s. [op 2]
Then: only a leader of term 7 or a later one may acknowledge it.
However: a leader of term 5 acknowledged it, at 1.402 s: a contradiction. [op 2]
earlier term: 7
later term: 5
operations [0, 2], count 1",
    );
}
