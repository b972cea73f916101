//! An independent look at the proof in a finding: do the operations that it names prove the rule broken, and each is needed?

use dsjepsen_checkers::ElectionRule;
use dsjepsen_history::{Finding, Gravity};

use crate::oracle::count;
use crate::script::{ElectionOperation, Script, judge};

/// Panics unless the finding's own operations prove it, all of them are needed, and they are told consistently.
#[track_caller]
pub(crate) fn validate(script: &Script, rule: ElectionRule, finding: &Finding) {
    let find = |&index| script.history.operations.iter().find(|operation| operation.invoked.index == index).unwrap();
    let named: Vec<ElectionOperation> = finding.operations.iter().map(find).cloned().collect();
    assert!(finding.operations.is_sorted());
    assert!(count(&named, rule) > 0, "{rule:?}: the named operations prove nothing: {finding:#?}");
    for position in 0..named.len() {
        let mut fewer = named.clone();
        fewer.remove(position);
        assert_eq!(count(&fewer, rule), 0, "{rule:?} holds without operation {position}: {finding:#?}");
    }
    let mut alone = script.history.clone();
    alone.operations = named;
    let judgement = judge(&alone, &script.plan, rule);
    assert_eq!(judgement.verdict, Gravity::Invalid);
    assert_eq!(judgement.findings[0].sentence, finding.sentence);
    assert_eq!(judgement.findings[0].operations, finding.operations);

    let timeline = finding.timeline.as_ref().unwrap();
    let spans = timeline.lanes.iter().flat_map(|lane| &lane.spans);
    for span in spans.clone() {
        assert!(span.from_ns <= span.to_ns && timeline.from_ns <= span.from_ns && span.to_ns <= timeline.to_ns);
    }
    let drawn = spans.filter_map(|span| span.operation);
    let marked = timeline.lanes.iter().flat_map(|lane| lane.marks.iter().filter_map(|mark| mark.operation));
    let told = finding.steps.iter().filter_map(|step| step.operation);
    for index in told.chain(drawn).chain(marked) {
        assert!(finding.operations.contains(&index), "operation {index} is told, but not named: {finding:#?}");
    }
    assert!(!finding.sentence.contains("  ") && finding.sentence.ends_with('.'));
    assert!(!finding.detail.contains("  ") && finding.detail.ends_with('.'));
}
