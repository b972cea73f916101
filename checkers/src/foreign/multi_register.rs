//! Registers of which transactions read and write several at once, in one step.

use std::collections::BTreeMap;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use super::{ForeignOption, ForeignProblem};
use crate::linearizable::Model;

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "multi-register",
    about: "txn [[:read k v] [:write k v] …], each in one step: linearizable; --init is a map",
    rule: "multi-register.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    judge: |model, given| {
        let init = given.request.init();
        let first: BTreeMap<Value, Value> = match &init {
            Value::Nil => BTreeMap::new(),
            Value::Map(entries) => entries.iter().cloned().collect(),
            other => return Err(ForeignProblem::Unfit(format!("--init of several registers is a map, and {other} is none"))),
        };
        let nil_is_unknown = !first.is_empty();
        let mut words = MultiRegister { first: first.clone(), nil_is_unknown };
        judge(model, given, &MultiRegister { first, nil_is_unknown }, &mut words)
    },
};

/// All registers together; one that is missing is nil.
struct MultiRegister {
    first: BTreeMap<Value, Value>,
    nil_is_unknown: bool,
}

/// A step of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Step {
    Read(Value, Value),
    Write(Value, Value),
}

impl MultiRegister {
    fn steps(&self, operation: &ForeignOperation) -> Result<Vec<Step>, Refused> {
        let is_ok = operation.outcome == ForeignOutcome::Ok;
        let value = if is_ok { &operation.reply } else { &operation.call };
        let malformed = |what: &Value| Refused::Malformed(format!("`[:read key value]` or `:write` is expected, and this is {what}"));
        let mut steps = Vec::new();
        for step in value.as_list().ok_or_else(|| malformed(value))? {
            match step.as_list() {
                Some([kind, key, value]) if kind.is_word("write") || kind.is_word("w") => {
                    steps.push(Step::Write(key.clone(), value.clone()));
                }
                Some([kind, key, value]) if kind.is_word("read") || kind.is_word("r") => {
                    if is_ok && !(value.is_nil() && self.nil_is_unknown) {
                        steps.push(Step::Read(key.clone(), value.clone()));
                    }
                }
                _ => return Err(malformed(step)),
            }
        }
        Ok(steps)
    }
}

impl Model for MultiRegister {
    type State = BTreeMap<Value, Value>;
    type Call = Vec<Step>;
    type Reply = ();

    fn initial(&self) -> Self::State {
        self.first.clone()
    }

    fn step(&self, state: &Self::State, call: &Vec<Step>, _reply: Option<&()>) -> Option<Self::State> {
        let mut after = state.clone();
        for step in call {
            match step {
                Step::Read(key, value) if after.get(key).unwrap_or(&Value::Nil) != value => return None,
                Step::Read(..) => {}
                Step::Write(key, value) => {
                    after.insert(key.clone(), value.clone());
                }
            }
        }
        Some(after)
    }

    fn only_observes(&self, call: &Vec<Step>, _reply: &()) -> bool {
        call.iter().all(|step| matches!(step, Step::Read(..)))
    }
}

impl Words for MultiRegister {
    type Model = Self;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
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
