//! A set: elements are added and all of them read, as in Jepsen; or inserted, removed and looked for, each answered with 1 or 0.

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome};

use super::{Completion, ForeignOption};
use super::numbers::Numbers;
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use crate::models::set::{Call, Reply, Set};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "set",
    about: "add v, read [v …]; or insert, remove, contains [v 0|1]: linearizable",
    rule: "set.linearizable",
    options: &[ForeignOption::Keys],
    kinds: &[("add", Completion::Argument), ("read", Completion::Result), ("insert", Completion::ArgumentAndResult), ("remove", Completion::ArgumentAndResult), ("contains", Completion::ArgumentAndResult)],
    judge: |model, given| judge(model, given, &Set::new(), SetWords::default()),
};

#[derive(Default)]
struct SetWords {
    elements: Numbers,
}

impl Words for SetWords {
    type Model = Set<u32>;

    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Set<u32>>, Refused> {
        let malformed = |what: &str| Refused::Malformed(format!("{what}, and this is {}", operation.reply));
        let is_ok = operation.outcome == ForeignOutcome::Ok;
        match operation.f.as_deref() {
            Some("add") => {
                let call = Call::Insert(self.elements.number(&operation.call));
                Ok(Taken::by(operation.outcome, call, Reply::Done))
            }
            Some("read") if !is_ok => Ok(Taken::Nothing),
            Some("read") => {
                let read = operation.reply.as_collection().ok_or_else(|| malformed("a read shows all elements"))?;
                let mut all: Vec<u32> = read.iter().map(|element| self.elements.number(element)).collect();
                all.sort_unstable();
                all.dedup();
                if all.len() < read.len() {
                    return Err(malformed("a set holds each element once"));
                }
                Ok(Taken::Answered(Call::Read, Reply::All(all.into())))
            }
            Some("contains") if !is_ok => Ok(Taken::Nothing),
            Some(word @ ("insert" | "remove")) if !is_ok => {
                // What it was to be answered is not yet asked for, or stands behind the element.
                let element = match operation.call.as_list() {
                    Some([element, _]) => element,
                    _ => &operation.call,
                };
                let element = self.elements.number(element);
                let call = if word == "insert" { Call::Insert(element) } else { Call::Remove(element) };
                Ok(Taken::by(operation.outcome, call, Reply::Done))
            }
            Some(word @ ("insert" | "remove" | "contains")) => {
                let answered = || malformed("`[element 0|1]` is expected");
                let [element, answer] = operation.reply.as_list().ok_or_else(answered)? else { return Err(answered()) };
                let answer = match answer.as_integer() {
                    Some(answer @ (0 | 1)) => Reply::Answer(answer == 1),
                    _ => return Err(answered()),
                };
                let element = self.elements.number(element);
                let call = match word {
                    "insert" => Call::Insert(element),
                    "remove" => Call::Remove(element),
                    _ => Call::Contains(element),
                };
                Ok(Taken::Answered(call, answer))
            }
            _ => Err(Refused::Stranger),
        }
    }
}
