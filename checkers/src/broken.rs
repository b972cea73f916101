//! What the judges of typed observations share: they collect broken rules, of each the earliest example, and know a malformed
//! history from a bad one.

use dsjepsen_history::{Figure, Finding, Index, Judgement, Step, UnknownReason};

use crate::Outcome;
use crate::words::count;

/// The broken rules of one judgement.
#[derive(Debug, Default)]
pub(crate) struct Broken {
    found: Vec<Case>,
}

#[derive(Debug)]
struct Case {
    rule: &'static str,
    at: Index,
    finding: Finding,
}

impl Broken {
    /// Counts a violation of a rule that shows at this index. It is told only where none of this rule showed earlier.
    pub(crate) fn note(&mut self, rule: &'static str, at: Index, tell: impl FnOnce() -> Finding) {
        self.note_all(rule, 1, at, tell);
    }

    /// Counts so many violations of a rule, of which the earliest shows at this index.
    pub(crate) fn note_all(&mut self, rule: &'static str, number: u64, at: Index, tell: impl FnOnce() -> Finding) {
        match self.found.iter_mut().find(|case| case.rule == rule) {
            Some(case) => {
                let count = case.finding.count + number;
                if at < case.at {
                    *case = Case { rule, at, finding: tell() };
                }
                case.finding.count = count;
            }
            None => self.found.push(Case { rule, at, finding: Finding { count: number, ..tell() } }),
        }
    }

    /// The judgement: the broken rules, earliest first. `nothing` says why it is unknown where there was nothing to judge.
    pub(crate) fn judgement(
        mut self,
        checker: &'static str,
        judged: u64,
        nothing: Option<String>,
        figures: Vec<Figure>,
    ) -> Judgement {
        self.found.sort_by_key(|case| case.at);
        let mut findings: Vec<_> = self.found.into_iter().map(|case| case.finding).collect();
        findings.extend(nothing.map(|sentence| Finding::unknown(UnknownReason::NoObservations, sentence)));
        let mut judgement = Judgement::new(checker, judged, findings);
        judgement.figures = figures;
        judgement
    }
}

/// A violation whose proof is exactly the operations that its steps speak of.
pub(crate) fn proven(rule: &'static str, sentence: String, detail: String, steps: Vec<Step>) -> Finding {
    let mut operations: Vec<_> = steps.iter().filter_map(|step| step.operation).collect();
    operations.sort_unstable();
    operations.dedup();
    Finding { detail, steps, ..Finding::invalid(rule, sentence, operations) }
}

/// The judgement of observations that contradict themselves, and so say nothing of the system.
pub(crate) fn malformed(checker: &'static str, problem: impl Into<String>) -> Judgement {
    Judgement::new(checker, 0, vec![Finding::unknown(UnknownReason::CheckerError, problem)])
}

/// The first operation that completes before it begins, or is ok without having completed; in words.
pub(crate) fn impossible(spans: impl IntoIterator<Item = (Index, Option<Index>, Outcome)>) -> Option<String> {
    spans.into_iter().find_map(|(invoked, completed, outcome)| match completed {
        Some(completed) if completed <= invoked => {
            Some(format!("Operation {invoked} is said to complete at index {completed}, before it begins."))
        }
        None if outcome == Outcome::Ok => Some(format!("Operation {invoked} is said to be ok, but not when.")),
        _ => None,
    })
}

/// A figure that is a count.
pub(crate) fn counting(name: &'static str, number: u64) -> Figure {
    Figure::new(name, count(number))
}
