//! Elle's rw-register: transactions that write registers and read them.

use std::collections::BTreeSet;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Finding, Judgement, UnknownReason};

use super::transactions::{Holds, judgement, options, read};
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, ForeignRequest, Given};
use crate::transactions::{Level, RegisterOptions, check_registers};

/// The model.
pub(super) const MODEL: RwRegister = RwRegister;

/// `rw-register`.
pub(super) struct RwRegister;

impl ForeignModel for RwRegister {
    fn name(&self) -> &'static str {
        "rw-register"
    }

    fn about(&self) -> &'static str {
        "transactions of [:w k v] and [:r k v], held against a consistency level"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[ForeignOption::Consistency]
    }

    fn completion(&self, _kind: Option<&str>) -> Option<Completion> {
        Some(Completion::Steps)
    }

    fn levels(&self) -> Vec<&'static str> {
        Level::ALL.iter().map(|level| level.name()).collect()
    }

    fn takes(&self, request: &ForeignRequest) -> Result<(), ForeignProblem> {
        options(request, &[]).map(drop)
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let operations = given.operations()?;
        if let Some(key) = ambiguous_nil(operations) {
            let sentence = format!(
                "The history cannot be judged: nil, the initial value, was written to key {key}, so reads of it cannot be attributed."
            );
            let judged = operations.len() as u64;
            let finding = Finding::unknown(UnknownReason::CheckerError, sentence);
            return Ok(Judgement::new(self.name(), judged, vec![finding]));
        }
        let options = options(given.request, operations)?;
        let (history, completions) = read(given, Holds::Registers)?;
        let assume = &given.request.assume;
        let ranks = &assume.transaction_order;
        let transaction_order = if ranks.is_empty() {
            Vec::new()
        } else {
            completions.iter().map(|at| at.and_then(|at| ranks.get(&at).copied())).collect()
        };
        let assume = RegisterOptions {
            sequential_keys: assume.sequential_keys,
            linearizable_keys: assume.linearizable_keys,
            writes_follow_reads: assume.writes_follow_reads,
            transaction_order,
        };
        let verdict = check_registers(&history, &assume, &options);
        Ok(judgement(verdict, self.name(), &options))
    }
}

/// A key to which nil was written, and of which nil was read: that nil is the initial state or the write, and the judge would take it
/// for the former.
fn ambiguous_nil(operations: &[ForeignOperation]) -> Option<String> {
    let nils = |operation| steps(operation).filter(|(_, _, value)| value.is_nil());
    let written = operations.iter().filter(|operation| operation.outcome != ForeignOutcome::Fail).flat_map(nils);
    let written = written.filter(|(kind, ..)| matches!(kind.as_word(), Some("w" | "write")));
    let written: BTreeSet<String> = written.map(|(_, key, _)| key.to_string()).collect();
    if written.is_empty() {
        return None;
    }
    let read = operations.iter().filter(|operation| operation.outcome == ForeignOutcome::Ok).flat_map(nils);
    let mut read = read.filter(|(kind, ..)| matches!(kind.as_word(), Some("r" | "read")));
    read.find_map(|(_, key, _)| Some(key.to_string()).filter(|key| written.contains(key)))
}

/// Kind, key and value of each step; a read without a value is one of nil.
fn steps(operation: &ForeignOperation) -> impl Iterator<Item = (&Value, &Value, &Value)> {
    let value = if operation.outcome == ForeignOutcome::Ok { &operation.reply } else { &operation.call };
    value.as_list().unwrap_or_default().iter().filter_map(|step| match step.as_list() {
        Some([kind, key, value]) => Some((kind, key, value)),
        Some([kind, key]) => Some((kind, key, &Value::Nil)),
        _ => None,
    })
}
