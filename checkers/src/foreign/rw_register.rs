//! Elle's rw-register: transactions that write registers and read them.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Gravity, Judgement};

use super::transactions::{ASSUMPTION, Holds, options, read};
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, ForeignRequest, Given};
use crate::transactions::{Level, Ordered, RegisterOptions, check_registers};

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
        options(request).map(drop)
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let options = options(given.request)?;
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
            anomalies_only: assume.anomalies_only || given.operations()?.iter().any(hides_writes),
        };
        let verdict = check_registers(&history, &assume, &options);
        let is_open = verdict.verdict == Gravity::Valid && verdict.ordered == Ordered::Open;
        let mut judgement = verdict.judgement(self.name());
        if is_open {
            judgement.assumptions.push(ANOMALIES_ONLY.to_owned());
        }
        judgement.assumptions.push(ASSUMPTION.to_owned());
        Ok(judgement)
    }
}

const ANOMALIES_ONLY: &str = "Only anomalies were looked for: whether there is an order of all transactions was not decided.";

/// Whether an operation may have written what cannot be told from the initial state: nil, or nobody knows what.
fn hides_writes(operation: &ForeignOperation) -> bool {
    let value = match operation.outcome {
        ForeignOutcome::Fail => return false,
        ForeignOutcome::Ok => &operation.reply,
        ForeignOutcome::Info => &operation.call,
    };
    let writes_nil = |step: &Value| match step.as_list() {
        Some([kind, _, value]) => (kind.is_word("w") || kind.is_word("write")) && value.is_nil(),
        _ => false,
    };
    value.is_nil() || value.as_list().is_some_and(|steps| steps.iter().any(writes_nil))
}
