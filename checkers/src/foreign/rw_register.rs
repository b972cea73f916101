//! Elle's rw-register: transactions that write registers and read them.

use dsjepsen_history::Judgement;

use super::transactions::{ASSUMPTION, Holds, options, read};
use super::{ForeignRequest, ForeignModel, ForeignOption, ForeignProblem, Given};
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
        };
        let mut judgement = check_registers(&history, &assume, &options).judgement(self.name());
        judgement.assumptions.push(ASSUMPTION.to_owned());
        Ok(judgement)
    }
}
