//! A set: elements are added and all of them read, as in Jepsen; or inserted, removed and looked for, each answered with 1 or 0.

use std::collections::BTreeSet;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::ForeignOption;
use super::objects::{Object, ObjectModel, Refused, Taken, judge};
use crate::linearizable::{Entry, EntryOf, Model};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "set",
    about: "add v, read [v …]; or insert, remove, contains [v 0|1]: linearizable",
    rule: "set.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge(model, given, || ForeignSet),
};

struct ForeignSet;

#[derive(Debug, Clone)]
enum Call {
    Insert(Value),
    Remove(Value),
    Contains(Value),
    Read,
}

#[derive(Debug, Clone)]
enum Reply {
    /// It does not say whether it changed anything.
    Done,
    /// Whether the element was inserted, removed or there.
    Answer(bool),
    All(BTreeSet<Value>),
}

impl Model for ForeignSet {
    type State = BTreeSet<Value>;
    type Call = Call;
    type Reply = Reply;

    fn initial(&self) -> BTreeSet<Value> {
        BTreeSet::new()
    }

    fn step(&self, state: &BTreeSet<Value>, call: &Call, reply: Option<&Reply>) -> Option<BTreeSet<Value>> {
        let mut after = state.clone();
        let answer = match call {
            Call::Insert(value) => after.insert(value.clone()),
            Call::Remove(value) => after.remove(value),
            Call::Contains(value) => after.contains(value),
            Call::Read => true,
        };
        let agrees = match reply {
            None | Some(Reply::Done) => true,
            Some(Reply::Answer(answered)) => *answered == answer,
            Some(Reply::All(all)) => all == state,
        };
        agrees.then_some(after)
    }

    fn only_observes(&self, call: &Call, reply: &Reply) -> bool {
        matches!(call, Call::Contains(_) | Call::Read) || matches!(reply, Reply::Answer(false))
    }
}

impl Object for ForeignSet {
    fn take(&mut self, operation: &ForeignOperation) -> Result<Taken<Self>, Refused> {
        let malformed = |what: &str| Refused::Malformed(format!("{what}, and this is {}", operation.reply));
        let is_ok = operation.outcome == ForeignOutcome::Ok;
        match operation.f.as_deref() {
            Some("add") => Ok(Taken::by(operation.outcome, Call::Insert(operation.call.clone()), Reply::Done)),
            Some("read") if !is_ok => Ok(Taken::Nothing),
            Some("read") => {
                let read = operation.reply.as_collection().ok_or_else(|| malformed("a read shows all elements"))?;
                let all: BTreeSet<Value> = read.iter().cloned().collect();
                if all.len() < read.len() {
                    return Err(malformed("a set holds each element once"));
                }
                Ok(Taken::Answered(Call::Read, Reply::All(all)))
            }
            Some(word @ ("insert" | "remove" | "contains")) => {
                let answered = || malformed("`[element 0|1]` is expected");
                let [element, answer] = operation.reply.as_list().ok_or_else(answered)? else { return Err(answered()) };
                let answer = match answer.as_integer() {
                    Some(answer @ (0 | 1)) => Reply::Answer(answer == 1),
                    _ => return Err(answered()),
                };
                let call = match word {
                    "insert" => Call::Insert(element.clone()),
                    "remove" => Call::Remove(element.clone()),
                    _ => Call::Contains(element.clone()),
                };
                Ok(if is_ok { Taken::Answered(call, answer) } else { Taken::Nothing })
            }
            _ => Err(Refused::Stranger),
        }
    }

    /// Leaves out additions without an answer that no read shows: they need not have happened.
    fn prune(&self, entries: Vec<EntryOf<Self>>) -> Vec<EntryOf<Self>> {
        let read: Vec<BTreeSet<Value>> = entries
            .iter()
            .filter_map(|entry| match entry.reply() {
                Some(Reply::All(all)) => Some(all.clone()),
                _ => None,
            })
            .collect();
        let has_others = entries.iter().any(|entry| matches!(entry.reply(), Some(Reply::Answer(_))));
        let is_seen = |entry: &Entry<Call, Reply>| match (&entry.call, &entry.answer) {
            (Call::Insert(value), None) => has_others || read.iter().any(|all| all.contains(value)),
            _ => true,
        };
        entries.into_iter().filter(is_seen).collect()
    }
}
