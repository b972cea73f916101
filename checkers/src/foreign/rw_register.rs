//! Elle's rw-register: transactions that write registers and read them.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Finding, Judgement, UnknownReason};

use super::transactions::{Holds, judgement, options, read, with_hidden_writes};
use super::{ForeignModel, ForeignOption, ForeignProblem, ForeignRequest, Given};
use crate::transactions::{Level, Options, RegisterOptions, check_registers};

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

    fn levels(&self) -> Vec<&'static str> {
        Level::ALL.iter().map(|level| level.name()).collect()
    }

    fn takes(&self, request: &ForeignRequest) -> Result<(), ForeignProblem> {
        options(request).map(drop)
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let operations = given.operations()?;
        if let Some(key) = Nils::of(operations).ambiguous() {
            let sentence = format!(
                "The history cannot be judged: nil, the initial value, was written to key {key}, so reads of it cannot be attributed."
            );
            let judged = operations.len() as u64;
            let finding = Finding::unknown(UnknownReason::CheckerError, sentence);
            return Ok(Judgement::new(self.name(), judged, vec![finding]));
        }
        let hides = operations.iter().any(hides_writes);
        let asked = options(given.request)?;
        // What nobody knows may be what was read, which so is no initial state.
        let options = Options { anomalies_only: asked.anomalies_only || hides, ..asked.clone() };
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
        let verdict = if hides && !asked.anomalies_only { with_hidden_writes(verdict) } else { verdict };
        Ok(judgement(verdict, self.name(), &options))
    }
}

/// Whether nobody knows what an operation did, and it may have taken effect.
fn hides_writes(operation: &ForeignOperation) -> bool {
    match operation.outcome {
        ForeignOutcome::Fail => false,
        ForeignOutcome::Ok => operation.reply.is_nil(),
        ForeignOutcome::Info => operation.call.is_nil(),
    }
}

/// The keys to which nil was written, and of which nil was read. A nil that was read of a key of both is the initial state or that
/// write, and the judge would take it for the former.
#[derive(Debug, Default)]
struct Nils<'a> {
    written: Vec<&'a Value>,
    read: Vec<&'a Value>,
}

impl<'a> Nils<'a> {
    fn of(operations: &'a [ForeignOperation]) -> Self {
        let mut nils = Self::default();
        for operation in operations {
            let value = match operation.outcome {
                ForeignOutcome::Fail => continue,
                ForeignOutcome::Ok => &operation.reply,
                ForeignOutcome::Info => &operation.call,
            };
            for step in value.as_list().unwrap_or_default() {
                let (kind, key, value) = match step.as_list() {
                    Some([kind, key, value]) => (kind, key, value),
                    Some([kind, key]) => (kind, key, &Value::Nil),
                    _ => continue,
                };
                match kind.as_word() {
                    Some("w" | "write") if value.is_nil() => nils.written.push(key),
                    Some("r" | "read") if value.is_nil() && operation.outcome == ForeignOutcome::Ok => {
                        nils.read.push(key);
                    }
                    _ => {}
                }
            }
        }
        nils
    }

    fn ambiguous(&self) -> Option<&'a Value> {
        self.written.iter().copied().find(|key| self.read.contains(key))
    }
}
