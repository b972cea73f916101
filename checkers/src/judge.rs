//! Runs the checkers of a workload and merges what they say.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use dsjepsen_history::{Call, Finding, Judgement, OperationCounts, UnknownReason, Verdict};

use crate::{Checker, RunView};

/// Judges a run by every checker and merges the judgements. `valid_sentence` is what the verdict says where nothing was found.
///
/// A checker that panics makes the verdict `unknown: checker-error`, and the judgements of the others are kept. Without any
/// checker the verdict is unknown too: nothing was judged.
pub fn judge<C: Call, R>(
    checkers: &[Box<dyn Checker<C, R>>],
    run: &RunView<'_, C, R>,
    valid_sentence: String,
) -> Verdict {
    let mut judgements: Vec<_> = checkers
        .iter()
        .map(|checker| {
            // A checker only reads the run and is not asked again, so nothing half-changed can be seen after its panic.
            catch_unwind(AssertUnwindSafe(|| checker.check(run))).unwrap_or_else(|panic| {
                let sentence = format!("The checker {} failed: {}.", checker.name(), message(panic.as_ref()));
                unknown(checker.name(), UnknownReason::CheckerError, sentence)
            })
        })
        .collect();
    if judgements.is_empty() {
        let sentence = "No checker judged this run.".to_owned();
        judgements.push(unknown("none", UnknownReason::NoObservations, sentence));
    }
    let counts = OperationCounts::of(&run.history.operations, |call| call.kind());
    let mut verdict = Verdict::merge(judgements, counts, valid_sentence);
    verdict.interrupted = run.interrupted;
    verdict
}

fn unknown(checker: &str, reason: UnknownReason, sentence: String) -> Judgement {
    Judgement::new(checker, 0, vec![Finding::unknown(reason, sentence)])
}

fn message(panic: &(dyn Any + Send)) -> &str {
    panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("it panicked without a message")
}
