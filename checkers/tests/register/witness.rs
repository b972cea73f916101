//! An independent look at the proof in a finding: do the operations that it names have no order, and is each of them needed?

use dsjepsen_checkers::{RegisterCall, RegisterReply};
use dsjepsen_history::{Finding, Outcome};

use crate::oracle::{first_contradiction, is_linearizable, until};
use crate::script::{RegisterOperation, Script};

/// Panics unless the finding's own operations prove it, and are told consistently.
#[track_caller]
pub(crate) fn validate(script: &Script, finding: &Finding) {
    let all = &script.history.operations;
    let named: Vec<_> = all.iter().filter(|op| finding.operations.contains(&op.invoked.index)).cloned().collect();
    assert_eq!(named.len(), finding.operations.len());
    assert!(finding.operations.is_sorted());
    assert!(!is_linearizable(&named), "the named operations have an order: {finding:#?}");

    // They have none once the last of them is answered, and that is when nothing later is named.
    let keys: Vec<_> = named.iter().map(|op| op.call.key()).collect();
    assert!(keys.iter().all(|key| *key == keys[0]));
    let last = finding.steps.last().unwrap().operation;
    let last = named.iter().find(|op| Some(op.invoked.index) == last).unwrap();
    let contradicted = first_contradiction(&named).unwrap();
    assert_eq!(contradicted, last.completed.unwrap().index, "{finding:#?}");
    assert!(contradicted <= first_contradiction(all).unwrap(), "another contradicts itself before: {finding:#?}");
    let known: Vec<_> = until(&named, contradicted).into_iter().filter(|op| !op.outcome.is_fail()).collect();
    assert!(!is_linearizable(&known), "{finding:#?}");
    for place in 0..known.len() {
        let mut fewer = known.clone();
        let gone = fewer.remove(place);
        assert!(is_bound(&gone, &fewer) || is_linearizable(&fewer), "not needed: {gone:#?} in {finding:#?}");
    }
    told(finding);
}

/// Whether leaving this operation out would prove nothing: its value is found by another, or may be what another did not find.
fn is_bound(operation: &RegisterOperation, others: &[RegisterOperation]) -> bool {
    let swapped = Outcome::Ok(RegisterReply::Cas { swapped: false }) != operation.outcome;
    let left = match operation.call {
        RegisterCall::Write { value, .. } => value,
        RegisterCall::Cas { to, .. } if swapped => to,
        _ => return false,
    };
    others.iter().any(|other| match (&other.call, &other.outcome) {
        (_, Outcome::Ok(RegisterReply::Read { value })) => *value == Some(left),
        (RegisterCall::Cas { from, .. }, Outcome::Ok(RegisterReply::Cas { swapped: false })) => *from != left,
        (RegisterCall::Cas { from, .. }, _) => *from == left,
        _ => false,
    })
}

/// Words and drawing speak of the named operations, and of all of them.
fn told(finding: &Finding) {
    let mut told: Vec<_> = finding.steps.iter().filter_map(|step| step.operation).collect();
    told.sort_unstable();
    assert_eq!(told, finding.operations, "{finding:#?}");
    let timeline = finding.timeline.as_ref().unwrap();
    let spans = || timeline.lanes.iter().flat_map(|lane| &lane.spans);
    let mut drawn: Vec<_> = spans().filter_map(|span| span.operation).collect();
    drawn.sort_unstable();
    assert_eq!(drawn, finding.operations);
    for span in spans() {
        assert!(span.from_ns <= span.to_ns && timeline.from_ns <= span.from_ns && span.to_ns <= timeline.to_ns);
    }
    assert!(!finding.sentence.contains("  ") && finding.sentence.ends_with('.'));
    assert_eq!(finding.steps.last().unwrap().lead, "However");
}
