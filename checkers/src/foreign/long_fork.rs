//! Jepsen's long-fork: single writes, and reads of groups of keys.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};
use dsjepsen_history::{Index, Judgement};

use super::{Completion, ForeignModel, ForeignOption, ForeignProblem, Given};
use crate::transactions::{LongForkOperation, check_long_fork};

/// The model.
pub(super) const MODEL: LongFork = LongFork;

/// `long-fork`.
pub(super) struct LongFork;

impl ForeignModel for LongFork {
    fn name(&self) -> &'static str {
        "long-fork"
    }

    fn about(&self) -> &'static str {
        "write [[:w k v]], read [[:r k v] …]: no two reads of a group see two writes in opposite orders"
    }

    fn options(&self) -> &'static [ForeignOption] {
        &[]
    }

    fn kinds(&self) -> &'static [(&'static str, Completion)] {
        &[("write", Completion::Steps), ("read", Completion::Steps)]
    }

    fn judge(&self, given: &Given<'_>) -> Result<Judgement, ForeignProblem> {
        let mut operations = Vec::new();
        for operation in given.operations()?.iter() {
            let is_read = match operation.f.as_deref() {
                Some("read") => true,
                Some("write") => false,
                _ => return Err(given.stranger(operation, self.name())),
            };
            let taken = match (is_read, operation.outcome) {
                (_, ForeignOutcome::Fail) | (true, ForeignOutcome::Info) => continue,
                (true, ForeignOutcome::Ok) => read(operation),
                (false, _) => write(operation),
            };
            operations.push(taken.map_err(|problem| given.refuse(operation.line, problem))?);
        }
        Ok(check_long_fork(&operations))
    }
}

fn read(operation: &ForeignOperation) -> Result<LongForkOperation, String> {
    let mut values = BTreeMap::new();
    for (key, value) in steps(&operation.reply, ["r", "read"])? {
        if values.insert(key.to_string(), (!value.is_nil()).then(|| value.to_string())).is_some() {
            return Err(format!("key {key} is read twice"));
        }
    }
    Ok(LongForkOperation::Read { index: Index::from(operation.invoked), values })
}

fn write(operation: &ForeignOperation) -> Result<LongForkOperation, String> {
    match steps(&operation.call, ["w", "write"])?.as_slice() {
        [(key, _)] => Ok(LongForkOperation::Write { index: Index::from(operation.invoked), key: key.to_string() }),
        _ => Err(format!("a write is of one key, and this one {}", operation.call)),
    }
}

fn steps<'a>(value: &'a Value, kinds: [&str; 2]) -> Result<Vec<(&'a Value, &'a Value)>, String> {
    let wrong = || format!("`[[:{} key value] …]` is expected, and this is {value}", kinds[0]);
    let step = |step: &'a Value| match step.as_list() {
        Some([kind, key, value]) if kinds.iter().any(|word| kind.is_word(word)) => Ok((key, value)),
        _ => Err(wrong()),
    };
    value.as_list().ok_or_else(wrong)?.iter().map(step).collect()
}
