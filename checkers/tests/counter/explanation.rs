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
    let expected = "";
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
    assert_eq!(explained(&script, CounterRule::Order), "");
}

#[test]
fn a_gap_in_the_results() {
    let mut script = Script::new(STRONG);
    script.added(1, 1, 1, Some(1));
    script.added(2, 2, 1, Some(3));
    assert_eq!(explained(&script, CounterRule::Return), "");
}

#[test]
fn a_read_below_its_bound() {
    let mut script = Script::new(STRONG);
    for id in 0..5 {
        script.added(1, id, 1, None);
    }
    script.read(2, 3);
    assert_eq!(explained(&script, CounterRule::Bounds), "");
}

#[test]
fn a_lost_addition() {
    let mut script = Script::new(STRONG);
    script.doubtful(1, 1, 1);
    for id in 1..5 {
        script.added(2, id, 1, None);
    }
    script.rests_at(3);
    assert_eq!(explained(&script, CounterRule::Lost), "");
}

#[test]
fn a_doubtful_addition_that_counted_twice() {
    let mut script = Script::new(STRONG);
    script.added(2, 1, 1, None);
    script.doubtful(1, 2, 1);
    script.rests_at(3);
    assert_eq!(explained(&script, CounterRule::Extra), "");
}
