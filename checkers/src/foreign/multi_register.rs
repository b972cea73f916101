//! Registers of which transactions read and write several at once, in one step.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::numbers::Numbers;
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use super::{Completion, ForeignOption, ForeignProblem};
use crate::models::multi_register::{MultiRegister, Step};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "multi-register",
    about: "txn [[:read k v] [:write k v] …], each in one step: linearizable; --init is a map",
    rule: "multi-register.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    kinds: &[("txn", Completion::Steps), ("read", Completion::Steps), ("write", Completion::Steps)],
    judge: |model, given| {
        let init = given.request.init();
        let first: BTreeMap<Value, Value> = match &init {
            Value::Nil => BTreeMap::new(),
            Value::Map(entries) => entries.iter().cloned().collect(),
            other => return Err(ForeignProblem::Unfit(format!("--init of several registers is a map, and {other} is none"))),
        };
        let nil_is_unknown = !first.is_empty();
        let mut words = MultiRegisterWords { nil_is_unknown, keys: Numbers::default(), values: Numbers::default() };
        let nil = words.values.number(&Value::Nil);
        // Numbered one after the other, they are sorted.
        let initial = first.iter().map(|(key, value)| (words.keys.number(key), words.values.number(value))).collect();
        judge(model, given, &MultiRegister { initial, nil }, words)
    },
};

struct MultiRegisterWords {
    nil_is_unknown: bool,
    keys: Numbers,
    values: Numbers,
}

impl MultiRegisterWords {
    fn steps(&mut self, operation: &ForeignOperation) -> Result<Vec<Step<u32, u32>>, Refused> {
        let is_ok = operation.outcome == ForeignOutcome::Ok;
        let value = if is_ok { &operation.reply } else { &operation.call };
        let malformed = |what: &Value| Refused::Malformed(format!("`[:read key value]` or `:write` is expected, and this is {what}"));
        let mut steps = Vec::new();
        for step in value.as_list().ok_or_else(|| malformed(value))? {
            match step.as_list() {
                Some([kind, key, value]) if kind.is_word("write") || kind.is_word("w") => {
                    steps.push(Step::Write(self.keys.number(key), self.values.number(value)));
                }
                Some([kind, key, value]) if kind.is_word("read") || kind.is_word("r") => {
                    if is_ok && !(value.is_nil() && self.nil_is_unknown) {
                        steps.push(Step::Read(self.keys.number(key), self.values.number(value)));
                    }
                }
                _ => return Err(malformed(step)),
            }
        }
        Ok(steps)
    }
}

impl Words for MultiRegisterWords {
    type Model = MultiRegister<u32, u32>;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self::Model>, Refused> {
        if !matches!(operation.f.as_deref(), Some("txn" | "read" | "write")) {
            return Err(Refused::Stranger);
        }
        if operation.outcome == ForeignOutcome::Fail {
            return Ok(Taken::Nothing);
        }
        let steps = self.steps(operation)?;
        Ok(if steps.is_empty() { Taken::Nothing } else { Taken::by(operation.outcome, steps, ()) })
    }
}
