//! A set: elements are added and all of them read, as in Jepsen; or inserted, removed and looked for, each answered with 1 or 0.

use std::collections::BTreeSet;

use dsjepsen_history::foreign::{ForeignOperation, ForeignOutcome, Value};

use super::ForeignOption;
use super::objects::{ObjectModel, Refused, Taken, Words, judge};
use crate::linearizable::{EntryOf, Model};

/// The model.
pub(super) const MODEL: ObjectModel = ObjectModel {
    name: "set",
    about: "add v, read [v …]; or insert, remove, contains [v 0|1]: linearizable",
    rule: "set.linearizable",
    options: &[ForeignOption::Keys],
    judge: |model, given| judge(model, given, &ForeignSet, &mut ForeignSet),
};

struct ForeignSet;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Call {
    Insert(Value),
    Remove(Value),
    Contains(Value),
    Read,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
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

    /// What changes nothing may go, and an addition that no read shows and of which nothing else speaks.
    fn may_go(&self, entries: &[EntryOf<Self>], place: usize) -> bool {
        let entry = &entries[place];
        match (&entry.call, &entry.answer) {
            (Call::Insert(value), None | Some((Reply::Done, _))) => entries.iter().all(|other| match other.reply() {
                Some(Reply::All(all)) => !all.contains(value),
                Some(Reply::Answer(_)) => false,
                Some(Reply::Done) | None => true,
            }),
            (call, Some((reply, _))) => self.only_observes(call, reply),
            _ => false,
        }
    }
}

impl Words for ForeignSet {
    type Model = Self;

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
}
