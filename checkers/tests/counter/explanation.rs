//! How findings read, word for word.

use dsjepsen_checkers::CounterRule;
use dsjepsen_history::Finding;

use crate::script::{STRONG, Script};

fn text(finding: &Finding) -> String {
    let mut lines = vec![finding.sentence.clone()];
    lines.extend((!finding.detail.is_empty()).then(|| finding.detail.clone()));
    for step in &finding.steps {
        let operation = step.operation.map(|index| format!(" [op {index}]")).unwrap_or_default();
        lines.push(format!("{}: {}{operation}", step.lead, step.text));
    }
    lines.extend(finding.figures.iter().map(|figure| format!("{}: {}", figure.name, figure.value)));
    lines.push(format!("operations {:?}, count {}", finding.operations, finding.count));
    lines.join("\n")
}

fn explained(script: &Script, rule: CounterRule) -> String {
    text(&script.judge(rule).findings[0])
}

#[test]
fn a_read_that_fell() {
    let mut script = Script::new(STRONG);
    script.doubtful(1, 1, 1);
    script.read(2, 1);
    script.read(3, 0);
    let expected = "\
The counter fell from 1 to 0, though it was only added to.
Process 3 on n2 asked 1 ms after the answer to process 2 on n1.
Let: process 2 on n1 read 1, at 0.003 s. [op 2]
Then: whoever asks after all that must see at least 1.
However: process 3 on n2 read 0, at 0.005 s: a contradiction. [op 4]
rise of the counter: -1
surely added meanwhile: 0
operations [2, 4], count 1";
    assert_eq!(explained(&script, CounterRule::Order), expected);
}

#[test]
fn an_addition_between_two_equal_reads() {
    let mut script = Script::new(STRONG);
    script.doubtful(1, 1, 1);
    script.read(2, 1);
    script.added(3, 2, 1, None);
    script.added(3, 3, 1, None);
    script.read(2, 2);
    let expected = "\
The counter rose from 1 by 1, though 2 was surely added meanwhile.
Process 2 on n1 asked 5 ms after the answer to process 2 on n1.
Let: process 2 on n1 read 1, at 0.003 s. [op 2]
And let: operations 4 and 6 (additions) be asked for after that and be acknowledged. [op 4]
Then: whoever asks after all that must see at least 3.
However: process 2 on n1 read 2, at 0.009 s: a contradiction. [op 8]
rise of the counter: 1
surely added meanwhile: 2
operations [2, 4, 6, 8], count 1";
    assert_eq!(explained(&script, CounterRule::Order), expected);
}

#[test]
fn a_gap_in_the_results() {
    let mut script = Script::new(STRONG);
    script.added(1, 1, 1, Some(1));
    script.added(2, 2, 1, Some(3));
    let expected = "\
The counter rose from 1 by 1, though at most 0 can have been added meanwhile.
Process 2 on n1 asked 1 ms after the answer to process 1 on n2.
Let: process 1 on n2 add 1 and be answered 1, at 0.001 s. [op 0]
And let: no other addition be under way from the start of that to the end of what follows.
Then: no more than 1 can be seen.
However: process 2 on n1 added 1 and was answered 3, at 0.003 s, so it found 2: a contradiction. [op 2]
rise of the counter: 1
possibly added meanwhile: 0
operations [0, 2], count 1";
    assert_eq!(explained(&script, CounterRule::Return), expected);
}

#[test]
fn a_read_below_its_bound() {
    let mut script = Script::new(STRONG);
    for id in 0..5 {
        script.added(1, id, 1, None);
    }
    script.read(2, 3);
    let expected = "\
A read showed 3, but at least 5 had been added: 2 too little.
Let: process 2 on n1 ask for the value at 0.010 s. [op 10]
And let: the additions that were acknowledged before it began count, among them operations 4, 6, 8 and 2 \
others. Their sum is 5. [op 8]
Then: the read must show at least 5.
However: it was answered 3 at 0.011 s: a contradiction. [op 10]
value read: 3
least that it may be: 5
most that it may be: 5
operations [4, 6, 8, 10], count 1";
    assert_eq!(explained(&script, CounterRule::Bounds), expected);
}

#[test]
fn a_lost_addition() {
    let mut script = Script::new(STRONG);
    script.doubtful(1, 1, 1);
    for id in 1..5 {
        script.added(2, id, 1, None);
    }
    script.rests_at(3);
    let expected = "\
The counter ends at 3, but 4 was added: 1 lost.
Additions that were acknowledged are missing, and no fault was in force any more.
Let: 4 additions be acknowledged, 4 in all.
And let: no other addition be in doubt: each was sent again until it was acknowledged, or surely never took place.
Then: a counter at rest must show 4.
However: n1 showed 3 in the last two rounds of reads, at 0.011 s and 0.015 s: a contradiction. [op 14]
final value: 3
final value expected: 4
additions in doubt at the end: 0
operations [10, 12, 14, 16], count 2";
    assert_eq!(explained(&script, CounterRule::Lost), expected);
}

#[test]
fn a_doubtful_addition_that_counted_twice() {
    let mut script = Script::new(STRONG);
    script.added(2, 1, 1, None);
    script.doubtful(1, 2, 1);
    script.rests_at(3);
    let expected = "\
The counter ends at 3, but at most 2 was added: 1 too much.
Some addition was counted more than once.
Let: 1 addition be acknowledged, 1 in all.
And let: 1 addition be in doubt: operation 2. So from 1 to 2 was added. [op 2]
Then: a counter at rest must show 2, or what else these additions can add up to.
However: n1 showed 3 in the last two rounds of reads, at 0.005 s and 0.009 s: a contradiction. [op 8]
final value: 3
final value expected: 1 to 2
additions in doubt at the end: 1
operations [2, 4, 6, 8, 10], count 2";
    assert_eq!(explained(&script, CounterRule::Extra), expected);
}
