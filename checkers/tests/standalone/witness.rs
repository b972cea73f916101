//! An independent look at the proof in a finding: do the operations that it names, alone, break the same rule?

use std::collections::BTreeSet;

use dsjepsen_history::{Finding, Gravity, Index, Judgement};

/// The rules that a judgement says are broken.
pub(crate) fn broken(judgement: &Judgement) -> BTreeSet<&str> {
    let invalid = judgement.findings.iter().filter(|finding| finding.gravity == Gravity::Invalid);
    invalid.map(|finding| &*finding.rule).collect()
}

/// Panics unless the operations that each finding names break its rule by themselves. `alone` judges the history cut down to them.
#[track_caller]
pub(crate) fn validate(judgement: &Judgement, alone: impl Fn(&dyn Fn(Index) -> bool) -> Judgement) {
    let gravest = judgement.findings.iter().map(|finding| finding.gravity).max().unwrap_or(Gravity::Valid);
    assert_eq!(judgement.verdict, gravest);
    for finding in judgement.findings.iter().filter(|finding| finding.gravity == Gravity::Invalid) {
        told_well(finding);
        let named = |index: Index| finding.operations.contains(&index);
        let again = alone(&named);
        assert!(
            broken(&again).contains(&*finding.rule),
            "the named operations prove nothing: {finding:#?}\n{again:#?}"
        );
    }
}

/// An argument begins with what is let, ends with what contradicts it, and names all that it speaks of.
#[track_caller]
fn told_well(finding: &Finding) {
    assert!(finding.count > 0 && !finding.operations.is_empty(), "{finding:#?}");
    assert!(finding.operations.is_sorted_by(|one, other| one < other), "{finding:#?}");
    assert!(finding.steps.iter().filter_map(|step| step.operation).all(|at| finding.operations.contains(&at)));
    let lead = |place: usize| finding.steps.get(place).map(|step| &*step.lead);
    assert!(lead(0) == Some("Let") || lead(0) == Some("Then"), "{finding:#?}");
    assert!(finding.steps.last().unwrap().lead.starts_with("However"), "{finding:#?}");
    assert!(finding.sentence.ends_with('.') && !finding.sentence.contains("  "), "{}", finding.sentence);
}
