//! fptlin's register that is only read and modified: it is 0 at first, and each operation tells what it found and what it left.

use dsjepsen_history::foreign::{ForeignOperation, Value};

use super::numbers::Numbers;
use super::objects::{ObjectModel, Refused, Shown, Taken, Words, judge};
use super::{Completion, ForeignOption};
use super::register::value_in_words;
use crate::models::register::{Call, Register, Reply};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "rmw",
    about: "read_modify_write [old new]: linearizable; --init 0",
    rule: "rmw.linearizable",
    options: &[ForeignOption::Init, ForeignOption::Keys],
    kinds: &[("read_modify_write", Completion::Filled), ("read-modify-write", Completion::Filled), ("rmw", Completion::Filled)],
    judge: |model, given| {
        let mut values = Numbers::default();
        let initial = given.request.init.clone().unwrap_or(Value::Integer(0));
        let register = Register { initial: values.number(&initial) };
        judge(model, given, &register, RmwWords(values))
    },
};

struct RmwWords(Numbers);

impl Words for RmwWords {
    type Model = Register<u32>;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Register<u32>>, Refused> {
        if !matches!(operation.f.as_deref(), Some("read_modify_write" | "read-modify-write" | "rmw")) {
            return Err(Refused::Stranger);
        }
        let Some([from, to]) = operation.call.as_list() else {
            return Err(Refused::Malformed(format!("it takes `[old new]`, and this one {}", operation.call)));
        };
        let call = Call::Cas { from: self.0.number(from), to: self.0.number(to) };
        Ok(Taken::by(operation.outcome, call, Reply::Swapped(true)))
    }

    fn holds(state: &u32, shown: &[Shown<'_, Register<u32>>]) -> Option<String> {
        Some(value_in_words(*state, shown))
    }
}
