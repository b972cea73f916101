//! Jepsen's bank: transfers between accounts, and reads of all of them.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Index, Judgement};

use super::numbers::whole;
use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::transactions::{BankOptions, BankRead, check_bank};

/// The model.
pub(super) const MODEL: Bank = Bank;

/// `bank`.
pub(super) struct Bank;

impl ForeignModel for Bank {
    fn name(&self) -> &'static str {
        "bank"
    }

    fn about(&self) -> &'static str {
        "transfer, and read of {account balance …}: every read shows each account, none overdrawn, and one total"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[]
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        // What a transfer says is not judged.
        &[("transfer", Completion::Result), ("read", Completion::Result)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let mut reads = Vec::new();
        for operation in given.operations()?.iter() {
            match operation.f.as_deref() {
                Some("read") if operation.outcome == ForeignOutcome::Ok => {
                    let balances = balances(operation).map_err(|problem| given.refuse(operation.line, problem))?;
                    reads.push(BankRead { index: Index::from(operation.invoked), balances });
                }
                Some("read" | "transfer") => {}
                _ => return Err(given.stranger(operation, self.name())),
            }
        }
        Ok(check_bank(&reads, &BankOptions::default()))
    }
}

fn balances(operation: &ForeignOperation) -> Result<BTreeMap<String, Option<i64>>, String> {
    let entries =
        operation.reply.as_map().ok_or_else(|| format!("a read shows `{{account balance}}`, and this one {}", operation.reply))?;
    let entry = |(account, balance): &(Value, Value)| match balance {
        Value::Nil => Ok((account.to_string(), None)),
        balance => Ok((account.to_string(), Some(whole(&format!("account {account} of a bank holds"), balance)?))),
    };
    entries.iter().map(entry).collect()
}
