//! Counts of operations by kind, and the warning that a kind never succeeded.

use std::collections::BTreeSet;

use dsjepsen_history::{Call, Figure, Judgement, OperationCounts};

use crate::vacuity::kind_never_succeeded;
use crate::words::count;
use crate::{Checker, RunView};

/// Counts operations by kind. A kind that was tried and never succeeded makes the verdict unknown, unless that is to be
/// expected ([`Call::may_never_succeed`]).
#[derive(Debug, Clone, Copy)]
pub struct Stats {
    /// The kinds that the workload requires: [`Vacuity`](crate::Vacuity) speaks of these, and nothing is said twice.
    pub required: &'static [&'static str],
}

impl<C: Call, R> Checker<C, R> for Stats {
    fn name(&self) -> &'static str {
        "stats"
    }

    fn check(&self, run: &RunView<'_, C, R>) -> Judgement {
        let counts = OperationCounts::of(&run.history.operations, |call| call.kind());
        let calls = run.history.operations.iter().map(|operation| &operation.call);
        let excused: BTreeSet<&str> = calls.filter(|call| call.may_never_succeed()).map(Call::kind).collect();
        let spoken_of = |kind: &str| self.required.contains(&kind) || excused.contains(kind);
        let findings = counts
            .by_kind
            .iter()
            .filter(|(kind, of_kind)| of_kind.ok == 0 && !spoken_of(kind))
            .map(|(kind, of_kind)| kind_never_succeeded(kind, of_kind))
            .collect();
        let mut judgement = Judgement::new("stats", counts.total, findings);
        judgement.figures = counts
            .by_kind
            .iter()
            .map(|(kind, of_kind)| Figure {
                name: kind.clone().into(),
                value: format!(
                    "{} ok, {} failed, {} indeterminate",
                    count(of_kind.ok),
                    count(of_kind.fail),
                    count(of_kind.info)
                ),
            })
            .collect();
        judgement
    }
}
