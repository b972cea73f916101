//! Jepsen's causal-reverse: values are inserted one by one, and all of them are read.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Index, Judgement};

use super::keys::by_key;
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::transactions::{CausalOperation, check_causal_reverse};

/// The model.
pub(super) const MODEL: CausalReverse = CausalReverse;

/// `causal-reverse`.
pub(super) struct CausalReverse;

impl ForeignModel for CausalReverse {
    fn name(&self) -> &'static str {
        "causal-reverse"
    }

    fn about(&self) -> &'static str {
        "write v, read [v …]: a read that shows a write shows all that had completed before it began"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[ForeignOption::Keys]
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        &[("write", Completion::Argument), ("insert", Completion::Argument), ("read", Completion::Result)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let mut all: Option<Judgement> = None;
        for operations in by_key(given)?.into_values() {
            let one = judge_key(given, &operations)?;
            match &mut all {
                None => all = Some(one),
                Some(all) => {
                    all.verdict = all.verdict.max(one.verdict);
                    all.judged += one.judged;
                    all.findings.extend(one.findings);
                    // Figures of one key say nothing of several.
                    all.figures.clear();
                }
            }
        }
        Ok(all.unwrap_or_else(|| check_causal_reverse(&[])))
    }
}

fn judge_key(given: &Given<'_>, operations: &[ForeignOperation]) -> Result<Judgement, ForeignProblem> {
    let mut taken = Vec::new();
    for operation in operations {
        if operation.is_bare() {
            return Err(given.refuse(operation.line, "it has no invocation, so nothing is known of when it began"));
        }
        let invoked = Index::from(operation.invoked);
        match (operation.f.as_deref(), operation.outcome) {
            (Some("read"), ForeignOutcome::Ok) => {
                let values = operation.reply.as_collection().ok_or_else(|| {
                    given.refuse(operation.line, format!("a read shows `[value …]`, and this one {}", operation.reply))
                })?;
                taken.push(CausalOperation::Read { invoked, values: values.iter().map(Value::to_string).collect() });
            }
            (Some("write" | "insert"), ForeignOutcome::Ok | ForeignOutcome::Info) => {
                let is_ok = operation.outcome == ForeignOutcome::Ok;
                let completed = operation.completed().filter(|_| is_ok).map(Index::from);
                taken.push(CausalOperation::Write { invoked, completed, value: operation.call.to_string() });
            }
            (Some("read" | "write" | "insert"), _) => {}
            _ => return Err(given.stranger(operation, "causal-reverse")),
        }
    }
    Ok(check_causal_reverse(&taken))
}
