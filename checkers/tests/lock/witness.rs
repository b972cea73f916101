//! An independent look at the proof in a finding: do the operations that it names prove the rule broken?

use dsjepsen_checkers::{LockCall, LockReply, LockRule};
use dsjepsen_history::{Finding, Gravity, Index, Outcome};

use crate::oracle::Oracle;
use crate::script::{LockOperation, Script, judge};

/// Panics unless the finding's own operations prove it, and are told consistently.
#[track_caller]
pub(crate) fn validate(script: &Script, rule: LockRule, finding: &Finding) {
    let named: Vec<LockOperation> = finding.operations.iter().map(|&index| find(script, index)).collect();
    assert!(named.is_sorted_by_key(|operation| operation.invoked.index), "not in order: {finding:#?}");
    let oracle = Oracle { operations: &named, plan: &script.plan };
    assert!(oracle.count(rule) > 0, "{rule:?}: the named operations prove nothing: {finding:#?}");
    nothing_left_out(script, rule, &named);
    nothing_too_much(script, rule, &named);

    // The named operations alone must be explained by the same sentence, figures included.
    let mut alone = script.history.clone();
    alone.operations = named;
    let judgement = judge(&alone, &script.plan, rule);
    assert_eq!(judgement.verdict, Gravity::Invalid);
    assert_eq!(judgement.findings[0].sentence, finding.sentence);
    assert_eq!(judgement.findings[0].operations, finding.operations);

    let told = finding.steps.iter().filter_map(|step| step.operation);
    for index in told.chain(drawn(finding)) {
        assert!(finding.operations.contains(&index), "operation {index} is told, but not named: {finding:#?}");
    }
    let timeline = finding.timeline.as_ref().unwrap();
    let spans = timeline.lanes.iter().flat_map(|lane| &lane.spans);
    for span in spans {
        assert!(span.from_ns <= span.to_ns && timeline.from_ns <= span.from_ns && span.to_ns <= timeline.to_ns);
    }
    assert!(!finding.sentence.contains("  ") && finding.sentence.ends_with('.'));
}

/// A proof by omission is none: what would excuse the service must be named too, if it exists.
fn nothing_left_out(script: &Script, rule: LockRule, named: &[LockOperation]) {
    let holds: Vec<_> = acquires(named).map(|acquire| acquire.call.hold()).collect();
    let answers = named.iter().filter(|operation| operation.outcome.is_fail());
    // Only an early loss names an operation that failed: the answer that is its point.
    let last = answers.filter_map(|operation| operation.completed).max();
    let excuses = |operation: &&LockOperation| {
        let release = matches!(operation.call, LockCall::Release { .. });
        let ours = holds.contains(&operation.call.hold());
        release && ours && last.is_none_or(|last| operation.invoked.index < last.index)
    };
    let missing = script.history.operations.iter().filter(excuses);
    let missing: Vec<_> = missing.filter(|operation| !named.contains(operation)).collect();
    match rule {
        // The overlap must begin before any release that is not named.
        LockRule::Exclusion | LockRule::Belief => {
            let second = acquires(named).filter_map(|acquire| acquire.completed).max().unwrap();
            assert!(missing.iter().all(|release| release.invoked.index > second.index), "{missing:#?}");
        }
        LockRule::EarlyLoss => assert!(missing.is_empty(), "{missing:#?}"),
        LockRule::Fencing | LockRule::StaleWrite => {}
    }
}

/// Both grants, both writes, the answer: without any one of them there is no violation.
fn nothing_too_much(script: &Script, rule: LockRule, named: &[LockOperation]) {
    let essential = |operation: &LockOperation| match operation.call {
        LockCall::Acquire { .. } => rule != LockRule::StaleWrite,
        LockCall::Write { .. } => true,
        _ => rule == LockRule::EarlyLoss && operation.outcome.is_fail(),
    };
    for (position, operation) in named.iter().enumerate() {
        let mut fewer = named.to_vec();
        fewer.remove(position);
        let oracle = Oracle { operations: &fewer, plan: &script.plan };
        assert!(!essential(operation) || oracle.count(rule) == 0, "{rule:?} holds without {operation:#?}");
    }
}

fn acquires(operations: &[LockOperation]) -> impl Iterator<Item = &LockOperation> {
    operations.iter().filter(|operation| matches!(operation.outcome, Outcome::Ok(LockReply::Acquire { .. })))
}

fn drawn(finding: &Finding) -> impl Iterator<Item = Index> {
    let lanes = &finding.timeline.as_ref().unwrap().lanes;
    let spans = lanes.iter().flat_map(|lane| lane.spans.iter().filter_map(|span| span.operation));
    let marks = lanes.iter().flat_map(|lane| lane.marks.iter().filter_map(|mark| mark.operation));
    spans.chain(marks)
}

fn find(script: &Script, index: Index) -> LockOperation {
    let found = script.history.operations.iter().find(|operation| operation.invoked.index == index);
    found.unwrap_or_else(|| panic!("there is no operation {index}")).clone()
}
